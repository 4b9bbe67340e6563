"""The collectors: one module each, found by a folder scan; none imports another."""
