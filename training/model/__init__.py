"""Define the network of a voice, and the prior that is counted beside it."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import TrainingError
from .lstm import LSTMLayer
from .recurrent import RecurrentLayer

LAYERS: Mapping[str, type[RecurrentLayer]] = {"lstm": LSTMLayer}
"""The recurrent layers by name. The step of each in a graph is in `export.cells`."""


def find_layer(name: str) -> type[RecurrentLayer]:
    """Return the layer of a name; raise TrainingError if there is none."""
    if name not in LAYERS:
        raise TrainingError(
            f"There is no recurrent layer {name!r}: choose --recurrence from {', '.join(LAYERS)}."
        )
    return LAYERS[name]
