"""One short module per use; the only place where rooms are joined."""
