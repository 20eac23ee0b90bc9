"""Build the step graph, which maps a character and a state to logits and the next state.

state  -> Split -> the h and the c of each layer, the summary, inside, the last digits
lower:  gates = (h, expected) @ W + Gather(table, tokens)         -> h', c'
A word has ended in the rows where inside > Gather(letters, tokens). NonZero finds these rows,
Gather collects their word states, and ScatterND writes the new ones back:
word:   gates = (h' of lower, h) @ W + bias                       -> h', c'
        summary' = tanh(h' @ W + bias)
upper:  gates = (h' of lower, summary', h) @ W + bias             -> h', c'
logits = h' of upper @ W + bias;  next_state = Concat of the same sections

Where there is a prior, `export.prior_graph` adds its probabilities after the last digits. The lower
layer reads the square roots of the probabilities, and
    logits = sure x (logits + trust x log-probabilities)
where trust is one more column of the output plus an amount for the length of the known context, and
sure depends on that length alone.

In 8 bits every vector that enters a product is rounded to multiples of 1 / 127, because its numbers
lie between -1 and 1. All rows share this constant scale, so the products are sums of integers and
exact: a row's result depends neither on the rows beside it, nor on the order in which a processor
adds up.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np
import onnx
from onnx import TensorProto, helper

from training.model.folding import FoldedNetwork, WordLayer
from training.model.perfect_hash import place
from training.model.words import FACTORS, FADING, MODULI

from .parts import MICROSOFT, Bits, Parts, quantise_vectors
from .prior_graph import add_prior

EXPECTED, LENGTH = "prior.expected", "prior.length"
"""The names of the outputs of `add_prior`."""

NOBODY = -1
"""The owner of an empty slot; keys are at least 0."""

OPSET = 18
"""The first opset in which Split has `num_outputs`. The graph needs nothing newer, so that older
runtimes can read the file."""

IR_VERSION = 8
"""The IR version of opset 18. By default the onnx package writes its newest version, which older
runtimes refuse."""

MICROSOFT_OPSET = 1
"""The only version of that domain."""


def build(network: FoldedNetwork, bits: Bits) -> onnx.ModelProto:
    """Return the step graph, with its matrices in 8 or 32 bits and all else in 32.

    Its inputs are tokens, int64 [batch], and state, float32 [batch, S]. Its outputs are logits,
    float32 [batch, V], and next_state, float32 [batch, S]. S is the size of a state that `CharLSTM`
    packs.
    """
    parts = Parts(bits)
    sizes = parts.constant("sizes", np.array([n for n in network.shape.sections if n]))
    parts.node("Split", ["state", sizes], *_sections(network), axis=1)
    for layer, units in zip(_layers(network), network.shape.units, strict=True):
        parts.constant(f"{layer}.gate_sizes", units * np.array(_cell(network).SPLIT))
    read = [parts.operand("lower.h")]
    if network.prior:
        read.append(parts.operand(_expected(parts, network)))
    product = parts.product("lower", read, network.lower)
    table = parts.constant("table", network.table)
    added = parts.node("Gather", [table, "tokens"], "lower.table")
    gates = parts.node("Add", [product, added], "lower.gates")
    lower = parts.operand(_step(parts, network, "lower", gates))
    _letters(parts, network)
    read = [lower]
    if network.word:
        _word(parts, network, network.word, lower)
        read.append(parts.operand("next.summary"))
    read.append(parts.operand("upper.h"))
    gates = parts.product("upper", read, network.upper, network.upper_bias)
    upper = parts.operand(_step(parts, network, "upper", gates))
    said = "said" if network.prior else "logits"
    parts.product("output", [upper], network.output, network.output_bias, said)
    if network.prior:
        _trusted(parts, network)
    sections = [f"next.{name}" for name in _sections(network)]
    parts.node("Concat", sections, "next_state", axis=1)
    return _model(parts, network)


def bits_of(model: onnx.ModelProto) -> Bits:
    """Return the bits of a matrix entry in a graph that `build` made."""
    return 8 if any(node.domain == MICROSOFT for node in model.graph.node) else 32


def _layers(network: FoldedNetwork) -> list[str]:
    return ["lower", *(["word"] if network.word else []), "upper"]


def _sections(network: FoldedNetwork) -> list[str]:
    """Return the names of the sections of a state, in the order of `Shape.sections`."""
    return [
        *(f"{layer}.{kind}" for kind in network.shape.layer.memories for layer in _layers(network)),
        *(["summary"] if network.word else []),
        *(["topic", "hashes"] if network.shape.vectors.words else []),
        "inside",
        *(["digits"] if network.prior else []),
    ]


def _letters(parts: Parts, network: FoldedNetwork) -> None:
    """Add ``next.inside``, 1 for a letter and 0 for a word's end, and update ``next.hashes``."""
    letters = parts.constant("letters", network.letters.astype(np.float32)[:, None])
    letter = parts.node("Gather", [letters, "tokens"], "letter")
    parts.node("Sign", [letter], "next.inside")
    if not network.shape.vectors.words:
        return
    factors = parts.constant("hashes.factors", np.array(FACTORS, np.float32))
    moduli = parts.constant("hashes.moduli", np.array(MODULI, np.float32))
    times = parts.node("Mul", ["hashes", factors], "hashes.times")
    plus = parts.node("Add", [times, letter], "hashes.plus")
    rolled = parts.node("Mod", [plus, moduli], "hashes.rolled", fmod=1)
    parts.node("Mul", [rolled, "next.inside"], "next.hashes")


def _word(parts: Parts, network: FoldedNetwork, word: WordLayer, lower: str) -> None:
    """Add a step of the word layer in the rows in which a word has ended.

    The resulting state of all rows is ``next.word.h``, ``next.word.c`` and ``next.summary``, and
    ``next.topic`` where the words have vectors.
    """
    ended = parts.node("Greater", ["inside", "next.inside"], "word.ended")
    # Indices [2, rows]: those of the rows, and those of the only column.
    found = parts.node("NonZero", [ended], "word.found")
    across = parts.node("Transpose", [found], "word.across", perm=[1, 0])
    first = parts.constant("word.first", np.array([1, 1]))
    rows, _ = "word.rows", parts.node("Split", [across, first], "word.rows", "word.column", axis=1)
    axis = parts.constant("word.axis", np.array([1]))
    at = parts.node("Squeeze", [rows, axis], "word.at")

    def of_rows(vector: str, name: str) -> str:
        return parts.node("Gather", [vector, at], name)

    read = [of_rows(lower, "word.read")]
    output, *others = network.shape.layer.memories
    changed = [f"word.{output}", *(f"word.{name}" for name in others), "summary"]
    if len(word.keys):
        changed.append("topic")
        read.append(_vector(parts, word, of_rows("hashes", "word.hashes")))
        read.append(_topic(parts, of_rows("topic", "word.topic")))
    own = of_rows("word.h", "word.own")
    read.append(parts.operand(own))
    gates = parts.product("word", read, word.matrix, word.bias)
    memory = [own, *(of_rows(f"word.{name}", f"word.kept_{name}") for name in others)]
    h = _cell(network).add_step(parts, "word", gates, memory, "step")
    raw = parts.product("summary", [parts.operand(h)], word.summary, word.summary_bias)
    parts.node("Tanh", [raw], "step.summary")
    for name in changed:
        parts.node("ScatterND", [name, rows, f"step.{name}"], f"next.{name}")


def _vector(parts: Parts, word: WordLayer, hashes: str) -> str:
    """Add the vectors of the words that have ended; return the name of [rows, F].

    The vectors are quantised in 8 bits. ``word.known``, bool [rows], is true for known words.
    """
    placed = place(word.keys)
    whole = parts.node("Cast", [hashes], "word.hashes.whole", to=TensorProto.INT64)
    key = parts.node("MatMul", [whole, parts.constant("word.joins", np.array([2**17, 1]))], "key")
    buckets = parts.constant("word.buckets", np.array(len(placed.shifts)))
    bucket = parts.node("Mod", [key, buckets], "word.bucket")
    shifts = parts.constant("word.shifts", placed.shifts.astype(np.int64))
    shifted = parts.node("Add", [key, parts.node("Gather", [shifts, bucket], "word.shift")], "at")
    slots = parts.constant("word.slots", np.array(len(placed.numbers)))
    slot = parts.node("Mod", [shifted, slots], "word.slot")
    numbers = parts.constant("word.numbers", placed.numbers)
    number = parts.node("Gather", [numbers, slot], "word.number")
    # Number 0 marks an empty slot, whose owner `NOBODY` equals no key.
    owners = parts.constant("word.keys", np.concatenate([[NOBODY], word.keys]))
    owner = parts.node("Gather", [owners, number], "word.owner")
    known = parts.node("Equal", [owner, key], "word.known")
    nobody = parts.constant("word.nobody", np.array(0, dtype=np.int32))
    row = parts.node("Where", [known, number, nobody], "word.row")
    vectors = np.vstack([np.zeros_like(word.vectors[:1]), word.vectors])
    kept = quantise_vectors(vectors) if parts.bits == 8 else vectors
    return parts.node("Gather", [parts.constant("word.vectors", kept), row], "word.vector")


def _topic(parts: Parts, before: str) -> str:
    """Add the topics of rows, moved by the vectors of words as `training.model.words.topics` does.

    The topics are ``step.topic`` [rows, F]. Returns their name, or in 8 bits that of their codes.
    """
    vector = "word.vector"
    if parts.bits == 8:
        vector = parts.node("DequantizeLinear", [vector, "step", "zero"], "word.vector.numbers")
    fading = parts.constant("topic.fading", np.float32(FADING))
    fresh = parts.constant("topic.fresh", np.float32(1 - FADING))
    kept = parts.node("Mul", [before, fading], "topic.kept")
    added = parts.node("Mul", [vector, fresh], "topic.added")
    moved = parts.node("Add", [kept, added], "topic.moved")
    axis = parts.constant("topic.axis", np.array([1]))
    known = parts.node("Unsqueeze", ["word.known", axis], "topic.known")
    parts.node("Where", [known, moved, before], "step.topic")
    return parts.operand("step.topic")


def _expected(parts: Parts, network: FoldedNetwork) -> str:
    """Add the prior; return the name of the square roots of its probabilities, [batch, V].

    The digits of the last characters are ``next.digits``, the logarithms of the probabilities
    `EXPECTED`, and the lengths of the known contexts `LENGTH`.
    """
    assert network.prior  # `build` calls this only for a network with a prior
    history = network.shape.prior.history
    # The digit of a token is the token + 1, as in `training.model.prior.digits`.
    table = np.arange(1, 1 + len(network.table), dtype=np.float32)[:, None]
    digit = parts.node("Gather", [parts.constant("digit", table), "tokens"], "digit.read")
    read = parts.node("Concat", ["digits", digit], "digits.read", axis=1)
    sizes = parts.constant("digits.sizes", np.array([1, history]))
    parts.node("Split", [read, sizes], "digits.forgotten", "next.digits", axis=1)
    whole = parts.node("Cast", [read], "digits.whole", to=TensorProto.INT64)
    expected, _ = add_prior(parts, network.prior.tables, whole, history)
    half = parts.constant("prior.half", np.float32(0.5))
    return parts.node("Exp", [parts.node("Mul", [expected, half], "prior.halved")], "prior.roots")


def _trusted(parts: Parts, network: FoldedNetwork) -> None:
    """Add logits = sure x (the network's own logits + trust x the prior's log-probabilities)."""
    assert network.prior  # `build` calls this only for a network with a prior
    sizes = parts.constant("said.sizes", np.array([len(network.table), 1]))
    parts.node("Split", ["said", sizes], "said.itself", "said.trust", axis=1)
    by_length = parts.constant("prior.trust", network.prior.trust[:, None])
    added = parts.node("Gather", [by_length, LENGTH], "trust.added")
    trust = parts.node("Add", ["said.trust", added], "trust")
    trusted = parts.node("Mul", [trust, EXPECTED], "prior.trusted")
    together = parts.node("Add", ["said.itself", trusted], "said.together")
    sure = parts.constant("prior.sure", network.prior.sure[:, None])
    factor = parts.node("Gather", [sure, LENGTH], "sure")
    parts.node("Mul", [together, factor], "logits")


def _cell(network: FoldedNetwork) -> ModuleType:
    """Return the module of this package that adds a step of the network's recurrent layers."""
    return import_module(f"{__package__}.{network.recurrence}")


def _step(parts: Parts, network: FoldedNetwork, layer: str, gates: str) -> str:
    """Add a step of the lower or the upper layer; return the name of its output."""
    memory = [f"{layer}.{name}" for name in network.shape.layer.memories]
    output: str = _cell(network).add_step(parts, layer, gates, memory, "next")
    return output


def _model(parts: Parts, network: FoldedNetwork) -> onnx.ModelProto:
    characters = len(network.table)
    state: list[str | int | None] = ["batch", network.shape.state]
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
    if parts.bits == 8:
        domains.append(helper.make_opsetid(MICROSOFT, MICROSOFT_OPSET))
    return helper.make_model(
        graph, opset_imports=domains, ir_version=IR_VERSION, producer_name="onbook-export"
    )
