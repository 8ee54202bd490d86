"""The ports on files and SQLite."""
