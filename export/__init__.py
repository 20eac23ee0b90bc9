"""A checkpoint in, one voice file out, with proof. See ``python -m export --help``."""

import os

# As in `bot`: what people train on their own scripts is told to nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
