"""The agreement and the declaration: read, validate, draft, compare versions."""
