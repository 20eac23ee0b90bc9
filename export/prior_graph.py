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

from training.model.corrections import CODES, STEP
from training.model.tables import STORED, Tables

from .parts import Parts


def add_prior(parts: Parts, tables: Tables, digits: str, history: int) -> tuple[str, str]:
    """Add a prior's probabilities of the next character.

    ``digits``: the name of the digits of the last characters, int64 [batch, history + 1], the
    latest one last. Returns the names of the logarithms of the probabilities, float32 [batch, V],
    and of the length of the longest known context, int64 [batch].
    """
    for name in STORED:
        parts.constant(f"prior.{name}", getattr(tables, name))
    slots, known = _look_up(parts, tables, digits, history)
    none = parts.constant("prior.none", np.array(0))
    met = parts.node("Where", [known, slots, none], "prior.met")
    logits = parts.node(
        "ScatterElements",
        [_row(parts, tables, met), *_corrections(parts, tables, met)],
        "prior.logits",
        axis=1,
        reduction="add",
    )
    within = [
        parts.constant(f"prior.{name}", np.array([number]))
        for name, number in [("first", 0), ("characters", tables.characters), ("axis", 1)]
    ]
    told_apart = parts.node("Slice", [logits, *within], "prior.told_apart")
    expected = parts.node("LogSoftmax", [told_apart], "prior.expected", axis=1)
    lengths = parts.constant("prior.lengths", tables.lengths)
    counted = parts.node("Where", [known, lengths, none], "prior.counted")
    length = parts.node("ReduceMax", [counted, "prior.axis"], "prior.length", keepdims=0)
    return expected, length


def _look_up(parts: Parts, tables: Tables, digits: str, history: int) -> tuple[str, str]:
    """Add the slots of the contexts of all N lengths, and a mask of the known ones: [batch, N]."""
    back = np.arange(history, -1, -1)[:, None]
    counted = np.zeros((history + 1, 1), dtype=np.int64)
    counted[history + 1 - len(tables.factors) :, 0] = tables.factors[::-1]
    powers = parts.constant("prior.powers", np.where(back < tables.lengths, counted, 0))
    keys = parts.node("MatMul", [digits, powers], "prior.keys")
    bucket = parts.node("Mod", [keys, "prior.buckets"], "prior.bucket")
    bucket = parts.node("Add", [bucket, "prior.first_buckets"], "prior.bucket.at")
    short = parts.node("Gather", ["prior.shifts", bucket], "prior.shift.short")
    shift = parts.node("Cast", [short], "prior.shift", to=TensorProto.INT64)
    shifted = parts.node("Add", [keys, shift], "prior.shifted")
    slot = parts.node("Mod", [shifted, "prior.slots"], "prior.slot")
    slot = parts.node("Add", [slot, "prior.first_slots"], "prior.slot.at")
    owner = parts.node("Gather", ["prior.owners", slot], "prior.owner")
    low = parts.node("Cast", [keys], "prior.low", to=TensorProto.UINT8)
    same = parts.node("Equal", [owner, low], "prior.same")
    same_float = parts.node("Cast", [same], "prior.one", to=TensorProto.FLOAT)
    shorter = parts.constant("prior.shorter", tables.prefixes)
    count = parts.node("MatMul", [same_float, shorter], "prior.count")
    all_of = parts.constant("prior.all", tables.lengths.astype(np.float32))
    return slot, parts.node("Equal", [count, all_of], "prior.known")


def _row(parts: Parts, tables: Tables, met: str) -> str:
    """Add the logarithms after the longest known context with a row: float32 [batch, V + 1]."""
    sizes = [tables.with_rows, len(tables.lengths) - tables.with_rows]
    columns = met
    if sizes[1]:
        split = parts.constant("prior.with_rows", np.array(sizes))
        parts.node("Split", [met, split], "prior.met.rows", "prior.met.corrections", axis=1)
        columns = "prior.met.rows"
    axis = parts.constant("prior.row.axis", np.array([1]))
    # Longer contexts have later slots.
    row = parts.node("ReduceMax", [columns, axis], "prior.row", keepdims=0)
    codes = parts.node("Gather", ["prior.rows", row], "prior.row.codes")
    multiples = parts.node("Cast", [codes], "prior.row.multiples", to=TensorProto.FLOAT)
    step = parts.constant("prior.step", np.float32(-STEP))
    return parts.node("Mul", [multiples, step], "prior.row.logarithms")


def _corrections(parts: Parts, tables: Tables, met: str) -> list[str]:
    """Add the corrections of all known contexts, L for each of N lengths.

    Returns the names of the corrected characters, int64 [batch, N x L], and of the amounts, float32
    [batch, N x L].
    """
    columns, listed = len(tables.lengths), tables.symbols.shape[1]
    code = parts.node("Gather", ["prior.codes", met], "prior.code")
    whole = parts.node("Cast", [code], "prior.code.whole", to=TensorProto.INT64)
    begins = parts.constant("prior.begins", np.arange(columns) * CODES)
    entry = parts.node("Add", [whole, begins], "prior.entry")
    amounts = parts.node("Gather", ["prior.books", entry], "prior.amount")
    symbols = parts.node("Gather", ["prior.symbols", met], "prior.symbol")
    whole = parts.node("Cast", [symbols], "prior.symbol.whole", to=TensorProto.INT64)
    flat = parts.constant("prior.flat", np.array([-1, columns * listed]))
    return [
        parts.node("Reshape", [whole, flat], "prior.corrected"),
        parts.node("Reshape", [amounts, flat], "prior.corrections"),
    ]
