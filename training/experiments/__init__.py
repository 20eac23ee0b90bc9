"""Compare the voice with other models, on the same text and with the same training time."""
