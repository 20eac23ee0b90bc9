"""Catalogues: one gettext file (.po) a language, with translations by English sentence."""
