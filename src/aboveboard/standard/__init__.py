"""The 60 clauses and the profiles as data, and the reader that checks them."""
