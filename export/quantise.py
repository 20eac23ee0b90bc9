"""Quantise matrices and vectors to 8 bits for integer products.

A product multiplies the codes of a vector and of a matrix and adds them up as integers. The sum is
exact in any order, so it is the same on every processor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Codes = NDArray[np.int8]
VectorCodes = NDArray[np.uint8]

LARGEST_CODE = 63
"""The largest code of a matrix. Processors without instructions for sums of 8-bit products add two
products in 16 bits, and saturate: 2 x 255 x 63 fits, 2 x 255 x 127 does not."""

STEP = np.float32(1 / 127)
"""The step between two codes of a vector, whose numbers lie between -1 and 1."""

ZERO = np.uint8(128)
"""The code that stands for 0 in a vector."""


@dataclass(frozen=True)
class Quantised:
    """A matrix [K, N] in 8 bits, of which 7 are used: weight = code x the scale of its column."""

    codes: Codes
    """int8 [K, N], from -LARGEST_CODE to LARGEST_CODE"""
    scales: Matrix
    """float32 [N], above 0"""


def quantise(matrix: Matrix) -> Quantised:
    """Return the nearest codes of float32 [K, N], with a scale from each column's maximum."""
    largest = abs(matrix).max(axis=0)
    scales = (np.where(largest == 0, 1, largest) / LARGEST_CODE).astype(np.float32)
    return Quantised(np.rint(matrix / scales).astype(np.int8), scales)


def codes(vectors: Matrix) -> VectorCodes:
    """Return the nearest codes of numbers between -1 and 1, as QuantizeLinear does: uint8."""
    return (np.rint(vectors / STEP) + ZERO).clip(0, 255).astype(np.uint8)
