"""Make a corpus of the plays that Project Gutenberg prints: Fountain, one file a work."""
