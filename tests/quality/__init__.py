"""Judge how well a voice reads, beside people whose text it has not seen: see `__main__`."""
