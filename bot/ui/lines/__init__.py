"""Show lines, one message each, in the look of their script."""
