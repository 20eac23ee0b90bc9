"""Show how the lines in a message were written, and star a line."""

from __future__ import annotations

from contextlib import suppress
from re import Match

import discord
from discord import ui

from ..errors import ModelError
from ..generation.inputs import PrimedModel
from ..generation.options import OPTIONS_BY_NAME
from ..i18n.catalogue import many, phrase, say
from ..session.channel_session import ChannelSession
from ..session.preferences import STYLE
from ..storage.schema import Line
from ..ui.cards.settings_messages import format_values
from ..ui.components import CUSTOM_ID_PREFIX, Interaction, make_view
from ..ui.delivery.sending import complete_response
from ..ui.lines.looks import format_credit
from ..ui.markdown import LIMIT, inline, mention, size
from .feature import FeatureCog, listens_to, message_command

CREDIT_SIZE = 120
"""The size of the names of those who wrote a line."""

DETAILS = phrase("Details")
"""The name of the command on messages."""


class Details(FeatureCog, name="OnBook.details"):
    """Show who wrote a line, from which seed and with which settings, and star it."""

    @message_command(DETAILS)
    async def show_details(self, interaction: Interaction, message: discord.Message) -> None:
        """Show the details of the lines in a message to the person who asked."""
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        poll = await session.polls.find_by_message(message.id)
        if poll:
            takes = await session.polls.load_takes(poll)
            lines = [line for lines in takes.values() for line in lines]
        else:
            lines = [await self.sessions.posts.load_line(message.id)]
        script = await session.history.find_script(lines[0])
        primed: PrimedModel | None = None
        with suppress(ModelError):  # without the voice, the rest is still known
            primed = await session.reader.open_model(script.model, STYLE.of(script))
        entries = [await self._format_details(session, primed, line) for line in lines]
        # A message has room for at least the last entries.
        while size("\n".join(entries)) > LIMIT and len(entries) > 1:
            del entries[0]
        view = discord.utils.MISSING
        if not poll:
            is_given = await self.sessions.stars.has_given(lines[0], interaction.user.id)
            label = say("Take my star back") if is_given else say("Star")
            custom_id = f"{CUSTOM_ID_PREFIX}star:{message.id}"
            view = make_view(ui.Button(label=label, custom_id=custom_id))
        await complete_response(interaction, content="\n".join(entries), view=view)

    @listens_to(rf"{CUSTOM_ID_PREFIX}star:(?P<message>\d{{1,20}})")
    async def star(self, interaction: Interaction, match: Match[str]) -> None:
        """Give the line in a message the person's star, or take the star back."""
        # Discord accepts the first answer only once, so a second delivery takes no star back.
        await self.open_session(interaction, thinking=True, ephemeral=True)
        line = await self.sessions.posts.load_line(int(match["message"]))
        stars = await self.sessions.stars.toggle(line, interaction.user.id)
        text = inline(line.element.one_line, 100)
        if stars is None:
            content = say("“{text}” no longer has your star.", text=text)
        else:
            content = say(
                "You gave “{text}” a star. It now has {stars}. Press **Star** again to take yours "
                "back.",
                text=text,
                stars=many(stars, "star"),
            )
        await complete_response(interaction, content=content)

    async def _format_details(
        self, session: ChannelSession, primed: PrimedModel | None, line: Line
    ) -> str:
        """Return a line with its writer, its seed and settings, and what it cost the voice."""
        origin, credit = line.origin, inline(format_credit(line), CREDIT_SIZE)
        details = [credit, discord.utils.format_dt(line.written, "f")]
        if line.author is None and line.asker:
            details.append(say("requested by {person}", person=mention(line.asker)))
        if origin:
            details.append(say("seed {seed}", seed=origin["seed"]))
            known = [name for name in OPTIONS_BY_NAME if name in origin]
            details += format_values(known, origin, self.services.settings)
        if stars := await self.sessions.stars.count(line):
            details.append(many(stars, "star"))
        if primed and len(bits := await session.reader.load_surprisal(primed, line)):
            average, voice = float(bits.mean()), inline(primed.model.name, 40)
            details.append(
                say("{bits:.1f} bits per character for “{voice}”", bits=average, voice=voice)
            )
        return f"{inline(line.element.one_line, 100)}\n-# {', '.join(details)}"
