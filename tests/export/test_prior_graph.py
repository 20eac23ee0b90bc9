"""Tests of the prior in the step graph beside its PyTorch module: the same look-ups."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from export.graph_builder import GraphBuilder
from export.prior_graph import add_prior
from training.finetune import add_contexts
from training.model.prior import NgramPrior, PriorShape
from training.model.tables import Tables

CHARACTERS = 20
HISTORY = 9


def text(seed: int, length: int) -> torch.Tensor:
    steps = np.random.default_rng(seed).integers(1, 4, length) ** 2
    return torch.from_numpy(np.cumsum(steps) % CHARACTERS)


@pytest.fixture(scope="module")
def prior() -> NgramPrior:
    made = NgramPrior(PriorShape(2000, longest=8, rows=150, dense=2), CHARACTERS)
    made.learn([text(seed, 3000) for seed in range(9)])
    return made


def graph_of(tables: Tables) -> onnx.ModelProto:
    builder = GraphBuilder()
    expected, length = add_prior(builder, tables, "digits", HISTORY)
    graph = helper.make_graph(
        builder.nodes,
        "prior",
        [helper.make_tensor_value_info("digits", TensorProto.INT64, ["batch", HISTORY + 1])],
        [
            helper.make_tensor_value_info(expected, TensorProto.FLOAT, ["batch", CHARACTERS]),
            helper.make_tensor_value_info(length, TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info(
                "prior.logits", TensorProto.FLOAT, ["batch", CHARACTERS + 1]
            ),
        ],
        builder.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def read(prior: NgramPrior, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return PyTorch's expectations after rows of digits, each of which ends with a character."""
    tokens = torch.from_numpy(digits[:, -1] - 1)[None]
    longest = prior.shape.history
    expected, lengths = prior(tokens, torch.from_numpy(digits[:, -1 - longest : -1]).float())
    return expected[0].numpy(), lengths[0].numpy()


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """Return rows from the text, rows that it never has, and rows at the start of a text."""
    known = np.lib.stride_tricks.sliding_window_view(text(3, 400).numpy() + 1, HISTORY + 1)
    other = np.random.default_rng(5).integers(1, CHARACTERS + 1, (200, HISTORY + 1))
    begun = known[:200].copy()
    for i, row in enumerate(begun):
        row[: i % HISTORY] = 0
    return np.concatenate([known, other, begun])


@pytest.mark.parametrize("rows", [1, 64, 790])
def test_the_graph_predicts_like_pytorch(prior: NgramPrior, digits: np.ndarray, rows: int):
    session = onnxruntime.InferenceSession(graph_of(prior.to_tables()).SerializeToString())
    expected, lengths = read(prior, digits)
    assert len(set(lengths.tolist())) > 5
    for i in range(0, len(digits) if rows > 1 else 60, rows):
        found = session.run(None, {"digits": digits[i : i + rows]})
        np.testing.assert_allclose(found[0], expected[i : i + rows], rtol=3e-7, atol=3e-7)
        np.testing.assert_array_equal(found[1], lengths[i : i + rows])


def test_blended_contexts_are_looked_up_too(prior: NgramPrior, digits: np.ndarray):
    larger, _ = add_contexts(prior, [text(seed, 800) for seed in range(40, 44)])
    assert larger.lengths.tolist().count(1) == 2
    session = onnxruntime.InferenceSession(graph_of(larger.to_tables()).SerializeToString())
    expected, lengths = read(larger, digits)
    found = session.run(None, {"digits": digits})
    np.testing.assert_allclose(found[0], expected, rtol=3e-7, atol=3e-7)
    np.testing.assert_array_equal(found[1], lengths)
    assert abs(expected - read(prior, digits)[0]).max() > 0.1
