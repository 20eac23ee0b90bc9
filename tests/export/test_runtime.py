"""Tests of reading and writing with a graph."""

import dataclasses

import numpy as np
import pytest

from export import graph, proof
from export.runtime import Runtime
from training.data.texts import Text
from training.evaluation import measure_carried
from training.model.folding import FoldedNetwork
from training.voice_file import serialise

TEXTS = ["some words.", "a much longer text, of two lines\n\nand a third one. " * 3, "", "odd, é"]


@pytest.fixture
def runtime(model):
    return Runtime(serialise(graph.build(FoldedNetwork.of(model), 32)))


def test_texts_cost_as_much_as_by_pytorch(model, runtime, vocabulary):
    """Read texts of different lengths side by side; their costs keep the order of the texts."""
    read = [proof.encode_text(vocabulary, Text("", text)) for text in TEXTS]
    costs = runtime.measure_carried(read)
    for cost, text in zip(costs, TEXTS, strict=True):
        expected = measure_carried(model, vocabulary, text)
        assert cost.characters == expected.characters
        assert cost.bits == pytest.approx(expected.bits, rel=1e-5)


def test_the_same_seed_writes_the_same_text(runtime):
    assert runtime.write(0, 50, seed=1) == runtime.write(0, 50, seed=1)
    assert runtime.write(0, 50, seed=1) != runtime.write(0, 50, seed=2)


def test_characters_are_drawn_by_their_probabilities(model, vocabulary):
    """Compare the first characters of many writers with the softmax of a voice with preferences."""
    weights = FoldedNetwork.of(model)
    decided = dataclasses.replace(weights, output=weights.output * 5)
    runtime = Runtime(serialise(graph.build(decided, 32)))
    logits, _ = runtime.step(np.array([3]), runtime.start(1))
    likely = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert likely.max() > 0.2
    first = [runtime.write(3, 1, seed)[0] for seed in range(800)]
    counts = np.bincount(first, minlength=len(vocabulary))
    assert abs(counts / 800 - likely).max() < 0.05
