"""Shared fixtures of the export's tests: untrained networks, and a trained one."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import tests.tiny_voice  # noqa: F401 - its shorter proofs are for all tests of export
from export.graph_builder import quantise
from training.data.vocabulary import Vocabulary
from training.model.folding import Floats
from training.model.memory import NO_MEMORY, MemoryShape
from training.model.network import CharLSTM, Shape
from training.model.prior import PriorShape

LETTERS = "\n abcdefghijklmnopqrstuvwxyz.,"


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary(tuple(sorted(LETTERS)), {"é": "e"})


@pytest.fixture(scope="session")
def network(vocabulary: Vocabulary) -> Callable[..., CharLSTM]:
    """Return a maker of networks whose weights are large enough that all of them matter."""

    @cache
    def make(
        contexts: int = 300, memory: int = 20, seed: int = 1, recurrence: str = "lstm"
    ) -> CharLSTM:
        torch.manual_seed(seed)
        head = MemoryShape(memory, keys=4, values=6) if memory else NO_MEMORY
        prior = PriorShape(contexts, longest=6, rows=60, dense=2)
        model = CharLSTM(Shape(len(vocabulary), 16, 24, 32, head, prior, recurrence))
        if model.prior:
            # Characters that are likely after others, and contexts that the prior drops.
            model.prior.learn([torch.randint(0, 3, (3000,)).cumsum(0) % len(vocabulary)])
        with torch.no_grad():
            for weights in model.parameters():
                weights.add_(torch.randn_like(weights) * 0.2)
            model.output.weight.mul_(4)
            if model.prior:
                # Logarithms down to -16 are multiplied by the trust in the prior.
                model.trust.weight.mul_(0.3)
                model.sure.uniform_(0.7, 1.3)
        return model.eval()

    # A test may change its network.
    return lambda **sizes: deepcopy(make(**sizes))


@pytest.fixture
def model(network: Callable[..., CharLSTM]) -> CharLSTM:
    return network()


@pytest.fixture(scope="session")
def voice_8(voices: Path) -> Path:
    """Return the trained run as a voice file in 8 bits."""
    return voices / "tiny.onnx"


@pytest.fixture(scope="session")
def voice_32(voices: Path) -> Path:
    """Return the trained run as a voice file in 32 bits."""
    return voices / "other.onnx"


@pytest.fixture(scope="session")
def dequantise() -> Callable[[Floats], Floats]:
    """Return a function of a matrix to the matrix that its codes stand for."""

    def dequantise(matrix: Floats) -> Floats:
        codes, scales = quantise(matrix)
        return codes.astype(np.float32) * scales

    return dequantise
