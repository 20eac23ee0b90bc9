"""Hold the catalogues: one gettext file (.po) per language, keyed by English sentences."""
