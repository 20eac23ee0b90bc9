"""Add a step of an LSTM layer to a graph."""

from __future__ import annotations

from collections.abc import Sequence

from .parts import Parts

SPLIT = (3, 1)
"""The blocks of the gates that pass through one function: Sigmoid, and Tanh."""


def add_step(parts: Parts, layer: str, gates: str, memory: Sequence[str], prefix: str) -> str:
    """Add c' = forget x c + input x cell, and h' = output x tanh(c').

    ``layer``: the name of the layer, whose constant ``gate_sizes`` holds the sizes of `SPLIT`;
    ``gates``: the name of the gates, [batch, 4H], in the order of `LSTMLayer.gate_order`;
    ``memory``: the names of h and c, [batch, H]; ``prefix``: the beginning of the names of h' and
    c'. Returns the name of h', [batch, H].
    """
    opened, raw, cell = f"{layer}.open", f"{layer}.cell.raw", f"{layer}.cell"
    parts.add_node("Split", [gates, f"{layer}.gate_sizes"], f"{layer}.raw", raw, axis=1)
    parts.add_node("Sigmoid", [f"{layer}.raw"], opened)
    enter, keep, show = (f"{layer}.{gate}" for gate in ("input", "forget", "output"))
    parts.add_node("Split", [opened], enter, keep, show, axis=1, num_outputs=3)
    parts.add_node("Tanh", [raw], cell)
    kept = parts.add_node("Mul", [keep, memory[1]], f"{layer}.kept")
    entered = parts.add_node("Mul", [enter, cell], f"{layer}.entered")
    c = parts.add_node("Add", [kept, entered], f"{prefix}.{layer}.c")
    bounded = parts.add_node("Tanh", [c], f"{layer}.bounded")
    return parts.add_node("Mul", [show, bounded], f"{prefix}.{layer}.h")
