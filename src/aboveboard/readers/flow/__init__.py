"""Follows unknown values through code: what is compared, what a match alone reaches, what comes from where."""
