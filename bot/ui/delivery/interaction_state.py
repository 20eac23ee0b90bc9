"""Keep the state of an interaction: how far its answer has come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ...telemetry import Meter, Outcome
from ..components import Interaction


@dataclass
class Wait:
    """A person's wait for the answer to an interaction."""

    meter: Meter
    action: str
    outcome: Outcome = Outcome.DONE
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Return the seconds since it began."""
        return time.perf_counter() - self.started


@dataclass(eq=False)
class InteractionState:
    """The state of one delivery of an interaction, which Discord may deliver twice."""

    is_handled: bool = False
    """Whether something has begun to answer it."""
    is_charged: bool = False
    """Whether its turn was charged."""
    is_ephemeral: bool = False
    """Whether the first answer is for the requester alone."""
    is_written: bool = False
    """Whether its lines are stored, shown or not."""
    wait: Wait | None = None
    """The wait for the answer, where a meter counts."""


def find_state(interaction: Interaction) -> InteractionState:
    """Return the state of an interaction."""
    state: InteractionState = interaction.extras.setdefault(InteractionState, InteractionState())
    return state
