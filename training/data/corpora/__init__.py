"""Hold one package for each corpus that is made from a source."""
