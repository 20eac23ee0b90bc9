"""Read texts, and make corpora of them."""
