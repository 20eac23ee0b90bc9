"""The device that a network is trained on, and the precision that is fastest there."""

from __future__ import annotations

import warnings

import torch


class DeviceError(Exception):
    """One sentence about a device that is missing, and what to do about it."""


def device_of(name: str) -> torch.device:
    """Return the device of a name: "cpu", "cuda", or "auto" for a GPU where there is one.

    Raises DeviceError for a GPU that is missing.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise DeviceError("PyTorch finds no CUDA device here: give --device cpu, or install it.")
    if not there or name == "cpu":
        return torch.device("cpu")
    # cuDNN copies the weights of a layer together at each call, which costs microseconds, and says
    # so: they cannot lie together, as some are dropped each time.
    warnings.filterwarnings("ignore", message="RNN module weights are not part of single")
    return torch.device("cuda")


def use_precision(precision: str, device: torch.device) -> bool:
    """Return whether to multiply in bfloat16, in autocast.

    A GPU then multiplies in TensorFloat-32, whose numbers have three bits more, what autocast
    leaves in 32 bits, and in full 32 bits otherwise.
    """
    half = uses_bfloat16(precision, device)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high" if half else "highest")
        torch.backends.cudnn.allow_tf32 = half
    return half


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Tell whether to multiply in bfloat16: where it was asked for, or where it is faster."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
