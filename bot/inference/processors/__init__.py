"""Change what a model expects next, for each row of a batch."""
