"""A bounded abstract interpreter of boot scripts: what a script starts, under which conditions, as far as constants tell.

The language is POSIX.1-2017 XCU chapter 2 as busybox ash reads it, parsed with tree-sitter-bash. Nothing is run: commands
are recorded, builtins are modelled, and what is not known stays marked as such. A condition that the tree and the
constants do not decide makes both branches run, each under that condition.
"""

from aboveboard.readers.shell.interpreter import Interpreter
from aboveboard.readers.shell.state import UNKNOWN, Command, Limits, Outcome, State

__all__ = ["UNKNOWN", "Command", "Interpreter", "Limits", "Outcome", "State"]
