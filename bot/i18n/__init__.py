"""Say sentences in the language of whoever reads them."""
