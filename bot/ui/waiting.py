"""Waiting: how long people wait for an answer, which the meter of a bot is told."""

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
"""The `Wait` of an interaction, among its extras, where anybody counts."""

BUTTON = 2
"""What Discord calls a component that can be pressed; all others are menus."""


@dataclass
class Wait:
    """Somebody who waits for what they asked for."""

    meter: Meter
    act: str
    outcome: Outcome = Outcome.DONE
    began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.perf_counter() - self.began


@contextmanager
def waiting(interaction: Interaction) -> Iterator[None]:
    """Somebody waits as long as this is entered; also where it is entered again meanwhile."""
    meter: Meter = getattr(interaction.client, "onbook_meter", SILENT)
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
    """Discord has the first answer."""
    if wait := _wait(interaction):
        wait.meter.acknowledged(wait.act, wait.seconds)


def end(interaction: Interaction, outcome: Outcome) -> None:
    """Something else than what was asked for has come of it."""
    if wait := _wait(interaction):
        wait.outcome = outcome


def act_of(interaction: Interaction) -> str:
    """What somebody does, in one of few words: the name of a command, or what is pressed.

    Neither people nor places are in it, nor anything that they made up.
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
