"""Measure how long people wait for an answer, and report it to the meter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
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
from .interaction_state import Wait, find_state


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
    """Set the outcome of a wait that ends otherwise than as asked."""
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
