"""Tests of the proof: it passes a right file, and no other one."""

import dataclasses

import numpy as np
import pytest
import torch

from export import graph, proof
from export.proof import Check, TextCosts, prove
from export.runtime import Runtime
from training.data.texts import Text
from training.evaluation import Cost
from training.model.folding import FoldedNetwork
from training.voice_file import serialise

TEXTS = [
    Text("long", "a text of some words, read from start to end.\n\nagain. " * 2),
    Text("short", "a few words."),
]


def runtime(weights, bits=32):
    return Runtime(serialise(graph.build(weights, bits)))


def failures(found):
    return [check.name for check in found.checks if not check.passed]


@pytest.mark.parametrize("bits", [8, 32])
def test_a_faithful_graph_passes(model, vocabulary, bits):
    with torch.no_grad():
        # Lower the confidence of the untrained network to that of a trained one, whose trust in the
        # prior, which multiplies logarithms down to -16, varies less.
        model.output.weight.mul_(0.5)
        model.trust.weight.mul_(0.3)
    found = prove(runtime(FoldedNetwork.of(model), bits), model, vocabulary, TEXTS, bits)
    assert found.failed == 0, found.format_table()
    assert [text.name for text in found.texts] == ["long", "short"]
    lengths = [text.exported.characters for text in found.texts]
    assert lengths == [len(text.content) + 1 for text in TEXTS]


@pytest.mark.parametrize("bits", [8, 32])
def test_swapped_gates_fail(model, vocabulary, bits):
    weights = FoldedNetwork.of(model)
    first, *others, last = np.split(weights.upper, 4, axis=1)
    swapped = np.concatenate([last, *others, first], axis=1)
    weights = dataclasses.replace(weights, upper=swapped)
    found = prove(runtime(weights, bits), model, vocabulary, TEXTS, bits)
    assert any(name.startswith("long") for name in failures(found))
    assert any(name.startswith("logits") for name in failures(found)) == (bits == 32)


def test_a_small_difference_fails_in_32_bits(model, vocabulary):
    """Fail for a difference that bits per character would not show."""
    weights = FoldedNetwork.of(model)
    moved = weights.output_bias.copy()
    moved[0] += 2e-4
    weights = dataclasses.replace(weights, output_bias=moved)
    found = prove(runtime(weights), model, vocabulary, TEXTS, 32)
    [name] = failures(found)
    assert name.startswith("logits")


def test_a_different_state_fails_in_32_bits(model, vocabulary):
    """Fail for a wrong cell state, though the cell shows only later."""

    class Remembering(Runtime):
        def step(self, tokens, state):
            logits, state = super().step(tokens, state)
            return logits, state + np.float32(2e-4) * (np.arange(state.shape[1]) == 3)

    honest = serialise(graph.build(FoldedNetwork.of(model), 32))
    found = prove(Remembering(honest), model, vocabulary, TEXTS, 32)
    assert any(name.startswith("states") for name in failures(found))


def test_rows_that_affect_each_other_fail(model, vocabulary):
    class Sharing(Runtime):
        def step(self, tokens, state):
            logits, state = super().step(tokens, state)
            return logits + np.float32(1e-6) * len(tokens), state

    honest = serialise(graph.build(FoldedNetwork.of(model), 32))
    found = prove(Sharing(honest), model, vocabulary, TEXTS, 32)
    [name] = failures(found)
    assert name.startswith("rows of a batch of 64 that differ")


def test_a_graph_of_nans_fails(model, vocabulary):
    broken = FoldedNetwork.of(model)
    broken = dataclasses.replace(broken, output_bias=broken.output_bias * np.float32(np.nan))
    found = prove(runtime(broken, 8), model, vocabulary, TEXTS, 8)
    assert any(name.startswith("short") for name in failures(found))


def test_a_gain_fails_like_a_loss():
    """Fail for a voice that is suddenly better, because it is another voice."""
    for bits in (98.0, 102.0):
        assert not proof.check_loss("", Cost(100, 50), Cost(bits, 50), 0.01).passed
        assert proof.check_loss("", Cost(100, 50), Cost(bits, 50), 0.03).passed


@pytest.mark.parametrize(
    ("bits", "costs", "failing"),
    [
        (8, (100.7, 100.0), []),
        (8, (100.7, 100.7), ["all texts"]),
        (8, (100.7,), ["all texts"]),
        (8, (101.1, 99.8), ["0"]),
        (32, (100.15, 100.0), ["0"]),
    ],
)
def test_all_texts_together_must_cost_the_same(bits, costs, failing):
    texts = [TextCosts(str(n), Cost(100, 50), Cost(cost, 50)) for n, cost in enumerate(costs)]
    found = proof._check_losses(texts, bits)
    assert [check.name.partition(":")[0] for check in found if not check.passed] == failing


def test_texts_of_different_lengths_fail():
    same, other = Cost(100, 50), Cost(100, 51)
    equal, unequal = TextCosts("", same, same), TextCosts("", same, other)
    assert next(proof._check_losses([equal], 8)).passed
    assert not next(proof._check_losses([equal, unequal], 8)).passed


def test_the_table_says_what_failed():
    checks = (
        Check("one", 0.5, 1.0, ".1f"),
        Check("another", 2, 0, "d"),
        Check("a third", 0.25, None, ".1%"),
    )
    assert proof.Proof(checks, ()).failed == 1
    assert proof.Proof(checks, ()).format_table().splitlines() == [
        "check    measured  allowed  ok",
        "one           0.5      1.0  yes",
        "another         2        0  NO",
        "a third     25.0%      any  -",
    ]
