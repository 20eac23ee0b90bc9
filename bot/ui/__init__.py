"""Show scripts in Discord."""
