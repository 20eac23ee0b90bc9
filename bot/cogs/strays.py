"""Strays: answer buttons, menus and windows that are too old."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from ..i18n.catalogue import say
from ..session.turn import SessionError
from ..ui.components import CUSTOM_ID_PREFIX, Interaction
from ..ui.responses import IS_HANDLED, answer_error
from .feature import FeatureCog

KINDS = (discord.InteractionType.component, discord.InteractionType.modal_submit)


class Strays(FeatureCog, name="OnBook.strays"):
    """Say what to do instead.

    Offers and open windows do not outlive a restart.
    """

    @commands.Cog.listener("on_interaction")
    async def answer_stray(self, interaction: Interaction) -> None:
        """Answer an interaction that no listener has marked as HEARD before this call."""
        if interaction.type not in KINDS or IS_HANDLED in interaction.extras:
            return
        data: Any = interaction.data or {}
        if not (
            str(data.get("custom_id")).startswith(CUSTOM_ID_PREFIX) or self.services.group is None
        ):
            return
        with self.speaking_to(interaction):
            error = SessionError(
                say("That is too old, or not for this: use the command once more.")
            )
            await answer_error(interaction, error, keep=_written_in(data))


def _written_in(data: dict[str, Any]) -> str:
    """Return all texts of a window, so that they are not lost with it."""
    found: list[str] = []
    todo = [data]
    while todo:
        one = todo.pop(0)
        if isinstance(value := one.get("value"), str) and value.strip():
            found.append(value)
        inside = [*(one.get("components") or ()), one.get("component")]
        todo += [each for each in inside if isinstance(each, dict)]
    return "\n\n".join(found)
