"""Matrices in 8 bits, as onnxruntime's `MatMulNBits` reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Codes = NDArray[np.uint8]
SignedCodes = NDArray[np.int8]

BLOCK = 64
"""Weights of one column that share a scale and a zero point."""

HIGHEST = 255
HIGHEST_SIGNED = 127


@dataclass(frozen=True)
class Quantised:
    """A matrix [K, N] in 8 bits; a weight is (code - zero) x scale.

    A column is cut into ceil(K / BLOCK) blocks; what is left of the last one is padded.
    """

    codes: Codes
    """uint8 [N, blocks, BLOCK]"""
    scales: Matrix
    """float32 [N, blocks], at least 0"""
    zeros: Codes
    """uint8 [N, blocks]: the code that stands for 0"""


def quantise(matrix: Matrix) -> Quantised:
    """The nearest codes for float32 [K, N], each block spanning its own smallest to largest.

    Zero points follow blocks that are not centred on 0, which symmetric codes cannot: that costs
    nothing to compute and rounds an eighth finer.
    """
    blocks = _blocks(matrix)
    # 0 has a code of its own, or the padding would not be nothing.
    low = np.minimum(blocks.min(axis=2), 0)
    high = np.maximum(blocks.max(axis=2), 0)
    scales = ((high - low) / HIGHEST).astype(np.float32)
    divisors = np.where(scales == 0, 1, scales)
    zeros = np.rint(-low / divisors)
    codes = np.rint(blocks / divisors[:, :, None]) + zeros[:, :, None]
    return Quantised(
        np.clip(codes, 0, HIGHEST).astype(np.uint8), scales, zeros.clip(0, HIGHEST).astype(np.uint8)
    )


def dequantise(quantised: Quantised, rows: int) -> Matrix:
    """The matrix float32 [rows, N] that the codes stand for, without the padding."""
    steps = quantised.codes.astype(np.float32) - quantised.zeros[:, :, None]
    weights = steps * quantised.scales[:, :, None]
    return np.ascontiguousarray(weights.reshape(len(weights), -1)[:, :rows].T)


def quantise_rows(table: Matrix) -> tuple[SignedCodes, Matrix]:
    """Codes int8 [P, F] and scales float32 [P] of a table that is read a row at a time.

    A number is code x scale; each row spans its own largest, and a row of zeros stays one.
    """
    scales = (abs(table).max(axis=1) / HIGHEST_SIGNED).astype(np.float32)
    divisors = np.where(scales == 0, 1, scales)
    return np.rint(table / divisors[:, None]).astype(np.int8), scales


def dequantise_rows(codes: SignedCodes, scales: Matrix) -> Matrix:
    """The table float32 [P, F] that the codes stand for."""
    return codes.astype(np.float32) * scales[:, None]


def _blocks(matrix: Matrix) -> Matrix:
    """[K, N] -> [N, blocks, BLOCK], padded with zeros."""
    padding = -len(matrix) % BLOCK
    padded = np.pad(matrix, ((0, padding), (0, 0)))
    return padded.T.reshape(matrix.shape[1], -1, BLOCK)
