"""The jail: every parser of foreign bytes runs here."""
