"""The step graph: one character and a state in; logits and the next state out.

tokens -> Gather(table) --------+
state  -> Split -> h, c         |
layer 0:  gates = h @ W       + it    -> c', h'
layer i:  gates = (x, h) @ W  + bias  -> c', h'      x: the h' of the layer below
logits = h' @ output + bias;  next_state = Concat of all h', c'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import onnx
from onnx import TensorProto, helper, numpy_helper

from .quantise import BLOCK, Quantised, dequantise, quantise
from .weights import Floats, Weights

Bits = Literal[8, 32]

OPSET = 18
"""The first in which Split says `num_outputs`; the graph needs nothing newer, so the file asks
no reader for more."""

IR_VERSION = 8
"""The one that came with opset 18; by itself the onnx package writes its own newest, which older
readers refuse."""

MICROSOFT = "com.microsoft"
MICROSOFT_OPSET = 1
"""Where `MatMulNBits` lives; it has had one version."""

INTEGER_ACTIVATIONS = 4
"""The `accuracy_level` that also rounds the vector to 8 bits, block by block and row by row: fast,
and a row's result does not depend on the rows beside it."""


@dataclass
class _Parts:
    """A graph under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, array: Any) -> str:  # noqa: ANN401 - an array of any kind
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        *outputs: str,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401 - whatever the operator takes
    ) -> str:
        """Adds a node; returns the name of its first output."""
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, outputs[0], domain=domain, **attributes)
        )
        return outputs[0]


def build(weights: Weights, bits: Bits) -> onnx.ModelProto:
    """The step graph, its recurrent matrices in 8 or 32 bits and all else in 32.

    Inputs tokens int64 [batch], state float32 [batch, S]; outputs logits float32 [batch, V],
    next_state float32 [batch, S]. S is layers x (h, c), as `CharLSTM` packs it.
    """
    parts = _Parts()
    layers = range(len(weights.matrices))
    split = [f"layer{i}.{kind}" for i in layers for kind in "hc"]
    parts.node("Split", ["state"], *split, axis=1, num_outputs=len(split))
    x = ""
    remembered: list[str] = []
    for i in layers:
        x, c = _cell(parts, i, _gates(parts, weights, i, x, bits))
        remembered += [x, c]
    parts.node("Concat", remembered, "next_state", axis=1)
    product = parts.node("MatMul", [x, parts.constant("output.matrix", weights.output)], "output")
    parts.node("Add", [product, parts.constant("output.bias", weights.output_bias)], "logits")
    return _model(parts, weights, bits)


def read(model: onnx.ModelProto) -> Weights:
    """The weights of a graph that `build` made, as exactly as its bits say them.

    Raises KeyError for any other graph.
    """
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    hidden = len(stored["output.matrix"])
    further = sum(name.startswith("layer") and name.endswith(".bias") for name in stored)
    return Weights(
        table=stored["table"],
        matrices=tuple(_matrix(stored, i, hidden) for i in range(further + 1)),
        biases=tuple(stored[f"layer{i}.bias"] for i in range(1, further + 1)),
        output=stored["output.matrix"],
        output_bias=stored["output.bias"],
    )


def bits_of(model: onnx.ModelProto) -> Bits:
    """In how many bits a graph that `build` made keeps its recurrent matrices."""
    return 8 if any(node.domain == MICROSOFT for node in model.graph.node) else 32


def _gates(parts: _Parts, weights: Weights, i: int, x: str, bits: Bits) -> str:
    """What enters the gates of layer i, [batch, 4H]."""
    h = f"layer{i}.h"
    if i == 0:
        inputs = h
        added = parts.node("Gather", [parts.constant("table", weights.table), "tokens"], "read")
    else:
        inputs = parts.node("Concat", [x, h], f"layer{i}.inputs", axis=1)
        added = parts.constant(f"layer{i}.bias", weights.biases[i - 1])
    product = _product(parts, f"layer{i}", inputs, weights.matrices[i], bits)
    return parts.node("Add", [product, added], f"layer{i}.gates")


def _product(parts: _Parts, layer: str, inputs: str, matrix: Floats, bits: Bits) -> str:
    """inputs [batch, K] @ matrix [K, N]."""
    if bits == 32:
        stored = parts.constant(f"{layer}.matrix", matrix)
        return parts.node("MatMul", [inputs, stored], f"{layer}.product")
    codes = quantise(matrix)
    stored_codes = [
        parts.constant(f"{layer}.codes", codes.codes),
        parts.constant(f"{layer}.scales", codes.scales),
        parts.constant(f"{layer}.zeros", codes.zeros),
    ]
    return parts.node(
        "MatMulNBits",
        [inputs, *stored_codes],
        f"{layer}.product",
        domain=MICROSOFT,
        K=matrix.shape[0],
        N=matrix.shape[1],
        bits=8,
        block_size=BLOCK,
        accuracy_level=INTEGER_ACTIVATIONS,
    )


def _cell(parts: _Parts, i: int, gates: str) -> tuple[str, str]:
    """The next h and c of layer i: c' = forget x c + input x cell, h' = output x tanh(c')."""
    name = f"layer{i}."
    raw = [name + gate for gate in ("input.raw", "forget.raw", "cell.raw", "output.raw")]
    parts.node("Split", [gates], *raw, axis=1, num_outputs=4)
    enter = parts.node("Sigmoid", [raw[0]], name + "input")
    keep = parts.node("Sigmoid", [raw[1]], name + "forget")
    new = parts.node("Tanh", [raw[2]], name + "cell")
    show = parts.node("Sigmoid", [raw[3]], name + "output")
    kept = parts.node("Mul", [keep, name + "c"], name + "kept")
    entered = parts.node("Mul", [enter, new], name + "entered")
    c = parts.node("Add", [kept, entered], name + "next_c")
    bounded = parts.node("Tanh", [c], name + "bounded")
    return parts.node("Mul", [show, bounded], name + "next_h"), c


def _model(parts: _Parts, weights: Weights, bits: Bits) -> onnx.ModelProto:
    characters = len(weights.table)
    state: list[str | int | None] = ["batch", len(weights.matrices) * 2 * weights.hidden]
    graph = helper.make_graph(
        parts.nodes,
        "step",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, state),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", characters]),
            helper.make_tensor_value_info("next_state", TensorProto.FLOAT, state),
        ],
        parts.constants,
    )
    domains = [helper.make_opsetid("", OPSET)]
    if bits == 8:
        domains.append(helper.make_opsetid(MICROSOFT, MICROSOFT_OPSET))
    return helper.make_model(
        graph, opset_imports=domains, ir_version=IR_VERSION, producer_name="onbook"
    )


def _matrix(stored: dict[str, Any], i: int, hidden: int) -> Floats:
    if f"layer{i}.matrix" in stored:
        return stored[f"layer{i}.matrix"]
    codes = Quantised(*(stored[f"layer{i}.{kind}"] for kind in ("codes", "scales", "zeros")))
    return dequantise(codes, hidden if i == 0 else 2 * hidden)
