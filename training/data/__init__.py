"""Hold what reads texts and makes corpora of them."""
