"""A checkpoint in, one voice file out, with proof. See ``python -m export --help``."""
