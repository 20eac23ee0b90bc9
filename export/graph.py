"""Build the step graph, which maps a character and a state to logits and the next state.

state  -> Split -> the h and the c of both layers, the packed and the last characters
lower:  gates = (h, roots) @ W + Gather(table, tokens)            -> h', c'
memory: `export.memory_graph`                                     -> heard
upper:  gates = (h' of lower, heard, h) @ W + bias                -> h', c'
logits = (h' of upper, heard) @ W + bias;  next_state = Concat of the same sections

If there is a prior, `export.prior_graph` adds its probabilities after the last digits. The lower
layer reads the square roots of the probabilities, and
    logits = inverse temperature x (logits + trust x log-probabilities)
where trust is one more column of the output plus an amount for the length of the known context, and
the inverse temperature depends on that length alone.

In 8 bits every vector that enters a product is rounded to multiples of 1 / 63, because its numbers
lie between -1 and 1. All rows share this constant scale, so the products are sums of integers and
exact: a row's result depends neither on the rows beside it, nor on the order in which a processor
adds up.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from .cells import CELLS
from .graph_builder import MICROSOFT, Bits, GraphBuilder
from .memory_graph import add_memory
from .prior_graph import add_prior
from .trained import FoldedNetwork, FoldedPrior

LAYERS = ("lower", "upper")
"""The names of the layers."""

OPSET = 18
"""The first opset in which Split has `num_outputs`. The graph needs nothing newer, so that older
runtimes can read the file."""

IR_VERSION = 8
"""The IR version of opset 18, because older runtimes refuse the newest, the onnx default."""


def build(network: FoldedNetwork, bits: Bits) -> onnx.ModelProto:
    """Return the step graph, with its matrices in 8 or 32 bits and the prior's tables as they are.

    Its inputs are tokens, int64 [batch], and state, float32 [batch, S]. Its outputs are logits,
    float32 [batch, V], and next_state, float32 [batch, S]. S is the size of a state that `CharLSTM`
    packs.
    """
    builder = GraphBuilder(bits)
    sizes = builder.add_constant("sizes", np.array([n for n in network.shape.sections if n]))
    builder.add_node("Split", ["state", sizes], *_list_sections(network), axis=1)
    for layer, units in zip(LAYERS, (network.shape.lower, network.shape.upper), strict=True):
        builder.add_constant(
            f"{layer}.gate_sizes", units * np.array(CELLS[network.recurrence].split)
        )
    read = [builder.add_operand("lower.h")]
    log_probabilities = length = ""
    if network.prior:
        log_probabilities, length = _add_expectations(builder, network)
        half = builder.add_constant("prior.half", np.float32(0.5))
        halved = builder.add_node("Mul", [log_probabilities, half], "prior.halved")
        read.append(builder.add_operand(builder.add_node("Exp", [halved], "prior.roots")))
    product = builder.add_product("lower", read, network.lower)
    table = builder.add_constant("table", network.table)
    added = builder.add_node("Gather", [table, "tokens"], "lower.table")
    gates = builder.add_node("Add", [product, added], "lower.gates")
    lower = builder.add_operand(_add_step(builder, network, "lower", gates))
    recall = []
    if network.memory:
        weights = add_memory(builder, network.memory, len(network.table), lower)
        recall = [builder.add_operand(weights)]
    read = [lower, *recall, builder.add_operand("upper.h")]
    gates = builder.add_product("upper", read, network.upper, network.upper_bias)
    upper = builder.add_operand(_add_step(builder, network, "upper", gates))
    logits = "said" if network.prior else "logits"
    builder.add_product("output", [upper, *recall], network.output, network.output_bias, logits)
    if network.prior:
        _add_trust(builder, network.prior, log_probabilities, length)
    sections = [f"next.{name}" for name in _list_sections(network)]
    builder.add_node("Concat", sections, "next_state", axis=1)
    return _make_model(builder, network)


def find_bits(model: onnx.ModelProto) -> Bits:
    """Return the bits of a matrix entry in a graph that `build` made."""
    return 8 if any(node.domain == MICROSOFT for node in model.graph.node) else 32


def _list_sections(network: FoldedNetwork) -> list[str]:
    """Return the names of the sections of a state, in the order of `Shape.sections`."""
    return [
        *(f"{layer}.{kind}" for kind in network.shape.layer.state_names for layer in LAYERS),
        *(["packed"] if network.memory else []),
        *(["digits"] if network.prior else []),
    ]


def _add_expectations(builder: GraphBuilder, network: FoldedNetwork) -> tuple[str, str]:
    """Add the prior, and the digits of the last characters as ``next.digits``.

    Returns the names of the logarithms of the probabilities, and of the lengths of the known
    contexts, as `add_prior` does.
    """
    assert network.prior  # `build` calls this only for a network with a prior
    history = network.shape.prior.history
    # The digit of a token is the token + 1, as in `training.model.prior.to_digits`.
    table = np.arange(1, 1 + len(network.table), dtype=np.float32)[:, None]
    digit = builder.add_node(
        "Gather", [builder.add_constant("digit", table), "tokens"], "digit.read"
    )
    read = builder.add_node("Concat", ["digits", digit], "digits.read", axis=1)
    sizes = builder.add_constant("digits.sizes", np.array([1, history]))
    builder.add_node("Split", [read, sizes], "digits.forgotten", "next.digits", axis=1)
    whole = builder.add_node("Cast", [read], "digits.whole", to=TensorProto.INT64)
    return add_prior(builder, network.prior.tables, whole, history)


def _add_trust(
    builder: GraphBuilder, prior: FoldedPrior, log_probabilities: str, length: str
) -> None:
    """Add logits = inverse temperature x (own logits + trust x the prior's log-probabilities)."""
    sizes = builder.add_constant("said.sizes", np.array([prior.tables.characters, 1]))
    builder.add_node("Split", ["said", sizes], "said.itself", "said.trust", axis=1)
    by_length = builder.add_constant("prior.trust", prior.trust[:, None])
    added = builder.add_node("Gather", [by_length, length], "trust.added")
    trust = builder.add_node("Add", ["said.trust", added], "trust")
    trusted = builder.add_node("Mul", [trust, log_probabilities], "prior.trusted")
    logits = builder.add_node("Add", ["said.itself", trusted], "said.together")
    factors = builder.add_constant("prior.sure", prior.inverse_temperatures[:, None])
    factor = builder.add_node("Gather", [factors, length], "sure")
    builder.add_node("Mul", [logits, factor], "logits")


def _add_step(builder: GraphBuilder, network: FoldedNetwork, layer: str, gates: str) -> str:
    """Add a step of the lower or the upper layer; return the name of its output."""
    state = [f"{layer}.{name}" for name in network.shape.layer.state_names]
    return CELLS[network.recurrence].add_step(builder, layer, gates, state, "next")


def _make_model(builder: GraphBuilder, network: FoldedNetwork) -> onnx.ModelProto:
    characters = len(network.table)
    state: list[str | int | None] = ["batch", network.shape.state]
    graph = helper.make_graph(
        builder.nodes,
        "step",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, state),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", characters]),
            helper.make_tensor_value_info("next_state", TensorProto.FLOAT, state),
        ],
        builder.constants,
    )
    domains = [helper.make_opsetid("", OPSET)]
    if builder.bits == 8:
        domains.append(helper.make_opsetid(MICROSOFT, 1))  # the only version of that domain
    return helper.make_model(
        graph, opset_imports=domains, ir_version=IR_VERSION, producer_name="onbook-export"
    )
