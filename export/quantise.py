"""Numbers in 8 bits, as products of integers multiply them.

A product adds up codes of a vector times codes of a matrix, as integers: exactly, whatever the
order, so every processor finds the same sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Codes = NDArray[np.int8]
VectorCodes = NDArray[np.uint8]

LARGEST_CODE = 63
"""Of a matrix. Processors without instructions for sums of 8-bit products add two of them in 16
bits and cut off what is larger: 2 x 255 x 63 fits there, 2 x 255 x 127 does not."""

STEP = np.float32(1 / 127)
"""Between two codes of a vector, whose numbers lie between -1 and 1."""

ZERO = np.uint8(128)
"""The code that stands for 0 in a vector."""


@dataclass(frozen=True)
class Quantised:
    """A matrix [K, N] in 8 bits, of which 7 are used; a weight is code x scale of its column."""

    codes: Codes
    """int8 [K, N], from -LARGEST_CODE to LARGEST_CODE"""
    scales: Matrix
    """float32 [N], above 0"""


def quantise(matrix: Matrix) -> Quantised:
    """The nearest codes for float32 [K, N], each column spanning its own largest."""
    largest = abs(matrix).max(axis=0)
    scales = (np.where(largest == 0, 1, largest) / LARGEST_CODE).astype(np.float32)
    return Quantised(np.rint(matrix / scales).astype(np.int8), scales)


def dequantise(quantised: Quantised) -> Matrix:
    """The matrix float32 [K, N] that the codes stand for."""
    return quantised.codes.astype(np.float32) * quantised.scales


def codes(vectors: Matrix) -> VectorCodes:
    """The nearest codes, uint8, of numbers between -1 and 1, as QuantizeLinear finds them."""
    return (np.rint(vectors / STEP) + ZERO).clip(0, 255).astype(np.uint8)


def numbers(vectors: VectorCodes) -> Matrix:
    """The numbers, float32, that codes stand for."""
    return (vectors.astype(np.float32) - ZERO) * STEP
