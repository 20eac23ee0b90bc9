"""Export a checkpoint as one voice file, with proof. See ``python -m export --help``."""

import os

# As in `bot`, because onnxruntime would otherwise report its use.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
