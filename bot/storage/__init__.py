"""Keep scripts in a database."""
