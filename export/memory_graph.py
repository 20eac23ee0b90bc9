"""Add a memory head to a step graph.

The state holds only the last characters, several to a number (`training.model.memory.Packing`), and
no keys. All symbols get a score at each of the `WIDTH` distances from a place: an amount for the
present character at that distance, and what the lower layer asks for. A place takes one of these
scores at each distance, so that nothing is multiplied place by place:

present characters, h of the lower layer -> scores of the symbols   [batch, WIDTH x N]
  -> scores of the last M places, and of nowhere, and their Softmax  [batch, M + 1]
  -> the weight of each symbol that followed, by ScatterElements     [batch, N]
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .graph_builder import GraphBuilder
from .trained import NONE, WIDTH, FoldedMemory, Packing


def add_memory(builder: GraphBuilder, memory: FoldedMemory, vocabulary: int, lower: str) -> str:
    """Add a memory head; return the name of the weights of its N symbols, float32 [batch, N].

    The graph must have ``packed``, a section of its state, and gets ``next.packed``. ``lower``: the
    name of h of the lower layer as a product reads it.
    """
    packing = Packing(vocabulary, memory.characters)
    builder.add_constant("memory.axis", np.array([1]))
    read = _add_symbols(builder, packing)
    end = packing.length + 1
    ends = builder.add_constant("present.columns", np.arange(end - 1, end - 1 - WIDTH, -1))
    present = builder.add_node("Gather", [read, ends], "present", axis=1)
    scores = _add_scores(builder, memory, present, lower)
    tables = [f"scores.back{i}" for i in range(WIDTH)]
    builder.add_node("Split", [scores], *tables, axis=1, num_outputs=WIDTH)
    found = []
    for i, table in enumerate(tables):
        begin = end - 1 - i - memory.characters
        place = _add_slice(builder, f"places.back{i}", read, begin, end - 1 - i)
        found.append(builder.add_node("GatherElements", [table, place], f"places.score{i}", axis=1))
    away = builder.add_constant("away.column", np.array([vocabulary + 1]))
    aways = [builder.add_node("Gather", [table, away], f"{table}.away", axis=1) for table in tables]
    all_scores = [builder.add_node("Sum", found, "places"), builder.add_node("Sum", aways, "away")]
    score = builder.add_node("Concat", all_scores, "places.score", axis=1)
    weights = builder.add_node("Softmax", [score], "places.weight", axis=1)
    # A product with 0 gives an index for each row, because only the inputs know the batch's size.
    zero = builder.add_constant("memory.zero", np.array(0))
    first = builder.add_node("Mul", ["tokens", zero], "memory.row")
    follower = builder.add_constant("away.follower", np.array([[vocabulary + 1]]))
    following = _add_slice(builder, "following", read, end - memory.characters, end)
    last = builder.add_node("Gather", [follower, first], "following.away")
    followers = builder.add_node("Concat", [following, last], "followers", axis=1)
    zeros = builder.add_constant("unheard.zeros", np.zeros((1, vocabulary + 2), np.float32))
    none = builder.add_node("Gather", [zeros, first], "unheard")
    return builder.add_node(
        "ScatterElements", [none, followers, weights], "heard", axis=1, reduction="add"
    )


def _add_symbols(builder: GraphBuilder, packing: Packing) -> str:
    """Add the symbols of all characters so far, int64 [batch, `Packing.length` + 1], and pack them.

    The graph gets ``next.packed``.
    """
    base = builder.add_constant("packed.base", np.float32(packing.base))
    left, digits = "packed", []
    for i in range(1, packing.per_number):
        divided = builder.add_node("Div", [left, base], f"packed.divided{i}")
        higher = builder.add_node("Floor", [divided], f"packed.higher{i}")
        whole = builder.add_node("Mul", [higher, base], f"packed.whole{i}")
        digits.append(builder.add_node("Sub", [left, whole], f"packed.digit{i}"))
        left = higher
    before = builder.add_node("Concat", [*digits, left], "packed.digits", axis=1)
    token = builder.add_node("Cast", ["tokens"], "token", to=TensorProto.FLOAT)
    symbol = builder.add_node(
        "Add", [token, builder.add_constant("token.first", np.float32(1))], "symbol"
    )
    last = builder.add_node("Unsqueeze", [symbol, "memory.axis"], "symbol.last")
    read = builder.add_node("Concat", [before, last], "read", axis=1)
    kept = _add_slice(builder, "kept", read, 1, packing.length + 1)
    sizes = builder.add_constant("kept.sizes", np.array([packing.numbers] * packing.per_number))
    names = [f"kept{i}" for i in range(packing.per_number)]
    builder.add_node("Split", [kept, sizes], *names, axis=1)
    packed = names.pop()
    for name in reversed(names):
        raised = builder.add_node("Mul", [packed, base], f"{name}.raised")
        packed = builder.add_node("Add", [raised, name], f"{name}.packed")
    builder.add_node("Identity", [packed], "next.packed")
    whole = builder.add_node("Cast", [read], "read.whole", to=TensorProto.INT64)
    # A damaged state must not fail the rows beside it, as an index out of bounds would.
    bounds = [
        builder.add_constant("read.least", np.array(0)),
        builder.add_constant("read.most", np.array(packing.vocabulary)),
    ]
    return builder.add_node("Clip", [whole, *bounds], "read.symbols")


def _add_scores(builder: GraphBuilder, memory: FoldedMemory, present: str, lower: str) -> str:
    """Add the scores of all symbols at all distances: float32 [batch, WIDTH x N]."""
    symbols = memory.matches.shape[1]
    bias = memory.asked_bias.copy()
    bias[NONE] = -1e9  # the score of a place without a character
    asked = builder.add_product("asked", [lower], memory.asked, bias)
    firsts = builder.add_constant("matches.first", np.arange(WIDTH) * symbols)
    rows = builder.add_node("Add", [present, firsts], "present.rows")
    matches = builder.add_constant("matches", memory.matches.reshape(WIDTH * symbols, symbols))
    matched = builder.add_node("Gather", [matches, rows], "present.matches")
    flat = builder.add_constant("matches.flat", np.array([-1, WIDTH * symbols]))
    flattened = builder.add_node("Reshape", [matched, flat], "matched")
    return builder.add_node("Add", [asked, flattened], "scores")


def _add_slice(builder: GraphBuilder, name: str, whole: str, begin: int, end: int) -> str:
    """Add the columns of a matrix from ``begin`` to before ``end``."""
    bounds = zip(("from", "to"), (begin, end), strict=True)
    names = [builder.add_constant(f"{name}.{bound}", np.array([at])) for bound, at in bounds]
    return builder.add_node("Slice", [whole, *names, "memory.axis"], name)
