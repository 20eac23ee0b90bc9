"""Small networks that keep to the contract of a voice file, or break one rule of it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.voice_file import Voice

INT64, FLOAT, DOUBLE = TensorProto.INT64, TensorProto.FLOAT, TensorProto.DOUBLE

STATE_SIZE = 8

CONTRACT = {
    "tokens": (INT64, ["batch"]),
    "state": (FLOAT, ["batch", STATE_SIZE]),
    "logits": (FLOAT, ["batch", "characters"]),
}
"""The type and the shape of each input and output; ``next_state`` is like ``state``."""

Kinds = dict[str, tuple[int, list[str | int]]]


def node(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    """Make a node with one output."""
    return helper.make_node(operator, inputs, [output], **attributes)


def constant(name: str, array: Any) -> onnx.TensorProto:
    """Make a constant of numbers."""
    return numpy_helper.from_array(np.asarray(array), name)


def build_network(
    voice: Voice,
    nodes: Sequence[onnx.NodeProto] = (),
    constants: Sequence[onnx.TensorProto] = (),
    kinds: Kinds | None = None,
) -> Voice:
    """Return a voice with these characters, whose network passes its state on.

    Its logits are zero, or ``odd`` [batch, 1], which the nodes compute from ``tokens``, ``state``
    and the constants. ``kinds`` differ from those of the contract.
    """
    characters = len(json.loads(voice.metadata["onbook.vocabulary"]))
    infos = {
        name: (kind, [characters if size == "characters" else size for size in shape])
        for name, (kind, shape) in (CONTRACT | (kinds or {})).items()
    }
    kind, shape = infos.pop("logits")
    outputs = {"next_state": infos["state"], "logits": (kind, shape)}
    zeros = np.zeros([1 if size == "batch" else size for size in shape])
    sources = ["zeros", "odd"] if nodes or constants else ["zeros"]
    graph = helper.make_graph(
        [*nodes, node("Identity", ["state"], "next_state"), node("Sum", sources, "logits")],
        "step",
        [helper.make_tensor_value_info(name, *info) for name, info in infos.items()],
        [helper.make_tensor_value_info(name, *info) for name, info in outputs.items()],
        [helper.make_tensor("zeros", kind, zeros.shape, zeros.ravel()), *constants],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("evil", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return Voice(model.SerializeToString(), voice.metadata)
