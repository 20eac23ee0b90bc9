"""Provide a voice, places in people's scripts, and a reader that every machine has."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.inference.model import Model


class Compressor:
    """A reader that knows nothing but the context: the cost of a text is its compressed size."""

    def all(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [_bits(context + text) - _bits(context) for context, text in pairs]


def _bits(text: str) -> float:
    return 8.0 * len(zlib.compress(text.encode(), 9))


@pytest.fixture
def compressor() -> Compressor:
    return Compressor()


@pytest.fixture(scope="session")
def tiny(voices: Path) -> Model:
    """Return the tiny voice."""
    return Model.load(voices / "tiny.onnx", threads=1)
