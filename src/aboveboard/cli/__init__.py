"""The command line: parse, call a pipeline, render, exit."""

import gc

gc.set_threshold(50_000, 20, 20)  # before the imports: a command ends soon, makes many small values and hardly any cycles
