"""Run a model: check its file, batch its lines in an engine, and draw their characters."""
