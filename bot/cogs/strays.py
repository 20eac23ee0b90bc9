"""Strays: buttons, menus and windows of On Book that nothing here answers any more."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from ..i18n.catalogue import say
from ..session.turn import RoomError
from ..ui.components import OWN, Interaction
from ..ui.responses import HEARD, answer
from .commands import speaking_to
from .turns import Turns

KINDS = (discord.InteractionType.component, discord.InteractionType.modal_submit)


class Strays(Turns):
    """Tells people what to do where a button, a menu or a window has become old.

    An offer does not outlive a restart, nor does a window that was open when it came.
    """

    @commands.Cog.listener("on_interaction")
    async def answer_stray(self, interaction: Interaction) -> None:
        """Answers what nothing has heard: whoever answers has begun before this is called."""
        if interaction.type not in KINDS or HEARD in interaction.extras:
            return
        data: Any = interaction.data or {}
        if not (str(data.get("custom_id")).startswith(OWN) or self.group is None):
            return
        with speaking_to(interaction, self.group):
            error = RoomError(say("That is too old, or not for this: use the command once more."))
            await answer(interaction, error, keep=_written_in(data))


def _written_in(data: dict[str, Any]) -> str:
    """All that somebody wrote into a window, so that it is not lost with it."""
    found: list[str] = []
    todo = [data]
    while todo:
        one = todo.pop(0)
        if isinstance(value := one.get("value"), str) and value.strip():
            found.append(value)
        inside = [*(one.get("components") or ()), one.get("component")]
        todo += [each for each in inside if isinstance(each, dict)]
    return "\n\n".join(found)
