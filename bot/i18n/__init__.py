"""Translate sentences into the language of the person who reads them."""
