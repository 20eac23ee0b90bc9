"""Tests of eight bits: the error of the codes, and their reading by onnxruntime."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.graph_builder import LARGEST_CODE, VECTOR_STEP, ZERO, quantise


def matrix(rows: int, columns: int) -> np.ndarray:
    """Return weights that are not centred on 0, each column of another size."""
    drawn = np.random.default_rng(1).normal(0.3, 1, (rows, columns))
    return (drawn * np.linspace(0.1, 2, columns)).astype(np.float32)


@pytest.mark.parametrize("rows", [1, 32, 100])
def test_each_weight_gets_the_nearest_code(dequantise, rows):
    weights = matrix(rows, 12)
    _, scales = quantise(weights)
    assert (abs(dequantise(weights) - weights) <= scales * 0.51).all()


def test_a_scale_spans_exactly_its_column():
    weights = matrix(100, 5)
    codes, scales = quantise(weights)
    np.testing.assert_allclose(scales, abs(weights).max(axis=0) / LARGEST_CODE, rtol=1e-6)
    assert (abs(codes).max(axis=0) == LARGEST_CODE).all()


def test_zeros_stay_zeros(dequantise):
    weights = matrix(70, 4)
    weights[::3] = 0
    assert not dequantise(weights)[::3].any()
    assert not dequantise(np.zeros((70, 4), np.float32)).any()


def test_vectors_are_rounded_as_in_the_graph():
    vectors = np.linspace(-1.02, 1.02, 4001, dtype=np.float32)
    node = helper.make_node("QuantizeLinear", ["a", "step", "zero"], ["y"])
    found = _run(node, TensorProto.UINT8, {"a": vectors}, step=VECTOR_STEP, zero=ZERO)
    assert 1 <= found[abs(vectors) <= 1].min() < found[abs(vectors) <= 1].max() <= LARGEST_CODE
    off = abs((found.astype(np.float32) - ZERO) * VECTOR_STEP - vectors)
    assert (off[abs(vectors) <= 1] <= VECTOR_STEP * 0.51).all()


@pytest.mark.parametrize("rows", [32, 100, 1000])
def test_onnxruntime_multiplies_exactly(rows):
    """Compare to the last bit, with the largest codes, which would be cut off first."""
    codes, scales = quantise(matrix(rows, 12))
    vectors = np.random.default_rng(2).integers(1, 128, (5, rows)).astype(np.uint8)
    vectors[0], vectors[1], vectors[2, ::2] = LARGEST_CODE, 1, LARGEST_CODE
    inputs = ["a", "codes", "step", "scales", "zero", ""]
    node = helper.make_node("MatMulIntegerToFloat", inputs, ["y"], domain="com.microsoft")
    constants = {"codes": codes, "step": VECTOR_STEP, "scales": scales, "zero": ZERO}
    found = _run(node, TensorProto.FLOAT, {"a": vectors}, **constants)
    sums = (vectors.astype(np.int64) - ZERO) @ codes.astype(np.int64)
    expected = sums.astype(np.float32) * (VECTOR_STEP * scales)
    np.testing.assert_array_equal(found, expected)


def _run(node, kind, feeds, **constants):
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    [(name, fed)] = feeds.items()
    a = helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(fed.dtype), None)
    y = helper.make_tensor_value_info("y", kind, None)
    graph = helper.make_graph([node], "product", [a], [y], stored)
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0]
