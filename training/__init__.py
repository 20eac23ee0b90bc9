"""Train voices: read texts, write checkpoints. See ``onbook-train --help``."""

__version__ = "0.1.0"
"""The version of On Book, which the exporter writes into voice files."""
