"""Keep scripts in PostgreSQL."""
