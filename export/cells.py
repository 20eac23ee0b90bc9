"""Add a step of a recurrent layer to a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .graph_builder import GraphBuilder


@dataclass(frozen=True)
class Cell:
    """A step of a kind of recurrent layer."""

    split: tuple[int, ...]
    """How many adjacent blocks of the gates pass through each function."""
    add_step: Callable[[GraphBuilder, str, str, Sequence[str], str], str]
    """Add a step with these arguments, and return the name of h', [batch, H]:

    builder: the graph; layer: the layer's name, whose constant ``gate_sizes`` holds the sizes of
    `split`; gates: the name of the gates, [batch, blocks x H], in the order of
    `RecurrentLayer.gate_order`; state: the names of the layer's state, [batch, H] each; prefix:
    the beginning of the names of the next state.
    """


def _add_lstm_step(
    builder: GraphBuilder, layer: str, gates: str, state: Sequence[str], prefix: str
) -> str:
    """Add c' = forget x c + input x cell, and h' = output x tanh(c')."""
    opened, raw, cell = f"{layer}.open", f"{layer}.cell.raw", f"{layer}.cell"
    builder.add_node("Split", [gates, f"{layer}.gate_sizes"], f"{layer}.raw", raw, axis=1)
    builder.add_node("Sigmoid", [f"{layer}.raw"], opened)
    enter, keep, show = (f"{layer}.{gate}" for gate in ("input", "forget", "output"))
    builder.add_node("Split", [opened], enter, keep, show, axis=1, num_outputs=3)
    builder.add_node("Tanh", [raw], cell)
    kept = builder.add_node("Mul", [keep, state[1]], f"{layer}.kept")
    entered = builder.add_node("Mul", [enter, cell], f"{layer}.entered")
    c = builder.add_node("Add", [kept, entered], f"{prefix}.{layer}.c")
    bounded = builder.add_node("Tanh", [c], f"{layer}.bounded")
    return builder.add_node("Mul", [show, bounded], f"{prefix}.{layer}.h")


CELLS: Mapping[str, Cell] = {"lstm": Cell((3, 1), _add_lstm_step)}
"""The cells by the names of `training.model.LAYERS`."""
