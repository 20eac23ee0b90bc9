"""Name the arrays that travel between packages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Tokens = NDArray[np.int64]
"""Indices of characters in a vocabulary."""
States = NDArray[np.float32]
"""States of a model: [rows, S], or [S] of one row."""
Logits = NDArray[np.float32]
"""Unnormalised log-probabilities of the next character: [rows, V]."""
