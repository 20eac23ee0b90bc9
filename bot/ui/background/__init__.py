"""Show what nobody has just asked for: what is due, and what was out of date."""
