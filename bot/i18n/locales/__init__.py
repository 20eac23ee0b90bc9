"""Catalogues: one JSON file a language, with translations by English sentence."""
