"""How well a voice reads, beside the people whose text it has not seen: see `__main__`."""
