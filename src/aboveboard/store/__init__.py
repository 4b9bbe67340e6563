"""Blobs, evidence and verdicts by digest, in plain folders."""
