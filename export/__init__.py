"""Export a checkpoint as one voice file, with proof. See ``python -m export --help``."""

import os

__version__ = "0.1.0"
"""The version of On Book, which the exporter writes into voice files."""

# As in `bot`, because onnxruntime would otherwise report its use.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
