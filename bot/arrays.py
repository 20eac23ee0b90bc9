"""Name the arrays that travel between packages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Tokens = NDArray[np.int64]
"""Numbers of characters in a vocabulary."""
States = NDArray[np.float32]
"""What a model remembers: [rows, S], or [S] of one row."""
Logits = NDArray[np.float32]
"""Unnormalised, for the next character: [rows, V]."""
