"""Show, export and delete the data that is stored about a person."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from contextlib import suppress
from re import Match

import discord
from discord import ui

from ..errors import RequestError, TransactionFailed
from ..i18n.catalogue import many, phrase, say
from ..sharding import Shards
from ..storage.records import ErasureResult, PersonalData
from ..storage.schema import ON_BOOK, Line, Script
from ..ui.components import CUSTOM_ID_PREFIX, Interaction, make_view
from ..ui.delivery.sending import FirstResponse, complete_response, delete_response, edit_response
from ..ui.lines.line_messages import format_undeleted
from .feature import FeatureCog, command, listens_to

ABOUT = phrase(
    "**What On Book stores:** each line written with {/write}, {/continue}, the buttons or a "
    "message, with its time, and with your name and ID if you wrote or requested it; titles and "
    "casts; who started a script, who plays whom, who takes turns, and your votes and stars. "
    "{reads} All of it stays on the bot owner's computer, goes to nobody else, and is never used "
    "to train a voice.\n"
    "**My data** gives you your data. **Forget me…** removes your name from every line, and your "
    "text too if you like; before that, it says what stays. If a server removes the bot, its "
    "scripts are deleted after {days}. The bot's owner may have older backups."
)

READS = phrase(
    "It reads direct messages and messages that mention it or reply to it; others only where "
    "{/settings} allows it."
)

UNCHANGED_MESSAGES = phrase(
    "When your name is removed, On Book updates the messages that show your lines, or tells you "
    "how many it cannot update. These messages stay, and moderators can delete them: notices of "
    "who did what, reminders, summaries of sprints, closing cards, files, pictures and pages shown "
    "to everyone, messages of deleted scripts, and older answers in places that have not added On "
    "Book. Star reactions also stay, as does your face beside lines of a character that you "
    "played."
)

CONFIRMATION = phrase(
    "Remove your name from every line that you wrote, on every server? Your lines stay, credited "
    "to “somebody”. Or remove their text, too? Then each line shows “…” in its place, and what "
    "the voice wrote below it stays. Choose now: without your name, nobody can find your lines "
    "later to remove their text. Either way, your scripts lose their owner and keep their titles "
    "and casts: if a title names you, rename the script first, with {/script list}. This cannot "
    "be undone."
)

FILE_NAME = "on-book-yours"
"""The name, without its suffix, of the file of what is kept about a person."""

EXPORT_ID, ASK_ID = f"{CUSTOM_ID_PREFIX}privacy:export", f"{CUSTOM_ID_PREFIX}privacy:forget"
KEEP_ID = f"{CUSTOM_ID_PREFIX}privacy:keep"
FORGET_ID = rf"{CUSTOM_ID_PREFIX}forget:(?P<what>name|text)"


class Privacy(FeatureCog, name="OnBook.privacy"):
    """See what is kept about a person, get it, and have it deleted."""

    @command("privacy", everywhere=True)
    async def about_privacy(self, interaction: Interaction) -> None:
        """See what is stored about you, get it as a file, or have it deleted"""
        self.services.admit(interaction)
        days = many(self.services.settings.departed_days, "day")
        reads = say(READS) if self.services.hears else say("It reads no other messages.")
        kept = say(ABOUT, days=days, reads=reads)
        view = make_view(
            ui.Button(label=say("My data"), custom_id=EXPORT_ID),
            ui.Button(label=say("Forget me…"), custom_id=ASK_ID),
        )
        await FirstResponse(interaction).send_message(kept, view=view, ephemeral=True)

    @listens_to(EXPORT_ID)
    async def export_mine(self, interaction: Interaction, _match: Match[str]) -> None:
        """Give a person all data stored about them as a file."""
        await self.open_session(interaction, thinking=True, ephemeral=True)
        kept = await self.sessions.load_personal_data(interaction.user.id)
        if not kept:
            await complete_response(interaction, content=say("Nothing is stored about you."))
            return
        name, content = await asyncio.to_thread(make_export_file, kept, interaction.filesize_limit)
        if len(content) > interaction.filesize_limit:
            raise RequestError("Your data is too large for Discord. Ask the bot's owner for it.")
        lines = many(len(kept.lines), "line")
        await complete_response(
            interaction,
            content=say(
                "Here is all the data stored about you, including {lines} that you wrote.",
                lines=lines,
            ),
            attachments=[discord.File(io.BytesIO(content), filename=name)],
        )

    @listens_to(ASK_ID)
    async def forget(self, interaction: Interaction, _match: Match[str]) -> None:
        """Ask a person to confirm that they want to be forgotten, with or without their text."""
        self.services.admit(interaction)
        question = f"{say(CONFIRMATION)}\n-# {say(UNCHANGED_MESSAGES)}"
        view = make_view(
            _forget_button("name", say("Forget me")),
            _forget_button("text", say("Forget me and my text")),
            ui.Button(label=say("Keep everything"), custom_id=KEEP_ID),
        )
        await FirstResponse(interaction).send_message(question, view=view, ephemeral=True)

    @listens_to(KEEP_ID)
    async def keep(self, interaction: Interaction, _match: Match[str]) -> None:
        """Delete the question whether a person wants to be forgotten."""
        self.services.admit(interaction)
        await FirstResponse(interaction).defer()
        await delete_response(interaction)

    @listens_to(FORGET_ID)
    async def forget_me(self, interaction: Interaction, match: Match[str]) -> None:
        """Forget a person who has confirmed this: only the name, or the text too."""
        text = match["what"] == "text"
        await self.open_session(interaction)
        forgotten = await self.forget_person(interaction.user.id, text=text)
        told = format_forgotten(forgotten, text=text)
        if stale := len(forgotten.messages):
            redrawing = f"{told} {format_redrawing(stale)}"
            await edit_response(interaction, content=redrawing, view=None)
            await self.services.stale.redraw()
            stale, undeletable = await self.services.stale.count_stale(forgotten.messages)
            told += f" {format_redrawing(stale)}" if stale else ""
            told += f" {format_undeleted(undeletable)}" if undeletable else ""
        await edit_response(interaction, content=told, view=None)

    async def forget_person(self, person: int, *, text: bool) -> ErasureResult:
        """Remove a person's name from everything and, with ``text``, the text of their lines.

        The messages that show any of this are redrawn soon after. Raises TransactionFailed.
        """
        in_flight = self.services.in_flight
        # Turns in flight would store the person's name again after it is forgotten.
        await in_flight.wait_for(person)
        forgotten = await self.sessions.forget(person, text=text)
        self.services.messages.shown.clear()
        self.services.recent_scripts.clear()
        redrawing = self.services.stale.redraw_after(in_flight.tasks)
        in_flight.track(asyncio.create_task(redrawing))
        with suppress(TransactionFailed):  # because the person is forgotten anyway
            for script in forgotten.orders:
                if await self.sessions.housekeeping.find_script(script, Shards.of(self.bot)):
                    self.services.deadline_messages.watch(script)
        return forgotten


def _forget_button(what: str, label: str) -> ui.Button[ui.View]:
    return ui.Button(
        label=label, style=discord.ButtonStyle.danger, custom_id=f"{CUSTOM_ID_PREFIX}forget:{what}"
    )


def format_forgotten(forgotten: ErasureResult, *, text: bool) -> str:
    """Return the reply to a person who was forgotten, with their text or without."""
    lines = many(forgotten.lines, "line")
    if text:
        sentences = [
            say("You are forgotten. Your name and text were removed from {lines}.", lines=lines)
        ]
    else:
        sentences = [
            say("You are forgotten. Your name was removed from {lines}.", lines=lines),
            say(
                "The text can no longer be removed because nobody now knows which lines were yours."
            ),
        ]
    if not forgotten.purged:
        sentences.append(
            say(
                "The last traces disappear from the disk within half an hour, or when a running "
                "backup ends."
            )
        )
    return " ".join(sentences)


def format_redrawing(messages: int) -> str:
    """Return the sentence that messages still show what was removed, but not for long."""
    return say("I am now updating {messages}.", messages=many(messages, "message"))


def make_export_file(kept: PersonalData, limit: int) -> tuple[str, bytes]:
    """Return a file of all that is kept about a person: its name, and its content as UTF-8 JSON.

    JSON that is larger than the limit is zipped, and may still be larger.
    """
    entries = {
        "lines": [_describe_line(*line) for line in kept.lines],
        "asked": [_describe_asked(*request) for request in kept.asked],
        "rewritten": [_describe_request(*request) for request in kept.rewritten],
        "scripts": [
            _describe_script(script, begun=script.begun.isoformat()) for script in kept.scripts
        ],
        "characters": [_describe_script(script, character=name) for name, script in kept.parts],
        "votes": [_describe_script(script, take=vote.take + 1) for vote, script in kept.votes],
        "stars": [_describe_line(*line) for line in kept.starred],
        "turns": [_describe_script(script, place=place) for place, script in kept.turns],
        "takes": [
            _describe_script(
                script,
                voting_ends=poll.ends and poll.ends.isoformat(),
                chosen=None if poll.chosen is None else poll.chosen + 1,
            )
            for poll, script in kept.polls
        ],
        "sprints": [
            _describe_script(script, ends=sprint.ends.isoformat())
            for sprint, script in kept.sprints
        ],
    }
    content = json.dumps(entries, ensure_ascii=False, indent=2).encode(errors="replace")
    if len(content) <= limit:
        return f"{FILE_NAME}.json", content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{FILE_NAME}.json", content)
    return f"{FILE_NAME}.zip", buffer.getvalue()


def _describe_script(script: Script, **more: object) -> dict[str, object]:
    return {"server": script.guild, "channel": script.channel, "script": script.title, **more}


def _describe_request(line: Line, script: Script, **more: object) -> dict[str, object]:
    return _describe_script(script, written=line.written.isoformat(), **more)


def _describe_asked(line: Line, script: Script) -> dict[str, object]:
    # The text of a message that the person added belongs to the message's writer.
    is_theirs = line.author in (None, ON_BOOK)
    return _describe_line(line, script) if is_theirs else _describe_request(line, script)


def _describe_line(line: Line, script: Script) -> dict[str, object]:
    return _describe_request(line, script, name=line.credit, kind=line.kind, text=line.text)
