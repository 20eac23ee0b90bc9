"""Star a line that people like."""

from __future__ import annotations

import discord

from ..errors import RequestError
from ..i18n.catalogue import many, phrase, say
from ..ui.components import Interaction
from ..ui.delivery import FirstResponse, complete_response
from ..ui.markdown import inline
from .feature import FeatureCog, answer_errors, message_command

STAR = phrase("Star")
"""The name of the command on messages."""


class Stars(FeatureCog, name="OnBook.stars"):
    """Give a line a star, or take it back."""

    @message_command(STAR)
    @answer_errors
    async def star(self, interaction: Interaction, message: discord.Message) -> None:
        """Give the line in a message the person's star, or take the star back."""
        self.services.admit(interaction)
        if await self.store.polls.find_poll_by_message(message.id):
            raise RequestError("A take has no stars. Choose it first, then star its line.")
        line = await self.find_shown_line(message)
        # Discord takes the first answer once, so that a second delivery takes no star back.
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        is_given = await self.store.stars.toggle_star(line.id, interaction.user.id)
        text = inline(line.element.one_line, 100)
        if is_given:
            content = say(
                "You starred “{text}”. It has {stars} now. Choose **Star** again to take yours "
                "back.",
                text=text,
                stars=many(await self.store.stars.count_stars(line), "star"),
            )
        else:
            content = say("You took your star back from “{text}”.", text=text)
        await complete_response(interaction, content=content)
