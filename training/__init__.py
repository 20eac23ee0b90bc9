"""Train voices: read texts, write checkpoints. See ``python -m training --help``."""
