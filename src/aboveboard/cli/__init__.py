"""The command line: parse, call a pipeline, render, exit."""
