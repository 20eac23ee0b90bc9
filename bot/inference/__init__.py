"""Run a model: its file, the engine and its batch, and what a character is drawn from."""
