"""The step graph: one character and a state in; logits and the next state out.

state  -> Split -> all h, every c, last digits
layer 0:  gates = (h, recalled) @ W + Gather(table, tokens)  -> c', h'
layer i:  gates = (x, h) @ W + bias  -> c', h'   x: the h' of the layer below
logits = (h', recalled) @ output + bias;  next_state = Concat of all h', c' and the digits

recalled, where there is a memory of n-grams (training/ngrams.py says what its parts are):
    (last digits, Gather(digits, tokens)) @ powers -> keys;  keys mod places -> places
    Gather(vectors, places), or zeros where Gather(owners, places) is not the key

Where there is a prior (training/prior.py), the keys of contexts are made of the same digits:
    (keys + Gather(shifts, keys mod buckets)) mod slots -> slots;  Gather(rows, slots) -> rows
    the largest of the rows whose context is the key: the longest context;  Gather(codes, row)
    layer 0 reads Gather(roots, codes) as well
    logits += trust x (codes as logarithms), trust being one more column of the output, and what
    a context of this length adds; logits *= how sure a context of this length lets them be

In 8 bits every vector that enters a product is rounded to 1 / 127: the numbers of an h lie between
-1 and 1, and those of the vectors are brought there. A scale that all rows share and that never
changes makes the products of integers, so they are exact: a row's result does not depend on the
rows beside it, nor on the order in which a processor adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.ngrams import BASE, NOBODY
from training.prior import STEP as LOG_STEP

from .placing import place
from .quantise import STEP, ZERO, Quantised, codes, dequantise, numbers, quantise
from .weights import Floats, Memory, Prior, Weights

Bits = Literal[8, 32]

OPSET = 18
"""The first in which Split says `num_outputs`; the graph needs nothing newer, so the file asks
no reader for more."""

IR_VERSION = 8
"""The one that came with opset 18; by itself the onnx package writes its own newest, which older
readers refuse."""

MICROSOFT = "com.microsoft"
MICROSOFT_OPSET = 1
"""Where `MatMulIntegerToFloat` lives; it has had one version."""


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
    """The step graph, its matrices and vectors in 8 or 32 bits and all else in 32.

    Inputs tokens int64 [batch], state float32 [batch, S]; outputs logits float32 [batch, V],
    next_state float32 [batch, S]. S is what `CharLSTM` packs: every h, every c, the digits.
    """
    weights = weights.bounded()
    parts = _Parts()
    if bits == 8:
        parts.constant("step", STEP)
        parts.constant("zero", ZERO)
    layers = range(len(weights.matrices))
    below = _split_state(parts, weights, bits)
    recalled, remembered = list[str](), list[str]()
    if weights.history:
        remembered = [_read(parts, len(weights.table), weights.history)]
    if weights.memory:
        recalled = [_memory(parts, weights.memory, weights.history, bits)]
    beside = recalled
    if weights.prior:
        beside = [*recalled, _prior(parts, weights.prior, weights.history, bits)]
    shown: list[str] = []
    cells: list[str] = []
    x = ""
    for i in layers:
        inputs = [x, below[i]] if i else [below[i], *beside]
        h, c = _cell(parts, i, _gates(parts, weights, i, inputs, bits), weights.hidden)
        shown.append(h)
        cells.append(c)
        x = _operand(parts, h, bits)
    parts.node("Concat", [*shown, *cells, *remembered], "next_state", axis=1)
    last = _joined(parts, [x, *recalled], "output.inputs")
    name = "said" if weights.prior else "logits"
    _product(parts, "output", last, weights.output, bits, weights.output_bias, name)
    if weights.prior:
        _trusted(parts, weights.prior)
    return _model(parts, weights, bits)


def read(model: onnx.ModelProto) -> Weights:
    """The weights of a graph that `build` made, as exactly as its bits say them.

    Raises KeyError for any other graph.
    """
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    hidden = int(stored["gates"][1])
    layers = int(stored["sizes"][0]) // hidden
    return Weights(
        table=_in_torch_order(stored["table"]),
        matrices=tuple(_in_torch_order(_matrix(stored, f"layer{i}")) for i in range(layers)),
        biases=tuple(_in_torch_order(stored[f"layer{i}.bias"]) for i in range(1, layers)),
        output=_matrix(stored, "output"),
        output_bias=stored["output.bias"],
        memory=_read_memory(stored) if "memory.owners" in stored else None,
        prior=_read_prior(stored) if "prior.contexts" in stored else None,
    )


def bits_of(model: onnx.ModelProto) -> Bits:
    """In how many bits a graph that `build` made keeps its recurrent matrices."""
    return 8 if any(node.domain == MICROSOFT for node in model.graph.node) else 32


def _split_state(parts: _Parts, weights: Weights, bits: Bits) -> list[str]:
    """Takes the state apart; returns the h of every layer, as the products want it."""
    hidden, layers = weights.hidden, len(weights.matrices)
    names = ["shown", *(f"layer{i}.c" for i in range(layers))]
    sizes = [layers * hidden] + [hidden] * layers
    if weights.history:
        names.append("digits")
        sizes.append(weights.history)
    parts.node("Split", ["state", parts.constant("sizes", np.array(sizes))], *names, axis=1)
    before = _operand(parts, "shown", bits)
    if layers == 1:
        return [before]
    below = [f"layer{i}.before" for i in range(layers)]
    parts.node("Split", [before], *below, axis=1, num_outputs=layers)
    return below


def _read(parts: _Parts, characters: int, history: int) -> str:
    """The digits of the characters that were read, as ``digits.whole`` int64 [batch, history + 1].

    Returns the name of those that are to be remembered.
    """
    # One more than the token, as `training.ngrams.digits` has it.
    table = (np.arange(characters, dtype=np.float32) % (BASE - 1) + 1)[:, None]
    digit = parts.node("Gather", [parts.constant("digit", table), "tokens"], "digit.read")
    read = parts.node("Concat", ["digits", digit], "digits.read", axis=1)
    kept = parts.constant("kept", np.array([1, history]))
    parts.node("Split", [read, kept], "digits.forgotten", "digits.kept", axis=1)
    parts.node("Cast", [read], "digits.whole", to=TensorProto.INT64)
    return "digits.kept"


def _keys(parts: _Parts, name: str, base: int, lengths: range, history: int) -> str:
    """The keys of the n-grams of each length that end here: int64 [batch, N]."""
    back = np.arange(history + 1)[::-1, None]
    # What a digit that is so far back counts; none of those that are too far back overflows.
    counts = np.array([[base**n if n < lengths.stop - 1 else 0] for n in back.flat])
    powers = np.where(back < np.array(lengths), counts, 0)
    return parts.node(
        "MatMul", ["digits.whole", parts.constant(f"{name}.powers", powers)], f"{name}.keys"
    )


def _memory(parts: _Parts, memory: Memory, history: int, bits: Bits) -> str:
    """What the n-grams that end here recall: [batch, N x F]."""
    keys = _keys(parts, "memory", BASE, memory.shape.orders, history)
    nobody = len(memory.owners)
    count = parts.constant("memory.places", np.array(nobody))
    places = parts.node("Mod", [keys, count], "places")
    owners = parts.node("Gather", [parts.constant("memory.owners", memory.owners), places], "owner")
    known = parts.node("Equal", [owners, keys], "known")
    # Behind the last place lies a vector of zeros.
    found_at = parts.node("Where", [known, places, count], "found.at")
    vectors = np.vstack([memory.table, np.zeros_like(memory.table[:1])])
    stored = parts.constant("memory.vectors", codes(vectors) if bits == 8 else vectors)
    found = parts.node("Gather", [stored, found_at], "found")
    return parts.node("Flatten", [found], "recalled", axis=1)


def _read_memory(stored: dict[str, Any]) -> Memory:
    vectors = stored["memory.vectors"]
    table = numbers(vectors) if vectors.dtype == np.uint8 else vectors
    lengths = (stored["memory.powers"] > 0).sum(axis=0)
    return Memory(stored["memory.owners"], table[:-1], int(lengths.max()))


def _prior(parts: _Parts, prior: Prior, history: int, bits: Bits) -> str:
    """The roots of the probabilities that the prior expects: [batch, V].

    Leaves their codes as ``prior.found`` int32 [batch, V], and how long the contexts are as
    ``prior.length.whole`` int32 [batch].
    """
    characters = prior.codes.shape[1]
    placed = place(prior.contexts)
    keys = _keys(parts, "prior", characters + 1, range(1, prior.shape.longest + 1), history)
    buckets = parts.constant("prior.buckets", np.array(len(placed.shifts)))
    bucket = parts.node("Mod", [keys, buckets], "prior.bucket")
    short = parts.node("Gather", [parts.constant("prior.shifts", placed.shifts), bucket], "shift")
    shift = parts.node("Cast", [short], "shift.long", to=TensorProto.INT64)
    shifted = parts.node("Add", [keys, shift], "prior.shifted")
    slots = parts.constant("prior.slots", np.array(len(placed.numbers)))
    slot = parts.node("Mod", [shifted, slots], "prior.slot")
    # Row 0 is for no context, and no key is that of its owner.
    row = parts.node("Gather", [parts.constant("prior.rows", placed.numbers), slot], "prior.row")
    owners = parts.constant("prior.contexts", np.concatenate([[NOBODY], prior.contexts]))
    owner = parts.node("Gather", [owners, row], "prior.owner")
    known = parts.node("Equal", [owner, keys], "prior.known")
    none = parts.constant("prior.none", np.array(0, dtype=np.int32))
    met = parts.node("Where", [known, row, none], "prior.met")
    axis = parts.constant("prior.axis", np.array([1]))
    # Longer contexts have later rows.
    longest = parts.node("ReduceMax", [met, axis], "prior.longest", keepdims=0)
    lengths = parts.constant("prior.lengths", prior.lengths)
    length = parts.node("Gather", [lengths, longest], "prior.length")
    parts.node("Cast", [length], "prior.length.whole", to=TensorProto.INT32)
    found = parts.node("Gather", [parts.constant("prior.codes", prior.codes), longest], "expected")
    whole = parts.node("Cast", [found], "prior.found", to=TensorProto.INT32)
    roots = np.exp(np.arange(256, dtype=np.float32) * np.float32(-LOG_STEP / 2))
    table = parts.constant("prior.roots", codes(roots) if bits == 8 else roots)
    return parts.node("Gather", [table, whole], "prior.read")


def _trusted(parts: _Parts, prior: Prior) -> None:
    """logits = sure x (what the network says itself + trust x what the prior expects)."""
    sizes = parts.constant("said.sizes", np.array([prior.codes.shape[1], 1]))
    parts.node("Split", ["said", sizes], "said.itself", "said.trust", axis=1)
    by_length = parts.constant("prior.trust", prior.trust[:, None])
    added = parts.node("Gather", [by_length, "prior.length.whole"], "trust.added")
    trust = parts.node("Add", ["said.trust", added], "trust")
    multiples = parts.node("Cast", ["prior.found"], "prior.multiples", to=TensorProto.FLOAT)
    step = parts.constant("prior.step", np.float32(-LOG_STEP))
    logarithms = parts.node("Mul", [multiples, step], "prior.logarithms")
    trusted = parts.node("Mul", [trust, logarithms], "prior.trusted")
    together = parts.node("Add", ["said.itself", trusted], "said.together")
    sure = parts.constant("prior.sure", prior.sure[:, None])
    factor = parts.node("Gather", [sure, "prior.length.whole"], "sure")
    parts.node("Mul", [together, factor], "logits")


def _read_prior(stored: dict[str, Any]) -> Prior:
    trust = stored["prior.trust"]
    # Files of before were as sure after any context.
    sure = stored.get("prior.sure", np.ones_like(trust))
    return Prior(
        stored["prior.contexts"][1:],
        stored["prior.codes"],
        stored["prior.lengths"],
        trust[:, 0],
        sure[:, 0],
    )


def _operand(parts: _Parts, vector: str, bits: Bits) -> str:
    """Numbers between -1 and 1 as the products want them."""
    if bits == 32:
        return vector
    return parts.node("QuantizeLinear", [vector, "step", "zero"], f"{vector}.codes")


def _gates(parts: _Parts, weights: Weights, i: int, inputs: Sequence[str], bits: Bits) -> str:
    """What enters the gates of layer i, [batch, 4H]: input, forget, output, cell."""
    joined = _joined(parts, inputs, f"layer{i}.inputs")
    matrix = _in_gate_order(weights.matrices[i])
    if i:
        bias = _in_gate_order(weights.biases[i - 1])
        return _product(parts, f"layer{i}", joined, matrix, bits, bias)
    product = _product(parts, "layer0", joined, matrix, bits)
    table = parts.constant("table", _in_gate_order(weights.table))
    added = parts.node("Gather", [table, "tokens"], "read")
    return parts.node("Add", [product, added], "layer0.gates")


def _joined(parts: _Parts, vectors: Sequence[str], name: str) -> str:
    """Vectors [batch, ...] beside one another."""
    return parts.node("Concat", vectors, name, axis=1) if len(vectors) > 1 else vectors[0]


def _product(
    parts: _Parts,
    layer: str,
    inputs: str,
    matrix: Floats,
    bits: Bits,
    bias: Floats | None = None,
    name: str = "",
) -> str:
    """inputs [batch, K] @ matrix [K, N] + bias [N]."""
    name = name or f"{layer}.product"
    added = [] if bias is None else [parts.constant(f"{layer}.bias", bias)]
    if bits == 32:
        stored = parts.constant(f"{layer}.matrix", matrix)
        if bias is None:
            return parts.node("MatMul", [inputs, stored], name)
        product = parts.node("MatMul", [inputs, stored], f"{layer}.unbiased")
        return parts.node("Add", [product, *added], name)
    quantised = quantise(matrix)
    stored = parts.constant(f"{layer}.codes", quantised.codes)
    scales = parts.constant(f"{layer}.scales", quantised.scales)
    return parts.node(
        "MatMulIntegerToFloat",
        [inputs, stored, "step", scales, "zero", "", *added],
        name,
        domain=MICROSOFT,
    )


def _cell(parts: _Parts, i: int, gates: str, hidden: int) -> tuple[str, str]:
    """The next h and c of layer i: c' = forget x c + input x cell, h' = output x tanh(c')."""
    name = f"layer{i}."
    if not i:
        parts.constant("gates", np.array([3 * hidden, hidden]))
    parts.node("Split", [gates, "gates"], name + "raw", name + "cell.raw", axis=1)
    parts.node("Sigmoid", [name + "raw"], name + "open")
    enter, keep, show = (name + gate for gate in ("input", "forget", "output"))
    parts.node("Split", [name + "open"], enter, keep, show, axis=1, num_outputs=3)
    new = parts.node("Tanh", [name + "cell.raw"], name + "cell")
    kept = parts.node("Mul", [keep, name + "c"], name + "kept")
    entered = parts.node("Mul", [enter, new], name + "entered")
    c = parts.node("Add", [kept, entered], name + "next_c")
    bounded = parts.node("Tanh", [c], name + "bounded")
    return parts.node("Mul", [show, bounded], name + "next_h"), c


def _in_gate_order(columns: Floats) -> Floats:
    """[..., 4H] from PyTorch's input, forget, cell, output: what a sigmoid opens lies together."""
    enter, keep, cell, show = np.split(columns, 4, axis=-1)
    return np.concatenate([enter, keep, show, cell], axis=-1)


def _in_torch_order(columns: Floats) -> Floats:
    """The way back."""
    enter, keep, show, cell = np.split(columns, 4, axis=-1)
    return np.concatenate([enter, keep, cell, show], axis=-1)


def _model(parts: _Parts, weights: Weights, bits: Bits) -> onnx.ModelProto:
    characters = len(weights.table)
    size = len(weights.matrices) * 2 * weights.hidden + weights.history
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


def _matrix(stored: dict[str, Any], layer: str) -> Floats:
    if f"{layer}.matrix" in stored:
        return stored[f"{layer}.matrix"]
    return dequantise(Quantised(stored[f"{layer}.codes"], stored[f"{layer}.scales"]))
