"""The step graph beside the network that it is made of."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from export import graph
from export.quantise import codes, dequantise, numbers, quantise
from export.runtime import Runtime
from export.voice import serialise
from export.weights import Weights

SHAPES = [(32, 1, 499, 0), (40, 2, 0, 0), (48, 3, 31, 300), (64, 2, 499, 300), (64, 2, 0, 300)]
"""Hidden, layers, places for n-grams, and contexts of the prior."""


def read(model, tokens):
    """Logits and states of PyTorch, step by step: [steps, rows, ...]."""
    state = model.start(tokens.shape[1])
    logits, states = [], []
    with torch.no_grad():
        for step in tokens:
            out, state = model(torch.from_numpy(step)[None], state)
            logits.append(out[0].numpy())
            states.append(state.numpy())
    return np.array(logits), np.array(states)


def run(built, tokens):
    """The same of onnxruntime."""
    runtime = Runtime(serialise(built))
    state = runtime.start(tokens.shape[1])
    logits, states = [], []
    for step in tokens:
        out, state = runtime.step(step, state)
        logits.append(out)
        states.append(state)
    return np.array(logits), np.array(states)


@pytest.fixture
def tokens(vocabulary):
    return np.random.default_rng(1).integers(0, len(vocabulary), (60, 3))


@pytest.mark.parametrize(("hidden", "layers", "places", "contexts"), SHAPES)
def test_32_bits_say_what_pytorch_says(network, tokens, hidden, layers, places, contexts):
    model = network(hidden, layers, places=places, contexts=contexts)
    expected = read(model, tokens)
    found = run(graph.build(Weights.of(model), 32), tokens)
    np.testing.assert_allclose(found[0], expected[0], atol=3e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=3e-5)


@pytest.mark.parametrize(("hidden", "layers", "places", "contexts"), SHAPES)
def test_8_bits_are_near(network, tokens, hidden, layers, places, contexts):
    model = network(hidden, layers, places=places, contexts=contexts)
    expected, _ = read(model, tokens)
    found, _ = run(graph.build(Weights.of(model), 8), tokens)
    assert (found - expected).std() < 0.1 * expected.std()


@pytest.mark.parametrize(
    ("places", "contexts", "size"), [(0, 0, 160), (499, 0, 163), (0, 300, 165), (499, 300, 165)]
)
def test_the_contract_of_a_voice_file(network, vocabulary, places, contexts, size):
    built = graph.build(Weights.of(network(40, 2, places=places, contexts=contexts)), 8)
    onnx.checker.check_model(built, full_check=True)

    def shape(one):
        kind = one.type.tensor_type
        return one.name, kind.elem_type, [d.dim_param or d.dim_value for d in kind.shape.dim]

    assert [shape(one) for one in built.graph.input] == [
        ("tokens", TensorProto.INT64, ["batch"]),
        ("state", TensorProto.FLOAT, ["batch", size]),
    ]
    assert [shape(one) for one in built.graph.output] == [
        ("logits", TensorProto.FLOAT, ["batch", len(vocabulary)]),
        ("next_state", TensorProto.FLOAT, ["batch", size]),
    ]


def test_versions_are_pinned(network):
    weights = Weights.of(network())
    built = {bits: graph.build(weights, bits) for bits in (8, 32)}
    assert {model.ir_version for model in built.values()} == {8}
    domains = {b: {o.domain: o.version for o in m.opset_import} for b, m in built.items()}
    assert domains == {8: {"": 18, "com.microsoft": 1}, 32: {"": 18}}


def test_8_bits_are_kept_of_what_is_large(network):
    built = graph.build(Weights.of(network(40, 2)), 8)
    kinds = {one.name: one.data_type for one in built.graph.initializer}
    assert {name for name, kind in kinds.items() if kind == TensorProto.INT8} == {
        f"{layer}.codes" for layer in ("layer0", "layer1", "output")
    }
    assert {name for name, kind in kinds.items() if kind == TensorProto.UINT8} == {
        "memory.vectors",
        "prior.codes",
        "prior.lengths",
        "prior.roots",
        "zero",
    }
    assert kinds["table"] == TensorProto.FLOAT
    operators = [node.op_type for node in built.graph.node]
    assert operators.count("MatMulIntegerToFloat") == 3


@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize(("hidden", "layers", "places", "contexts"), SHAPES)
def test_a_graph_can_be_read_again(network, hidden, layers, places, contexts, bits):
    weights = Weights.of(network(hidden, layers, places=places, contexts=contexts)).bounded()
    built = graph.build(weights, bits)
    found = graph.read(built)
    matrices = [*weights.matrices, weights.output]
    if bits == 8:
        matrices = [dequantise(quantise(matrix)) for matrix in matrices]
    for one, other in zip([*found.matrices, found.output], matrices, strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("table", "output_bias"):
        np.testing.assert_array_equal(getattr(found, name), getattr(weights, name))
    assert (found.memory is None) == (weights.memory is None)
    if weights.memory:
        vectors = weights.memory.table
        if bits == 8:
            vectors = numbers(codes(vectors))
        np.testing.assert_array_equal(found.memory.table, vectors)
        np.testing.assert_array_equal(found.memory.owners, weights.memory.owners)
        assert found.memory.longest == weights.memory.longest
    assert (found.prior is None) == (weights.prior is None)
    if weights.prior:
        np.testing.assert_array_equal(found.prior.contexts, weights.prior.contexts)
        np.testing.assert_array_equal(found.prior.codes, weights.prior.codes)
        np.testing.assert_array_equal(found.prior.lengths, weights.prior.lengths)
        np.testing.assert_array_equal(found.prior.trust, weights.prior.trust)
        np.testing.assert_array_equal(found.prior.sure, weights.prior.sure)
    np.testing.assert_array_equal(found.biases, weights.biases)
    assert graph.bits_of(built) == bits


@pytest.mark.parametrize(("hidden", "layers", "places", "contexts"), SHAPES)
def test_a_bounded_memory_says_the_same(network, tokens, hidden, layers, places, contexts):
    model = network(hidden, layers, places=places, contexts=contexts)
    if model.memory:
        with torch.no_grad():
            model.memory.table.mul_(3)
    weights = Weights.of(model)
    bounded = weights.bounded()
    expected, found = (read(one.model(), tokens) for one in (weights, bounded))
    np.testing.assert_allclose(found[0], expected[0], atol=3e-5)
    if bounded.memory:
        assert abs(weights.memory.table).max() > 1
        np.testing.assert_allclose(abs(bounded.memory.table).max(axis=0), 1, rtol=1e-6)


def test_another_graph_cannot_be_read(network):
    built = graph.build(Weights.of(network()), 32)
    del built.graph.initializer[0]
    with pytest.raises(KeyError):
        graph.read(built)


@pytest.mark.parametrize(("hidden", "layers", "places", "contexts"), SHAPES)
def test_a_network_can_be_made_of_weights_again(network, tokens, hidden, layers, places, contexts):
    model = network(hidden, layers, places=places, contexts=contexts)
    weights = Weights.of(model)
    again = weights.model()
    np.testing.assert_allclose(read(again, tokens)[0], read(model, tokens)[0], atol=3e-5)
    np.testing.assert_array_equal(Weights.of(again).table, weights.table)


@pytest.mark.parametrize("bits", [8, 32])
def test_the_same_network_gives_the_same_bytes(network, bits):
    first, second = (serialise(graph.build(Weights.of(network()), bits)) for _ in range(2))
    assert first == second
