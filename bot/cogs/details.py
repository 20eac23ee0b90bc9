"""Show how the lines in a message were written, and star a line."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from ..errors import RequestError
from ..generation.openings import PrimedModel
from ..generation.options import PREFERENCES
from ..i18n.catalogue import many, phrase, say
from ..session.channel_session import ChannelSession
from ..storage.schema import Line
from ..ui.components import Interaction
from ..ui.credits import format_credit
from ..ui.delivery import FirstResponse, complete_response
from ..ui.markdown import LIMIT, inline, size
from ..ui.settings_messages import format_preference
from .feature import FeatureCog, answer_errors, message_command

CREDIT_SIZE = 120
"""The size of the names of those who wrote a line."""

DETAILS, STAR = phrase("Details"), phrase("Star")
"""The names of the commands on messages."""


class Details(FeatureCog, name="OnBook.details"):
    """Show who wrote a line, from which seed and with which settings, and star it."""

    @message_command(DETAILS)
    @answer_errors
    async def show_details(self, interaction: Interaction, message: discord.Message) -> None:
        """Show the details of the lines in a message to the person who asked."""
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        script_id, lines = await self._find_lines(message)
        script = await session.library.find(script_id)
        primed = await session.reader.open_model(script.voice, script.style)
        entries = [await _format_details(session, primed, line) for line in lines]
        await complete_response(interaction, content=_fit(entries))

    @message_command(STAR)
    @answer_errors
    async def star(self, interaction: Interaction, message: discord.Message) -> None:
        """Give the line in a message the person's star, or take the star back."""
        self.services.admit(interaction)
        # Discord takes the first answer once, so that a second delivery takes no star back.
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        if await self.store.polls.find_poll_by_message(message.id):
            raise RequestError("A take has no stars. Choose it first, then star its line.")
        line = await self.find_shown_line(message)
        star = await self.store.stars.find_star(line, interaction.user.id)
        if star and star.message and await self.store.messages.find_post(star.message):
            raise RequestError("Your star is a reaction. Take the reaction away to take it back.")
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

    async def _find_lines(self, message: discord.Message) -> tuple[int, list[Line]]:
        """Return the script and the lines in a message, or its takes; raise RequestError."""
        if poll := await self.store.polls.find_poll_by_message(message.id):
            takes = await self.store.polls.load_takes(poll)
            return poll.script, [line for lines in takes.values() for line in lines]
        line = await self.find_shown_line(message)
        return line.script, [line]


async def _format_details(session: ChannelSession, primed: PrimedModel, line: Line) -> str:
    """Return a line with its writer, its seed and settings, and what it cost the voice."""
    origin = line.origin
    details = [inline(format_credit(line), CREDIT_SIZE), f"<t:{int(line.written.timestamp())}:f>"]
    if origin:
        details.append(say("seed {seed}", seed=origin["seed"]))
        details += [format_preference(name, origin[name]) for name in PREFERENCES if name in origin]
    if stars := await session.store.stars.count_stars(line):
        details.append(many(stars, "star"))
    bits = await session.reader.load_surprisal(primed, line)
    if len(bits):
        average = say(
            "{bits:.1f} bits per character for “{voice}”",
            bits=float(bits.mean()),
            voice=inline(primed.model.name, 40),
        )
        details.append(average)
    return f"{inline(line.element.one_line, 100)}\n-# {', '.join(details)}"


def _fit(entries: Sequence[str]) -> str:
    """Return as many of the last entries as a message has room for."""
    shown = list(entries)
    while size("\n".join(shown)) > LIMIT and len(shown) > 1:
        del shown[0]
    return "\n".join(shown)
