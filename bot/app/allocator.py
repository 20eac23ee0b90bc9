"""Let the C library's allocator give memory back."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""The parameters of ``mallopt``, as in glibc's malloc.h."""


def limit_allocator() -> None:
    """Limit what glibc's allocator keeps; other C libraries have no such parameters.

    By default glibc has eight pools for each core, and takes ever larger blocks from them: up to 32
    MB once such a block was freed, as happens when a voice is opened.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_ARENA_MAX, 2)  # because a pool keeps what its threads have freed
            # A larger block has pages of its own, which are returned when the block is freed.
            mallopt(M_MMAP_THRESHOLD, 256 * 1024)
