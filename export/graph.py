"""The step graph: one character and a state in; logits and the next state out.

tokens -> Gather(table) ---------------+
state  -> Split -> h, c, last digits   |
layer 0:  gates = (h, recalled) @ W  + it    -> c', h'
layer i:  gates = (x, h) @ W         + bias  -> c', h'      x: the h' of the layer below
logits = (h', recalled) @ output + bias;  next_state = Concat of all h', c' and the digits

recalled, where there is a memory of n-grams (training/ngrams.py says what its parts are):
    (last digits, digit of tokens) @ powers -> keys;  keys mod places -> places
    Gather(vectors, places), zeros where Gather(owners, places) is not the key
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.ngrams import BASE

from .quantise import BLOCK, Quantised, dequantise, dequantise_rows, quantise, quantise_rows
from .weights import Floats, Memory, Weights

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
    memory = weights.memory
    names = [f"layer{i}.{kind}" for i in layers for kind in "hc"]
    sizes = [weights.hidden] * len(names)
    if memory:
        names.append("digits")
        sizes.append(memory.shape.history)
    parts.node("Split", ["state", parts.constant("sizes", np.array(sizes))], *names, axis=1)
    recalled, remembered = _memory(parts, memory, bits) if memory else ([], [])
    x = ""
    cells: list[str] = []
    for i in layers:
        h = f"layer{i}.h"
        inputs = [x, h] if i else [h, *recalled]
        x, c = _cell(parts, i, _gates(parts, weights, i, inputs, bits))
        cells += [x, c]
    parts.node("Concat", [*cells, *remembered], "next_state", axis=1)
    last = _joined(parts, [x, *recalled], "output.inputs")
    product = parts.node(
        "MatMul", [last, parts.constant("output.matrix", weights.output)], "output"
    )
    parts.node("Add", [product, parts.constant("output.bias", weights.output_bias)], "logits")
    return _model(parts, weights, bits)


def read(model: onnx.ModelProto) -> Weights:
    """The weights of a graph that `build` made, as exactly as its bits say them.

    Raises KeyError for any other graph.
    """
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    table, output = stored["table"], stored["output.matrix"]
    hidden = table.shape[1] // 4
    rows = [len(output)] + [2 * hidden] * (len(stored["sizes"]) // 2 - 1)
    return Weights(
        table=table,
        matrices=tuple(_matrix(stored, i, n) for i, n in enumerate(rows)),
        biases=tuple(stored[f"layer{i}.bias"] for i in range(1, len(rows))),
        output=output,
        output_bias=stored["output.bias"],
        memory=_read_memory(stored) if "memory.owners" in stored else None,
    )


def bits_of(model: onnx.ModelProto) -> Bits:
    """In how many bits a graph that `build` made keeps its recurrent matrices."""
    return 8 if any(node.domain == MICROSOFT for node in model.graph.node) else 32


def _memory(parts: _Parts, memory: Memory, bits: Bits) -> tuple[list[str], list[str]]:
    """What the n-grams that end here recall, [batch, R], and the digits to be remembered."""
    read = _digits(parts)
    keys = parts.node("MatMul", [read, parts.constant("memory.powers", _powers(memory))], "keys")
    count = parts.constant("memory.places", np.array(len(memory.owners)))
    places = parts.node("Mod", [keys, count], "places")
    owners = parts.node("Gather", [parts.constant("memory.owners", memory.owners), places], "owner")
    known = parts.node("Equal", [owners, keys], "known")
    weight = parts.node("Cast", [known], "known.weight", to=TensorProto.FLOAT)
    found = _vectors(parts, memory, places, weight, bits)
    flat = parts.constant("memory.flat", np.array([-1, memory.shape.found]))
    recalled = parts.node("Reshape", [found, flat], "recalled")
    first, last, along = (
        parts.constant(f"memory.{name}", np.array([value]))
        for name, value in (("first", 1), ("last", memory.longest), ("along", 1))
    )
    kept = parts.node("Slice", [read, first, last, along], "digits.kept")
    return [recalled], [parts.node("Cast", [kept], "next_digits", to=TensorProto.FLOAT)]


def _digits(parts: _Parts) -> str:
    """The last characters as digits of a key, this one last: int64 [batch, longest]."""
    before = parts.node("Cast", ["digits"], "digits.before", to=TensorProto.INT64)
    highest = parts.constant("memory.digits", np.array(BASE - 1))
    bounded = parts.node("Mod", ["tokens", highest], "digit.from_0")
    digit = parts.node("Add", [bounded, parts.constant("memory.one", np.array(1))], "digit")
    column = parts.constant("memory.column", np.array([1]))
    this = parts.node("Unsqueeze", [digit, column], "digit.column")
    return parts.node("Concat", [before, this], "digits.read", axis=1)


def _powers(memory: Memory) -> NDArray[np.int64]:
    """[longest, N]: what each digit counts in the keys of the n-grams of each length."""
    back = np.arange(memory.longest)[::-1, None]
    return np.where(back < np.array(memory.shape.orders), BASE**back, 0)


def _vectors(parts: _Parts, memory: Memory, places: str, weight: str, bits: Bits) -> str:
    """The vectors [batch, N, F] of places [batch, N], times a weight [batch, N]."""
    if bits == 32:
        stored = parts.constant("memory.vectors", memory.table)
        vectors = parts.node("Gather", [stored, places], "vectors")
    else:
        codes, scales = quantise_rows(memory.table)
        stored = parts.constant("memory.codes", codes)
        whole = parts.node("Gather", [stored, places], "vectors.codes")
        vectors = parts.node("Cast", [whole], "vectors", to=TensorProto.FLOAT)
        scale = parts.node("Gather", [parts.constant("memory.scales", scales), places], "scale")
        weight = parts.node("Mul", [scale, weight], "scale.known")
    last = parts.constant("memory.behind", np.array([2]))
    factor = parts.node("Unsqueeze", [weight, last], "factor")
    return parts.node("Mul", [vectors, factor], "found")


def _read_memory(stored: dict[str, Any]) -> Memory:
    if "memory.vectors" in stored:
        table = stored["memory.vectors"]
    else:
        table = dequantise_rows(stored["memory.codes"], stored["memory.scales"])
    return Memory(stored["memory.owners"], table, len(stored["memory.powers"]))


def _gates(parts: _Parts, weights: Weights, i: int, inputs: Sequence[str], bits: Bits) -> str:
    """What enters the gates of layer i, [batch, 4H]."""
    joined = _joined(parts, inputs, f"layer{i}.inputs")
    product = _product(parts, f"layer{i}", joined, weights.matrices[i], bits)
    if i == 0:
        added = parts.node("Gather", [parts.constant("table", weights.table), "tokens"], "read")
    else:
        added = parts.constant(f"layer{i}.bias", weights.biases[i - 1])
    return parts.node("Add", [product, added], f"layer{i}.gates")


def _joined(parts: _Parts, vectors: Sequence[str], name: str) -> str:
    """Vectors [batch, ...] beside one another."""
    return parts.node("Concat", vectors, name, axis=1) if len(vectors) > 1 else vectors[0]


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
    remembered = weights.memory.shape.history if weights.memory else 0
    size = len(weights.matrices) * 2 * weights.hidden + remembered
    state: list[str | int | None] = ["batch", size]
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


def _matrix(stored: dict[str, Any], i: int, rows: int) -> Floats:
    if f"layer{i}.matrix" in stored:
        return stored[f"layer{i}.matrix"]
    codes = Quantised(*(stored[f"layer{i}.{kind}"] for kind in ("codes", "scales", "zeros")))
    return dequantise(codes, rows)
