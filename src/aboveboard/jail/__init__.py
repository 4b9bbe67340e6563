"""The jail: every parser of foreign bytes runs here, in a process that can do nothing but parse and answer."""

from aboveboard.jail.jail import Jail, Sinks
from aboveboard.jail.limits import Ending, Limits

__all__ = ["Ending", "Jail", "Limits", "Sinks"]
