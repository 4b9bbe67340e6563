"""Verifiers that others wrote take what we make, and refuse what was tampered with.

Nothing here uses our own reading or checking of what is verified: envelopes are opened with the standard library, and
signatures, proofs, statements and documents are checked by programs and libraries of other hands.
"""
