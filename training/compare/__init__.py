"""How the voice compares with other models, on the same text, with the same time."""
