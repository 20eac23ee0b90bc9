"""Read texts, and make corpora from them."""
