"""Access logs: bytes → rows. Four formats, plain or gzip, told apart by their first line."""
