"""Keys, envelopes, the log and the canary: bytes in, trusted object out; I/O goes through a small store."""
