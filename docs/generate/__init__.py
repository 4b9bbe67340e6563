"""Writes the reference pages from the code: `.venv/bin/python -m docs.generate`."""
