"""Write lines: between the text of a script and the tokens of a model."""
