"""Waiting: measure how long people wait for an answer, and tell a bot's meter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..telemetry import SILENT, Meter, Outcome
from .components import BUTTONS, OWN, Interaction

WAIT = "onbook.wait"
"""The key of an interaction's `Wait` among its extras, where a meter counts."""

BUTTON = 2
"""Discord's type of a component that is a button; all others are menus."""


@dataclass
class Wait:
    """A person's wait for the answer to an interaction."""

    meter: Meter
    act: str
    outcome: Outcome = Outcome.DONE
    began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Return the seconds since it began."""
        return time.perf_counter() - self.began


@contextmanager
def waiting(interaction: Interaction, meter: Meter) -> Iterator[None]:
    """Measure a wait until the context exits; a second entry for an interaction does nothing."""
    if meter is SILENT or WAIT in interaction.extras:
        yield
        return
    wait = interaction.extras[WAIT] = Wait(meter, act_of(interaction))
    meter.heard(wait.act)
    try:
        yield
    except BaseException as error:
        ended = isinstance(error, asyncio.CancelledError)
        wait.outcome = Outcome.ABANDONED if ended else Outcome.FAILED
        raise
    finally:
        meter.finished(wait.act, wait.outcome, wait.seconds)


def acknowledge(interaction: Interaction) -> None:
    """Tell the meter that Discord has the first answer."""
    if wait := _wait(interaction):
        wait.meter.acknowledged(wait.act, wait.seconds)


def end(interaction: Interaction, outcome: Outcome) -> None:
    """Set the outcome of a wait that ends otherwise than as asked."""
    if wait := _wait(interaction):
        wait.outcome = outcome


def act_of(interaction: Interaction) -> str:
    """Return the name of a command or a kind of component, from a small set of names.

    Nothing in a name tells who asked, where, or what they typed.
    """
    if interaction.command:
        return interaction.command.qualified_name
    data: Any = interaction.data or {}
    if "component_type" in data:
        if data["component_type"] != BUTTON:
            return "menu"
        action = str(data.get("custom_id")).removeprefix(OWN).partition(":")[0]
        return f"button {action}" if action in BUTTONS else "button"
    return "window" if "custom_id" in data else "unknown"


def _wait(interaction: Interaction) -> Wait | None:
    found: Wait | None = interaction.extras.get(WAIT)
    return found
