"""Provide a voice to all tests of measurements."""

from pathlib import Path

import pytest

from bot.inference.model import Model


@pytest.fixture(scope="session")
def tiny(voices: Path) -> Model:
    """Return the tiny voice."""
    return Model.load(voices / "tiny.onnx", threads=1)
