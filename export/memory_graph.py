"""Add a memory head to a step graph.

The state holds the last characters alone, several to a number (`training.model.memory.Packing`),
and no keys. All symbols get a score at each of the `WIDTH` distances from a place: an
amount for the present character at that distance, and what the lower layer asks for. A place takes
one of these scores at each distance, so that nothing is multiplied place by place:

present characters, h of the lower layer -> scores of the symbols   [batch, WIDTH x N]
  -> scores of the last M places, and of nowhere, and their Softmax  [batch, M + 1]
  -> the weight of each symbol that followed, by ScatterElements     [batch, N]
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .parts import Parts
from .trained import NONE, WIDTH, FoldedMemory, Packing

NEVER = -1e9
"""The score of a place without a character."""


def add_memory(parts: Parts, memory: FoldedMemory, vocabulary: int, lower: str) -> str:
    """Add a memory head; return the name of the weights of its N symbols, float32 [batch, N].

    The graph must have ``packed``, a section of its state, and gets ``next.packed``. ``lower``: the
    name of h of the lower layer as a product reads it.
    """
    packing = Packing(vocabulary, memory.characters)
    parts.add_constant("memory.axis", np.array([1]))
    read = _add_symbols(parts, packing)
    end = packing.length + 1
    ends = parts.add_constant("present.columns", np.arange(end - 1, end - 1 - WIDTH, -1))
    present = parts.add_node("Gather", [read, ends], "present", axis=1)
    scores = _add_scores(parts, memory, present, lower)
    tables = [f"scores.back{i}" for i in range(WIDTH)]
    parts.add_node("Split", [scores], *tables, axis=1, num_outputs=WIDTH)
    found = []
    for i, table in enumerate(tables):
        begin = end - 1 - i - memory.characters
        place = _add_slice(parts, f"places.back{i}", read, begin, end - 1 - i)
        found.append(parts.add_node("GatherElements", [table, place], f"places.score{i}", axis=1))
    away = parts.add_constant("away.column", np.array([vocabulary + 1]))
    aways = [parts.add_node("Gather", [table, away], f"{table}.away", axis=1) for table in tables]
    all_scores = [parts.add_node("Sum", found, "places"), parts.add_node("Sum", aways, "away")]
    score = parts.add_node("Concat", all_scores, "places.score", axis=1)
    weights = parts.add_node("Softmax", [score], "places.weight", axis=1)
    # A product with 0 gives an index for each row, because only the inputs know the batch's size.
    zero = parts.add_constant("memory.zero", np.array(0))
    first = parts.add_node("Mul", ["tokens", zero], "memory.row")
    follower = parts.add_constant("away.follower", np.array([[vocabulary + 1]]))
    following = _add_slice(parts, "following", read, end - memory.characters, end)
    last = parts.add_node("Gather", [follower, first], "following.away")
    followers = parts.add_node("Concat", [following, last], "followers", axis=1)
    zeros = parts.add_constant("unheard.zeros", np.zeros((1, vocabulary + 2), np.float32))
    none = parts.add_node("Gather", [zeros, first], "unheard")
    return parts.add_node(
        "ScatterElements", [none, followers, weights], "heard", axis=1, reduction="add"
    )


def _add_symbols(parts: Parts, packing: Packing) -> str:
    """Add the symbols of all characters so far, int64 [batch, `Packing.length` + 1], and pack them.

    The graph gets ``next.packed``.
    """
    base = parts.add_constant("packed.base", np.float32(packing.base))
    left, digits = "packed", []
    for i in range(1, packing.per_number):
        divided = parts.add_node("Div", [left, base], f"packed.divided{i}")
        higher = parts.add_node("Floor", [divided], f"packed.higher{i}")
        whole = parts.add_node("Mul", [higher, base], f"packed.whole{i}")
        digits.append(parts.add_node("Sub", [left, whole], f"packed.digit{i}"))
        left = higher
    before = parts.add_node("Concat", [*digits, left], "packed.digits", axis=1)
    token = parts.add_node("Cast", ["tokens"], "token", to=TensorProto.FLOAT)
    symbol = parts.add_node(
        "Add", [token, parts.add_constant("token.first", np.float32(1))], "symbol"
    )
    last = parts.add_node("Unsqueeze", [symbol, "memory.axis"], "symbol.last")
    read = parts.add_node("Concat", [before, last], "read", axis=1)
    kept = _add_slice(parts, "kept", read, 1, packing.length + 1)
    sizes = parts.add_constant("kept.sizes", np.array([packing.numbers] * packing.per_number))
    names = [f"kept{i}" for i in range(packing.per_number)]
    parts.add_node("Split", [kept, sizes], *names, axis=1)
    packed = names.pop()
    for name in reversed(names):
        raised = parts.add_node("Mul", [packed, base], f"{name}.raised")
        packed = parts.add_node("Add", [raised, name], f"{name}.packed")
    parts.add_node("Identity", [packed], "next.packed")
    whole = parts.add_node("Cast", [read], "read.whole", to=TensorProto.INT64)
    # A damaged state must not fail the rows beside it, as an index out of bounds would.
    bounds = [
        parts.add_constant("read.least", np.array(0)),
        parts.add_constant("read.most", np.array(packing.vocabulary)),
    ]
    return parts.add_node("Clip", [whole, *bounds], "read.symbols")


def _add_scores(parts: Parts, memory: FoldedMemory, present: str, lower: str) -> str:
    """Add the scores of all symbols at all distances: float32 [batch, WIDTH x N]."""
    symbols = memory.matches.shape[1]
    bias = memory.asked_bias.copy()
    bias[NONE] = NEVER
    asked = parts.add_product("asked", [lower], memory.asked, bias)
    firsts = parts.add_constant("matches.first", np.arange(WIDTH) * symbols)
    rows = parts.add_node("Add", [present, firsts], "present.rows")
    matches = parts.add_constant("matches", memory.matches.reshape(WIDTH * symbols, symbols))
    matched = parts.add_node("Gather", [matches, rows], "present.matches")
    flat = parts.add_constant("matches.flat", np.array([-1, WIDTH * symbols]))
    flattened = parts.add_node("Reshape", [matched, flat], "matched")
    return parts.add_node("Add", [asked, flattened], "scores")


def _add_slice(parts: Parts, name: str, whole: str, begin: int, end: int) -> str:
    """Add the columns of a matrix from ``begin`` to before ``end``."""
    bounds = zip(("from", "to"), (begin, end), strict=True)
    names = [parts.add_constant(f"{name}.{bound}", np.array([at])) for bound, at in bounds]
    return parts.add_node("Slice", [whole, *names, "memory.axis"], name)
