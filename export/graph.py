"""Build the step graph, which maps a character and a state to logits and the next state.

state  -> Split -> the h and the c of both layers, the packed and the last characters
lower:  gates = (h, expected) @ W + Gather(table, tokens)         -> h', c'
memory: `export.memory_graph`                                     -> heard
upper:  gates = (h' of lower, heard, h) @ W + bias                -> h', c'
logits = (h' of upper, heard) @ W + bias;  next_state = Concat of the same sections

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

import numpy as np
import onnx
from onnx import TensorProto, helper

from .cells import CELLS
from .memory_graph import add_memory
from .parts import MICROSOFT, Bits, Parts
from .prior_graph import add_prior
from .trained import FoldedNetwork, FoldedPrior

LAYERS = ("lower", "upper")
"""The names of the layers."""

OPSET = 18
"""The first opset in which Split has `num_outputs`. The graph needs nothing newer, so that older
runtimes can read the file."""

IR_VERSION = 8
"""The IR version of opset 18. By default the onnx package writes its newest version, which older
runtimes refuse."""

MICROSOFT_OPSET = 1
"""The only version of that domain."""


def build(network: FoldedNetwork, bits: Bits) -> onnx.ModelProto:
    """Return the step graph, with its matrices in 8 or 32 bits and the prior's tables as they are.

    Its inputs are tokens, int64 [batch], and state, float32 [batch, S]. Its outputs are logits,
    float32 [batch, V], and next_state, float32 [batch, S]. S is the size of a state that `CharLSTM`
    packs.
    """
    parts = Parts(bits)
    sizes = parts.add_constant("sizes", np.array([n for n in network.shape.sections if n]))
    parts.add_node("Split", ["state", sizes], *_list_sections(network), axis=1)
    for layer, units in zip(LAYERS, (network.shape.lower, network.shape.upper), strict=True):
        parts.add_constant(f"{layer}.gate_sizes", units * np.array(CELLS[network.recurrence].split))
    read = [parts.add_operand("lower.h")]
    expected = length = ""
    if network.prior:
        expected, length = _add_expectations(parts, network)
        read.append(parts.add_operand(_add_roots(parts, expected)))
    product = parts.add_product("lower", read, network.lower)
    table = parts.add_constant("table", network.table)
    added = parts.add_node("Gather", [table, "tokens"], "lower.table")
    gates = parts.add_node("Add", [product, added], "lower.gates")
    lower = parts.add_operand(_add_step(parts, network, "lower", gates))
    recall = []
    if network.memory:
        weights = add_memory(parts, network.memory, len(network.table), lower)
        recall = [parts.add_operand(weights)]
    read = [lower, *recall, parts.add_operand("upper.h")]
    gates = parts.add_product("upper", read, network.upper, network.upper_bias)
    upper = parts.add_operand(_add_step(parts, network, "upper", gates))
    logits = "said" if network.prior else "logits"
    parts.add_product("output", [upper, *recall], network.output, network.output_bias, logits)
    if network.prior:
        _add_trust(parts, network.prior, expected, length)
    sections = [f"next.{name}" for name in _list_sections(network)]
    parts.add_node("Concat", sections, "next_state", axis=1)
    return _make_model(parts, network)


def find_bits(model: onnx.ModelProto) -> Bits:
    """Return the bits of a matrix entry in a graph that `build` made."""
    return 8 if any(node.domain == MICROSOFT for node in model.graph.node) else 32


def _list_sections(network: FoldedNetwork) -> list[str]:
    """Return the names of the sections of a state, in the order of `Shape.sections`."""
    return [
        *(f"{layer}.{kind}" for kind in network.shape.layer.memories for layer in LAYERS),
        *(["packed"] if network.memory else []),
        *(["digits"] if network.prior else []),
    ]


def _add_expectations(parts: Parts, network: FoldedNetwork) -> tuple[str, str]:
    """Add the prior, and the digits of the last characters as ``next.digits``.

    Returns the names of the logarithms of the probabilities, and of the lengths of the known
    contexts, as `add_prior` does.
    """
    assert network.prior  # `build` calls this only for a network with a prior
    history = network.shape.prior.history
    # The digit of a token is the token + 1, as in `training.model.prior.to_digits`.
    table = np.arange(1, 1 + len(network.table), dtype=np.float32)[:, None]
    digit = parts.add_node("Gather", [parts.add_constant("digit", table), "tokens"], "digit.read")
    read = parts.add_node("Concat", ["digits", digit], "digits.read", axis=1)
    sizes = parts.add_constant("digits.sizes", np.array([1, history]))
    parts.add_node("Split", [read, sizes], "digits.forgotten", "next.digits", axis=1)
    whole = parts.add_node("Cast", [read], "digits.whole", to=TensorProto.INT64)
    return add_prior(parts, network.prior.tables, whole, history)


def _add_roots(parts: Parts, expected: str) -> str:
    """Add the square roots of probabilities, given their logarithms; return their name."""
    half = parts.add_constant("prior.half", np.float32(0.5))
    return parts.add_node(
        "Exp", [parts.add_node("Mul", [expected, half], "prior.halved")], "prior.roots"
    )


def _add_trust(parts: Parts, prior: FoldedPrior, expected: str, length: str) -> None:
    """Add logits = sure x (the network's own logits + trust x the prior's log-probabilities)."""
    sizes = parts.add_constant("said.sizes", np.array([prior.tables.characters, 1]))
    parts.add_node("Split", ["said", sizes], "said.itself", "said.trust", axis=1)
    by_length = parts.add_constant("prior.trust", prior.trust[:, None])
    added = parts.add_node("Gather", [by_length, length], "trust.added")
    trust = parts.add_node("Add", ["said.trust", added], "trust")
    trusted = parts.add_node("Mul", [trust, expected], "prior.trusted")
    logits = parts.add_node("Add", ["said.itself", trusted], "said.together")
    sure = parts.add_constant("prior.sure", prior.sure[:, None])
    factor = parts.add_node("Gather", [sure, length], "sure")
    parts.add_node("Mul", [logits, factor], "logits")


def _add_step(parts: Parts, network: FoldedNetwork, layer: str, gates: str) -> str:
    """Add a step of the lower or the upper layer; return the name of its output."""
    memory = [f"{layer}.{name}" for name in network.shape.layer.memories]
    return CELLS[network.recurrence].add_step(parts, layer, gates, memory, "next")


def _make_model(parts: Parts, network: FoldedNetwork) -> onnx.ModelProto:
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
