"""Eight bits: how near the codes are, and whether onnxruntime reads them as they were meant."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.quantise import BLOCK, dequantise, dequantise_rows, quantise, quantise_rows


def matrix(rows: int, columns: int) -> np.ndarray:
    """Weights that are not centred on 0, each column of another size."""
    drawn = np.random.default_rng(1).normal(0.3, 1, (rows, columns))
    return (drawn * np.linspace(0.1, 2, columns)).astype(np.float32)


@pytest.mark.parametrize("rows", [1, 32, 64, 100, 128])
def test_every_weight_has_the_nearest_code(rows):
    weights = matrix(rows, 12)
    codes = quantise(weights)
    steps = np.repeat(codes.scales, BLOCK, axis=1)[:, :rows].T
    assert dequantise(codes, rows).shape == weights.shape
    assert (abs(dequantise(codes, rows) - weights) <= steps * 0.51).all()


def test_blocks_far_from_0_are_coded_as_well():
    """With the padding, which is 0, in one of them."""
    weights = matrix(100, 12) + np.float32(20)
    codes = quantise(weights)
    steps = np.repeat(codes.scales, BLOCK, axis=1)[:, :100].T
    assert (abs(dequantise(codes, 100) - weights) <= steps * 0.51).all()


def test_a_scale_spans_its_block_and_no_more():
    weights = matrix(BLOCK, 3)
    span = weights.max(axis=0) - weights.min(axis=0)
    np.testing.assert_allclose(quantise(weights).scales[:, 0], span / 255, rtol=1e-6)


def test_nothing_stays_nothing():
    weights = matrix(70, 4)
    weights[::3] = 0
    assert not dequantise(quantise(weights), 70)[::3].any()
    assert not dequantise(quantise(np.zeros((70, 4), np.float32)), 70).any()


@pytest.mark.parametrize("rows", [32, 64, 100, 200])
def test_onnxruntime_multiplies_with_the_same_weights(rows):
    """Against the definition of MatMulNBits, with vectors that 8 bits hold exactly."""
    weights = matrix(rows, 12)
    codes = quantise(weights)
    vectors = np.random.default_rng(2).integers(-127, 128, (5, rows)).astype(np.float32)
    vectors[:, ::BLOCK] = 127
    product = _multiply(codes, rows, vectors / 127)
    expected = (vectors / 127).astype(np.float64) @ dequantise(codes, rows)
    np.testing.assert_allclose(product, expected, atol=1e-4)


def test_each_row_of_a_table_spans_its_own_largest():
    table = matrix(40, 8) * np.geomspace(1e-3, 1e3, 40, dtype=np.float32)[:, None]
    table[7] = 0
    codes, scales = quantise_rows(table)
    np.testing.assert_allclose(scales, abs(table).max(axis=1) / 127, rtol=1e-6)
    off = abs(dequantise_rows(codes, scales) - table)
    assert (off <= scales[:, None] * 0.51).all()
    assert not dequantise_rows(codes, scales)[7].any()


def _multiply(codes, rows, vectors):
    node = helper.make_node(
        "MatMulNBits",
        ["a", "codes", "scales", "zeros"],
        ["y"],
        domain="com.microsoft",
        K=rows,
        N=len(codes.codes),
        bits=8,
        block_size=BLOCK,
        accuracy_level=4,
    )
    constants = [
        numpy_helper.from_array(getattr(codes, name), name) for name in ("codes", "scales", "zeros")
    ]
    a, y = (helper.make_tensor_value_info(x, TensorProto.FLOAT, None) for x in "ay")
    graph = helper.make_graph([node], "product", [a], [y], constants)
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"a": vectors})[0]
