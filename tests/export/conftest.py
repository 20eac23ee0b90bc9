"""What the tests of export share: networks that were never trained, and one that was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.model import CharLSTM, Shape
from training.ngrams import MemoryShape
from training.prior import PriorShape
from training.vocabulary import Vocabulary

LETTERS = "\n abcdefghijklmnopqrstuvwxyz.,"


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(tuple(sorted(LETTERS)), {"é": "e"})


@pytest.fixture
def network(vocabulary: Vocabulary) -> Callable[..., CharLSTM]:
    """Makes networks with weights large enough that all of them matter."""

    def make(
        hidden: int = 40, layers: int = 2, seed: int = 1, places: int = 499, contexts: int = 300
    ) -> CharLSTM:
        torch.manual_seed(seed)
        memory = MemoryShape(places, longest=4, features=8, seen=1)
        prior = PriorShape(contexts, longest=6)
        model = CharLSTM(Shape(len(vocabulary), 16, hidden, layers, memory, prior))
        if model.memory:
            # Fewer n-grams than there are: some are known, and some share a place.
            model.memory.assign([torch.randint(0, 9, (600,))])
        if model.prior:
            # Characters that are likely after others, and contexts that are not kept.
            model.prior.learn([torch.randint(0, 3, (3000,)).cumsum(0) % len(vocabulary)])
        with torch.no_grad():
            for weights in model.parameters():
                weights.add_(torch.randn_like(weights) * 0.2)
            model.output.weight.mul_(4)
            if model.prior:
                # What is trusted is multiplied with logarithms down to -16.
                model.trust.weight.mul_(0.3)
                model.sure.uniform_(0.7, 1.3)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def voice_8(voices: Path) -> Path:
    """The trained run as a voice file in 8 bits."""
    return voices / "tiny.onnx"


@pytest.fixture(scope="session")
def voice_32(voices: Path) -> Path:
    """The trained run as a voice file in 32 bits."""
    return voices / "other.onnx"
