"""Keep scripts in a file of SQLite."""
