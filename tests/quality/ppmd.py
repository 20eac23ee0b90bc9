"""Measure what a text costs PPMd, a method that 7-Zip uses to compress text."""

from __future__ import annotations

from collections.abc import Sequence

import pyppmd

MEMORY = 3 << 30
"""The most bytes that PPMd may use: a full PPMd forgets everything, and it touches only what it
needs, which is 2.5 GB for 80 MB of text at order 12."""


class Ppmd:
    """PPMd, variant H, that has read some texts and keeps learning from each text it predicts."""

    def __init__(self, learned: Sequence[str], order: int) -> None:
        """Read the learned texts; ``order``: characters of the longest context."""
        self.order = order
        self.learned = "\n\n".join(learned) + "\n\n"
        self.alone = self._compressed_size(self.learned)

    def cost(self, text: str) -> float:
        """Return the bits per character of a text that follows the learned texts."""
        return (self._compressed_size(self.learned + text) - self.alone) * 8 / len(text)

    def _compressed_size(self, text: str) -> int:
        """Return the compressed size in bytes of a text in UTF-8."""
        encoder = pyppmd.Ppmd7Encoder(self.order, MEMORY)
        return len(encoder.encode(text.encode())) + len(encoder.flush())
