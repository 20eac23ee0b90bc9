"""Keep the state of an interaction, and measure how long people wait for an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import discord

from ...telemetry import (
    ACKNOWLEDGE_SECONDS,
    FINISH_SECONDS,
    INTERACTIONS,
    INTERACTIONS_IN_PROGRESS,
    NULL_METER,
    Meter,
    Outcome,
)
from ..components import CUSTOM_ID_PREFIX, POSITION_BUTTONS, Interaction


@dataclass
class Wait:
    """A person's wait for the answer to an interaction."""

    meter: Meter
    action: str
    outcome: Outcome = Outcome.DONE
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
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
    remove_offer: Callable[[], Awaitable[None]] | None = None
    """Removes the offer whose button was pressed or opened its window, unless an error came up."""
    wait: Wait | None = None
    """The wait for the answer, if a meter counts."""


def find_state(interaction: Interaction) -> InteractionState:
    state: InteractionState = interaction.extras.setdefault(InteractionState, InteractionState())
    return state


@contextmanager
def measure_wait(interaction: Interaction, meter: Meter) -> Iterator[None]:
    """Measure a wait until the context exits; a second entry for an interaction does nothing."""
    state = find_state(interaction)
    if meter is NULL_METER or state.wait:
        yield
        return
    with measure_act(meter, name_action(interaction)) as state.wait:
        yield


@contextmanager
def measure_act(meter: Meter, action: str) -> Iterator[Wait]:
    """Measure a wait until the context exits; the action is one of a small set of names."""
    wait = Wait(meter, action)
    meter.count(INTERACTIONS, action)
    with meter.track(INTERACTIONS_IN_PROGRESS):
        try:
            yield wait
        except BaseException as error:
            ended = isinstance(error, asyncio.CancelledError)
            wait.outcome = Outcome.ABANDONED if ended else Outcome.FAILED
            raise
        finally:
            meter.observe(FINISH_SECONDS, wait.seconds, action, wait.outcome)


def acknowledge(interaction: Interaction) -> None:
    """Tell the meter that Discord has the first answer."""
    if wait := find_state(interaction).wait:
        wait.meter.observe(ACKNOWLEDGE_SECONDS, wait.seconds, wait.action)


def set_outcome(interaction: Interaction, outcome: Outcome) -> None:
    """Set the outcome of a wait that does not end as asked."""
    if wait := find_state(interaction).wait:
        wait.outcome = outcome


def name_action(interaction: Interaction) -> str:
    """Return the name of a command or a kind of component, from a small set of names.

    Nothing in a name tells who asked, where, or what they typed.
    """
    if interaction.command:
        return interaction.command.qualified_name
    data: Any = interaction.data or {}
    if "component_type" in data:
        if data["component_type"] != discord.ComponentType.button.value:
            return "menu"
        action = str(data.get("custom_id")).removeprefix(CUSTOM_ID_PREFIX).partition(":")[0]
        return f"button {action}" if action in POSITION_BUTTONS else "button"
    return "window" if "custom_id" in data else "unknown"
