"""Add the prior to the step graph: the look-ups of `training.model.prior.NgramPrior`, bit for bit.

digits -> MatMul -> keys of the contexts of all lengths
(keys + Gather(shifts, keys mod buckets)) mod slots -> slots
a context is known where its owner and the owners of all shorter contexts equal the keys' low bytes
Gather(rows) of the longest that has a row, and ScatterElements of all corrections -> LogSoftmax

Logarithms are multiples of 1 / 16, so that their sums are exact in any order.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .graph_builder import GraphBuilder
from .trained import CODES, STEP, STORED, Tables


def add_prior(builder: GraphBuilder, tables: Tables, digits: str, history: int) -> tuple[str, str]:
    """Add a prior's probabilities of the next character.

    ``digits``: the name of the digits of the last characters, int64 [batch, history + 1], the
    latest one last. Returns the names of the logarithms of the probabilities, float32 [batch, V],
    and of the length of the longest known context, int64 [batch].
    """
    for name in STORED:
        builder.add_constant(f"prior.{name}", getattr(tables, name))
    slots, known = _look_up(builder, tables, digits, history)
    none = builder.add_constant("prior.none", np.array(0))
    known_slots = builder.add_node("Where", [known, slots, none], "prior.met")
    logits = builder.add_node(
        "ScatterElements",
        [_add_row(builder, tables, known_slots), *_add_corrections(builder, tables, known_slots)],
        "prior.logits",
        axis=1,
        reduction="add",
    )
    within = [
        builder.add_constant(f"prior.{name}", np.array([number]))
        for name, number in [("first", 0), ("characters", tables.characters), ("axis", 1)]
    ]
    of_characters = builder.add_node("Slice", [logits, *within], "prior.told_apart")
    log_probabilities = builder.add_node("LogSoftmax", [of_characters], "prior.expected", axis=1)
    lengths = builder.add_constant("prior.lengths", tables.lengths)
    counted = builder.add_node("Where", [known, lengths, none], "prior.counted")
    length = builder.add_node("ReduceMax", [counted, "prior.axis"], "prior.length", keepdims=0)
    return log_probabilities, length


def _look_up(builder: GraphBuilder, tables: Tables, digits: str, history: int) -> tuple[str, str]:
    """Add the slots of the contexts of all N lengths, and a mask of the known ones: [batch, N]."""
    back = np.arange(history, -1, -1)[:, None]
    counted = np.zeros((history + 1, 1), dtype=np.int64)
    counted[history + 1 - len(tables.factors) :, 0] = tables.factors[::-1]
    powers = builder.add_constant("prior.powers", np.where(back < tables.lengths, counted, 0))
    keys = builder.add_node("MatMul", [digits, powers], "prior.keys")
    bucket = builder.add_node("Mod", [keys, "prior.buckets"], "prior.bucket")
    bucket = builder.add_node("Add", [bucket, "prior.first_buckets"], "prior.bucket.at")
    short = builder.add_node("Gather", ["prior.shifts", bucket], "prior.shift.short")
    shift = builder.add_node("Cast", [short], "prior.shift", to=TensorProto.INT64)
    shifted = builder.add_node("Add", [keys, shift], "prior.shifted")
    slot = builder.add_node("Mod", [shifted, "prior.slots"], "prior.slot")
    slot = builder.add_node("Add", [slot, "prior.first_slots"], "prior.slot.at")
    owner = builder.add_node("Gather", ["prior.owners", slot], "prior.owner")
    low = builder.add_node("Cast", [keys], "prior.low", to=TensorProto.UINT8)
    same = builder.add_node("Equal", [owner, low], "prior.same")
    same_float = builder.add_node("Cast", [same], "prior.one", to=TensorProto.FLOAT)
    shorter = builder.add_constant("prior.shorter", tables.prefixes)
    count = builder.add_node("MatMul", [same_float, shorter], "prior.count")
    all_of = builder.add_constant("prior.all", tables.lengths.astype(np.float32))
    return slot, builder.add_node("Equal", [count, all_of], "prior.known")


def _add_row(builder: GraphBuilder, tables: Tables, known_slots: str) -> str:
    """Add the logarithms after the longest known context with a row: float32 [batch, V + 1]."""
    with_rows = np.count_nonzero(tables.first_slots < len(tables.rows))
    sizes = [with_rows, len(tables.lengths) - with_rows]
    columns = known_slots
    if sizes[1]:
        split = builder.add_constant("prior.with_rows", np.array(sizes))
        builder.add_node(
            "Split", [known_slots, split], "prior.met.rows", "prior.met.corrections", axis=1
        )
        columns = "prior.met.rows"
    axis = builder.add_constant("prior.row.axis", np.array([1]))
    # Longer contexts have later slots.
    row = builder.add_node("ReduceMax", [columns, axis], "prior.row", keepdims=0)
    codes = builder.add_node("Gather", ["prior.rows", row], "prior.row.codes")
    multiples = builder.add_node("Cast", [codes], "prior.row.multiples", to=TensorProto.FLOAT)
    step = builder.add_constant("prior.step", np.float32(-STEP))
    return builder.add_node("Mul", [multiples, step], "prior.row.logarithms")


def _add_corrections(builder: GraphBuilder, tables: Tables, known_slots: str) -> list[str]:
    """Add the corrections of all known contexts, L for each of N lengths.

    Returns the names of the corrected characters, int64 [batch, N x L], and of the amounts, float32
    [batch, N x L].
    """
    columns, listed = len(tables.lengths), tables.symbols.shape[1]
    code = builder.add_node("Gather", ["prior.codes", known_slots], "prior.code")
    whole = builder.add_node("Cast", [code], "prior.code.whole", to=TensorProto.INT64)
    begins = builder.add_constant("prior.begins", np.arange(columns) * CODES)
    entry = builder.add_node("Add", [whole, begins], "prior.entry")
    amounts = builder.add_node("Gather", ["prior.books", entry], "prior.amount")
    symbols = builder.add_node("Gather", ["prior.symbols", known_slots], "prior.symbol")
    whole = builder.add_node("Cast", [symbols], "prior.symbol.whole", to=TensorProto.INT64)
    flat = builder.add_constant("prior.flat", np.array([-1, columns * listed]))
    return [
        builder.add_node("Reshape", [whole, flat], "prior.corrected"),
        builder.add_node("Reshape", [amounts, flat], "prior.corrections"),
    ]
