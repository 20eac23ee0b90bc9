"""Choose the device of a training, and what makes it fastest there."""

from __future__ import annotations

import ctypes
import math
import sys
import time
import warnings
from contextlib import suppress

import torch
from torch import Tensor

from .errors import TrainingError

MEASURED = 0.05
"""Seconds for which products of each precision are timed."""

WORTH = 1.5
"""How many times as fast products in bfloat16 must be: float32 has a fused kernel for whole layers,
which saves time on more than the products."""

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""The parameters of ``mallopt``, as in glibc's malloc.h."""


def choose_device(name: str) -> torch.device:
    """Return the device of a name: "cpu", "cuda", or "auto" for a GPU if there is one.

    Raises TrainingError for a GPU that is missing.
    """
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise TrainingError("PyTorch finds no CUDA device: use --device cpu, or install CUDA.")
    if not has_gpu or name == "cpu":
        return torch.device("cpu")
    # cuDNN warns that it copies a layer's weights into one block at each call. The copy takes
    # microseconds and is needed, because DropConnect makes new weights each time.
    warnings.filterwarnings("ignore", message="RNN module weights are not part of single")
    return torch.device("cuda")


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks, which the next step takes again, instead of unmapping them."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # other C libraries have no such parameters
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_MMAP_MAX, 0)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def set_precision(precision: str, device: torch.device) -> bool:
    """Set the precision of float32 products; return whether to autocast to bfloat16.

    On a GPU, what autocast leaves in 32 bits is then multiplied in TensorFloat-32, whose mantissa
    has three bits more than bfloat16's; without autocast, in full float32.
    """
    half = prefers_bfloat16(precision, device)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high" if half else "highest")
        torch.backends.cudnn.allow_tf32 = half
    return half


def prefers_bfloat16(precision: str, device: torch.device) -> bool:
    """Return whether to multiply in bfloat16: on request, or if it is faster."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    if not any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16")):
        return False
    # Some processors that have bfloat16 multiply faster in float32.
    return WORTH * time_product(torch.bfloat16) < time_product(torch.float32)


def time_product(kind: torch.dtype) -> float:
    """Return the shortest time of a layer's product in seconds: other programs slow some down."""
    rows, matrix = torch.ones(32, 512, dtype=kind), torch.ones(512, 2048, dtype=kind)
    result: Tensor = rows @ matrix
    shortest, end = math.inf, time.perf_counter() + MEASURED
    while (began := time.perf_counter()) < end:
        torch.mm(rows, matrix, out=result)
        shortest = min(shortest, time.perf_counter() - began)
    return shortest
