"""Tests of the step graph beside the network that it is exported from."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from export import graph
from export.runtime import Runtime
from training.model import LAYERS
from training.model.folding import FoldedNetwork
from training.voice_file import read_network, serialise

SHAPES = [(0, 0), (0, 20), (300, 0), (300, 9)]
"""Contexts of the prior, and characters that the memory head looks back."""


def read(model, tokens):
    """Read tokens step by step with PyTorch; return logits and states: [steps, rows, ...]."""
    state = model.start(tokens.shape[1])
    logits, states = [], []
    with torch.no_grad():
        for step in tokens:
            out, state = model(torch.from_numpy(step)[None], state)
            logits.append(out[0].numpy())
            states.append(state.numpy())
    return np.array(logits), np.array(states)


def run(built, tokens):
    """Run the graph as `read` runs the network, with onnxruntime."""
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


@pytest.mark.parametrize("recurrence", LAYERS)
@pytest.mark.parametrize(("contexts", "memory"), SHAPES)
def test_32_bits_give_pytorchs_logits_and_states(network, tokens, contexts, memory, recurrence):
    model = network(contexts=contexts, memory=memory, recurrence=recurrence)
    expected = read(model, tokens)
    found = run(graph.build(FoldedNetwork.of(model), 32), tokens)
    np.testing.assert_allclose(found[0], expected[0], atol=3e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=3e-5)


@pytest.mark.parametrize(("contexts", "memory"), SHAPES)
def test_8_bits_give_similar_logits(network, tokens, contexts, memory):
    model = network(contexts=contexts, memory=memory)
    expected, _ = read(model, tokens)
    found, _ = run(graph.build(FoldedNetwork.of(model), 8), tokens)
    assert (found - expected).std() < 0.1 * expected.std()


@pytest.mark.parametrize(
    ("contexts", "memory", "size"), [(0, 0, 112), (0, 20, 120), (300, 20, 125)]
)
def test_inputs_and_outputs_follow_the_contract(network, vocabulary, contexts, memory, size):
    built = graph.build(FoldedNetwork.of(network(contexts=contexts, memory=memory)), 8)
    onnx.checker.check_model(built, full_check=True)

    def shape(value):
        kind = value.type.tensor_type
        return value.name, kind.elem_type, [d.dim_param or d.dim_value for d in kind.shape.dim]

    assert [shape(value) for value in built.graph.input] == [
        ("tokens", TensorProto.INT64, ["batch"]),
        ("state", TensorProto.FLOAT, ["batch", size]),
    ]
    assert [shape(value) for value in built.graph.output] == [
        ("logits", TensorProto.FLOAT, ["batch", len(vocabulary)]),
        ("next_state", TensorProto.FLOAT, ["batch", size]),
    ]


def test_versions_are_pinned(network):
    weights = FoldedNetwork.of(network())
    built = {bits: graph.build(weights, bits) for bits in (8, 32)}
    assert {model.ir_version for model in built.values()} == {8}
    domains = {b: {o.domain: o.version for o in m.opset_import} for b, m in built.items()}
    assert domains == {8: {"": 18, "com.microsoft": 1}, 32: {"": 18}}


def test_large_matrices_are_quantised(network):
    built = graph.build(FoldedNetwork.of(network()), 8)
    kinds = {tensor.name: tensor.data_type for tensor in built.graph.initializer}
    assert {name for name, kind in kinds.items() if kind == TensorProto.INT8} == {
        f"{layer}.codes" for layer in ("lower", "asked", "upper", "output")
    }
    assert kinds["table"] == TensorProto.FLOAT
    assert [node.op_type for node in built.graph.node].count("MatMulIntegerToFloat") == 4


@pytest.mark.parametrize("recurrence", LAYERS)
@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize(("contexts", "memory"), SHAPES)
def test_a_graph_can_be_read_back(network, tokens, dequantise, contexts, memory, bits, recurrence):
    def as_kept(matrix):
        return matrix if bits == 32 else dequantise(matrix)

    made = network(contexts=contexts, memory=memory, recurrence=recurrence)
    folded = FoldedNetwork.of(made)
    built = graph.build(folded, bits)
    found = read_network(built, recurrence)
    assert found.shape == folded.shape
    for name in ("table", "upper_bias", "output_bias"):
        np.testing.assert_array_equal(getattr(found, name), getattr(folded, name))
    for name in ("lower", "upper", "output"):
        np.testing.assert_array_equal(getattr(found, name), as_kept(getattr(folded, name)))
    if memory:
        np.testing.assert_array_equal(found.memory.asked, as_kept(folded.memory.asked))
        np.testing.assert_array_equal(found.memory.matches, folded.memory.matches)
    # The prior that is read back matches the file, and makes the same file again.
    assert serialise(graph.build(found, bits)) == serialise(built)
    expected, said = run(built, tokens), read(found.unfold(), tokens)
    if bits == 32:
        np.testing.assert_allclose(said[0], expected[0], atol=3e-5)
    assert graph.find_bits(built) == bits


def test_a_graph_without_a_constant_cannot_be_read(network):
    built = graph.build(FoldedNetwork.of(network()), 32)
    [table] = [tensor for tensor in built.graph.initializer if tensor.name == "table"]
    built.graph.initializer.remove(table)
    with pytest.raises(KeyError):
        read_network(built)
