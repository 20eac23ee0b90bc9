"""Tests of training on a GPU, as far as a machine without one can run them."""

import dataclasses
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from training import checkpoint, device
from training.device import set_precision
from training.model.lstm import WIDE, LSTMLayer
from training.model.network import CharLSTM
from training.run import Run, load

from .small_runs import FEW, begin, resume, take_steps

GPU = torch.device("cuda")


PROGRAM = """
import sys
from resource import RUSAGE_SELF, getrusage
import torch
from training.device import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
torch.ones(2**24)
before = getrusage(RUSAGE_SELF).ru_minflt
torch.ones(2**24)
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""
"""Prints how many pages the system gives for a tensor of 64 MB that takes the place of another."""


@pytest.fixture
def precision_as_before() -> Iterator[None]:
    products, recurrence = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = recurrence


@pytest.mark.usefixtures("precision_as_before")
def test_a_gpu_multiplies_in_tf32_unless_float32_is_chosen():
    assert set_precision("bfloat16", GPU)
    assert torch.get_float32_matmul_precision() == "high"
    assert torch.backends.cudnn.allow_tf32
    assert not set_precision("float32", GPU)
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_training_keeps_the_memory_of_freed_tensors():
    def run(how: str) -> int:
        command = [sys.executable, "-c", PROGRAM, how]
        return int(subprocess.run(command, check=True, capture_output=True).stdout)

    assert run("kept") < run("as before")


def test_auto_takes_bfloat16_only_where_products_are_faster(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(device, "WORTH", 1e9)
    assert not device.prefers_bfloat16("auto", cpu)
    assert device.prefers_bfloat16("bfloat16", cpu)
    monkeypatch.setattr(device, "WORTH", 0)
    able = torch.cpu.get_capabilities()
    there = any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    assert device.prefers_bfloat16("auto", cpu) == there


def test_the_fused_layer_gets_tensors_that_cudnn_takes(monkeypatch):
    """Check for 32 bits even where autocast halves all else, one piece, and rows of eights."""
    torch.manual_seed(1)
    layer = LSTMLayer(16, 24, 0.3)
    assert layer.hidden < WIDE
    given: list[list[Tensor]] = []
    fused: Any = torch.lstm

    def noted(x: Tensor, state: list[Tensor], weights: list[Tensor], *others: object) -> object:
        given.append([x, *state, *weights])
        return fused(x, state, weights, *others)

    monkeypatch.setattr(torch, "lstm", noted)
    x, state = torch.randn(5, 3, 16).bfloat16(), torch.randn(3, 50)
    h, c = state.split([24, 26], dim=1)[0], state[:, 26:]
    with torch.autocast("cpu", torch.bfloat16):
        y, (_, last) = layer(x, (h, c))
    (y.sum() + last.sum()).backward()
    [tensors] = given
    assert all(tensor.is_contiguous() and tensor.dtype == torch.float32 for tensor in tensors)
    assert all(tensor.shape[-1] % 8 == 0 for tensor in tensors)
    assert y.dtype == last.dtype == torch.float32


def test_a_wide_layer_gives_nearly_the_same_outputs_and_gradients_in_bfloat16():
    torch.manual_seed(1)
    layer = LSTMLayer(8, WIDE, 0.0)
    inputs = [torch.randn(size, requires_grad=True) for size in ((9, 3, 8), (3, WIDE), (3, WIDE))]
    weights = [*inputs, *layer.parameters()]
    found = []
    for autocast in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y, (_, c) = layer(inputs[0], (inputs[1], inputs[2]))
        y, c = y.float(), c.float()
        found.append([y, c, *torch.autograd.grad((y**2).sum() + (c**3).sum(), weights)])
    for exact, half in zip(*found, strict=True):
        assert 0 < (half - exact).norm() < 0.02 * exact.norm()


def test_bfloat16_learns_nearly_the_same_and_resumes_in_float32(scenes: Path, tmp_path: Path):
    exact, half = (
        begin(tmp_path / precision, scenes, dataclasses.replace(FEW, precision=precision))
        for precision in ("float32", "bfloat16")
    )
    for _ in range(5):
        costs = exact.train_step(), half.train_step()
        assert costs[1] == pytest.approx(costs[0], rel=0.01)
        assert costs[0] != costs[1]
        assert half.state.dtype == torch.float32
    half.save()
    kept, _ = load(half.run_folder.checkpoint_path)
    floats = [tensor for tensor in kept.values() if tensor.is_floating_point()]
    assert {tensor.dtype for tensor in floats} == {torch.float32}
    half.run_folder.write_config(exact.config)
    resumed = resume(half.run_folder.folder)
    assert not resumed.autocast
    assert resumed.train_step() == pytest.approx(half.train_step(), rel=0.01)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_a_checkpoint_moves_to_the_device_of_the_network(scenes: Path, tmp_path: Path):
    training = take_steps(begin(tmp_path, scenes, FEW), 1)
    training.save()
    tensors, _ = load(Run(tmp_path).checkpoint_path)
    shape = training.model.shape
    # A device like any other, except that it has no memory.
    with torch.device("meta"):
        model, average = CharLSTM(shape), CharLSTM(shape)
    optimiser = torch.optim.AdamW(model.parameters())
    optimiser.param_groups[0]["fused"] = True
    checkpoint.unpack(tensors, model, average, optimiser)
    moments = list(optimiser.state_dict()["state"].values())
    assert len(moments) == len(list(model.parameters()))
    assert {tensor.device.type for each in moments for tensor in each.values()} == {"meta"}
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
