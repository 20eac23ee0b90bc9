"""Answer buttons, menus and windows that are too old."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from ..errors import RequestError
from ..interactions.windows import collect_texts
from ..ui.components import CUSTOM_ID_PREFIX, Interaction
from ..ui.delivery.interaction_state import find_state
from .feature import FeatureCog

ANSWERED_TYPES = (discord.InteractionType.component, discord.InteractionType.modal_submit)


class ExpiredInteractions(FeatureCog, name="OnBook.expired"):
    """Say what to do instead.

    Offers and open windows do not outlive a restart.
    """

    @commands.Cog.listener("on_interaction")
    async def answer_expired(self, interaction: Interaction) -> None:
        """Answer an interaction that no listener handles."""
        if interaction.type not in ANSWERED_TYPES or find_state(interaction).is_handled:
            return
        data: Any = interaction.data or {}
        is_ours = str(data.get("custom_id")).startswith(CUSTOM_ID_PREFIX)
        if is_ours or self.services.group is None:
            async with self.answering(interaction, keep=collect_texts(interaction)):
                raise RequestError("That has expired. Use the command again.")
