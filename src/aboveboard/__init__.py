"""Aboveboard: decides from evidence whether network equipment meets the no-spy, no-backdoors standard."""

__version__ = "0.1.0"
