"""Reading: show a script, as pages, files and pictures."""

from __future__ import annotations

import asyncio
import datetime as dt
import io

import discord
from discord import app_commands

from ..i18n.catalogue import many, phrase, say, say_plural
from ..i18n.markdown import inline
from ..screenplay.exporters.edition import make_edition
from ..screenplay.exporters.export_formats import (
    EXPORT_FORMATS,
    ExportedFile,
    ExportFormat,
    PaperSize,
)
from ..screenplay.fountain import format_fountain
from ..screenplay.statistics import count_script, format_minutes
from ..session import replay, surprisal
from ..session.channel_session import Room
from ..session.rate_limits import Cost
from ..session.replay import Replay
from ..session.turn import MOST_LINES, RoomError
from ..storage.schema import Script
from ..ui.components import REPLAY, Handler, Interaction, page_id
from ..ui.delivery import delivered, edited, reply_to
from ..ui.images import page
from ..ui.images.page import Picture
from ..ui.pages import script_page
from ..ui.replay_report import in_words, rows
from .feature import FeatureCog, answered, for_scripts

FORMAT_CHOICES = [
    app_commands.Choice(name=one.label, value=one.ending) for one in EXPORT_FORMATS.values()
]
PAPERS = [
    app_commands.Choice(name=phrase("US letter"), value=PaperSize.LETTER.value),
    app_commands.Choice(name="A4", value=PaperSize.A4.value),
]

MANY = 10
"""Lines of a script from which on a replay has a file."""


class Reading(FeatureCog, name="OnBook.reading"):
    """Read a script."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the buttons under the pages of a script."""
        return {
            page_id("page"): lambda interaction, found: self.turn_page(
                interaction, int(found["script"]), int(found["number"])
            )
        }

    script = for_scripts(
        app_commands.Group(name="script", description="Read this channel's script")
    )

    @script.command(name="show")
    @answered
    async def show(self, interaction: Interaction) -> None:
        """Read the whole script here, or download it"""
        room = self.services.room(interaction)
        script = await room.begun()
        await reply_to(interaction).defer(thinking=True, ephemeral=True)
        elements = await self.store.lines.load_elements(script.head)
        content, view = await script_page(script, elements, -1)
        attached = []
        if interaction.app_permissions.attach_files:
            text = await asyncio.to_thread(format_fountain, script.title, elements)
            name = f"{file_name(script)}.fountain"
            attached.append(discord.File(io.BytesIO(text.encode()), filename=name))
        await delivered(interaction, content=content, view=view, attachments=attached)

    @answered
    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """Turn to another page."""
        room = self.services.room(interaction)
        running = await room.script()
        if running.id != script:
            raise RoomError(say("Another script is running here now. Read it with {/script show}."))
        if running.head is None:
            raise RoomError(say("The script is empty again. Write a line, or use {/continue}."))
        await reply_to(interaction).defer()
        elements = await self.store.lines.load_elements(running.head)
        content, view = await script_page(running, elements, number)
        await edited(interaction, content=content, view=view)

    @script.command(name="export")
    @app_commands.describe(
        format="The file format",
        paper="For PDF, and for HTML in print",
        scene_numbers="Number the scenes",
    )
    @app_commands.choices(format=FORMAT_CHOICES, paper=PAPERS)
    @answered
    async def export(
        self,
        interaction: Interaction,
        format: str,  # noqa: A002 - it is what people see
        paper: str = PaperSize.LETTER.value,
        scene_numbers: bool = False,
    ) -> None:
        """Download the script, with a title page that credits its writers"""
        form, size = EXPORT_FORMATS[format], PaperSize(paper)
        room = self.services.room(interaction)
        await send_export(interaction, room, form, size, scene_numbers=scene_numbers)

    @script.command(name="stats")
    @app_commands.describe(everyone="Show it to everyone here")
    @answered
    async def stats(self, interaction: Interaction, everyone: bool = False) -> None:
        """See who speaks, who wrote how much, and how long the script is"""
        await send_stats(interaction, self.services.room(interaction), to_all=everyone)

    @script.command(name="replay")
    @app_commands.describe(everyone="Show it to everyone here")
    @answered
    async def replay(self, interaction: Interaction, everyone: bool = False) -> None:
        """Verify the voice's lines by writing them again from their seeds and settings"""
        room = self.services.room(interaction)
        script = await room.begun()
        characters = await self.store.lines.count_characters(script.head)
        self.services.charge(interaction, Cost(characters=characters))
        await reply_to(interaction).defer(thinking=True, ephemeral=not everyone)
        found = await self.turns.patiently(
            interaction, lambda patience: replay.replay(room, patience), REPLAY
        )
        await send_replay(interaction, found)

    @app_commands.command(name="surprise")
    @app_commands.describe(
        lines="How many of the last lines to show, from 1 to 10",
        everyone="Show it to everyone here",
    )
    @for_scripts
    @answered
    async def surprise(
        self,
        interaction: Interaction,
        lines: app_commands.Range[int, 1, MOST_LINES] = 4,
        everyone: bool = False,
    ) -> None:
        """See what surprised the voice in the last lines, and what it expected"""
        room = self.services.room(interaction)
        await send_surprise(interaction, room, lines, to_all=everyone)


def file_name(script: Script) -> str:
    """Return the name of a file of the script, without its suffix."""
    letters = (one if one.isalnum() else "-" for one in script.title.lower())
    return "-".join(part for part in "".join(letters).split("-") if part)[:60] or "script"


async def send_export(
    interaction: Interaction,
    room: Room,
    form: ExportFormat,
    paper: PaperSize,
    *,
    scene_numbers: bool,
) -> None:
    """Send the script as a file, to the person who asked."""
    script = await _readable(interaction, room)
    await reply_to(interaction).defer(thinking=True, ephemeral=True)
    lines = await room.store.lines.load_path(script.head)

    def work() -> ExportedFile:
        today = dt.datetime.now(dt.UTC).date()
        elements = [line.element for line in lines]
        what = make_edition(
            script.title, elements, count_script(lines), today, scene_numbers=scene_numbers
        )
        return form.write(what, paper)

    printed = await asyncio.to_thread(work)
    if len(printed.content) > interaction.filesize_limit:
        raise RoomError(
            say("That file is too large for Discord. Choose fountain or txt as the {*format}.")
        )
    content = say(
        "“{title}”, {lines}.", title=inline(script.title, 100), lines=many(len(lines), "line")
    )
    if printed.has_boxes:
        boxes = say(
            "The PDF's font lacks some characters and shows boxes instead. The other formats "
            "have them all."
        )
        content += f" {boxes}"
    file = discord.File(io.BytesIO(printed.content), f"{file_name(script)}.{form.ending}")
    await delivered(interaction, content=content, attachments=[file])


async def send_stats(interaction: Interaction, room: Room, *, to_all: bool) -> None:
    """Send a picture of who speaks and who wrote how much."""
    script = await _readable(interaction, room)
    await reply_to(interaction).defer(thinking=True, ephemeral=not to_all)
    counted = await asyncio.to_thread(count_script, await room.store.lines.load_path(script.head))
    picture = await asyncio.to_thread(page.stats, script.title, counted)
    content = (
        f"**{inline(script.title, 100)}**: {many(counted.lines, 'line')}, "
        f"{many(counted.words, 'word')}, {many(counted.scenes, 'scene')}, "
        f"{format_minutes(counted.pages)}."
    )
    words = page.stats_in_words(script.title, counted)
    await _send_picture(interaction, content, picture, f"{file_name(script)}-stats.png", words)


async def send_surprise(interaction: Interaction, room: Room, most: int, *, to_all: bool) -> None:
    """Send a picture of what surprised the voice in the last lines."""
    script = await _readable(interaction, room)
    await reply_to(interaction).defer(thinking=True, ephemeral=not to_all)
    found = await surprisal.look(room, most)
    picture = await asyncio.to_thread(page.surprise, found)
    content = say_plural(
        "How the last line surprised “{voice}”: {bits:.1f} bits per character. Darker letters and "
        "taller bars mean more.",
        "How the last {number:,} lines surprised “{voice}”: {bits:.1f} bits per character. Darker "
        "letters and taller bars mean more.",
        len(found.lines),
        voice=inline(found.voice, 40),
        bits=found.average,
    )
    words = surprisal.in_words(found)
    await _send_picture(interaction, content, picture, f"{file_name(script)}-surprise.png", words)


async def send_replay(interaction: Interaction, found: Replay) -> None:
    """Send the result of writing the voice's lines again."""
    files: list[discord.File] = []
    if found.lines > MANY and interaction.app_permissions.attach_files:
        table = await asyncio.to_thread(rows, found)
        files = [discord.File(io.BytesIO(table.encode()), "replay.txt")]
    await delivered(
        interaction,
        content=in_words(found),
        attachments=files,
        view=None,
    )


async def _readable(interaction: Interaction, room: Room) -> Script:
    """Return the script; raise RoomError where it has no line, or where no file can be sent."""
    script = await room.begun()
    if not interaction.app_permissions.attach_files:
        raise RoomError(
            say(
                "I need the **Attach Files** permission in this channel. Ask someone who manages "
                "it."
            )
        )
    return script


async def _send_picture(
    interaction: Interaction, content: str, picture: Picture, name: str, words: str
) -> None:
    """Send a picture, with ``words`` for people who cannot see it."""
    if picture.has_boxes:
        boxes = say(
            "The picture's font lacks some characters and shows boxes instead. {/script show} "
            "has them all."
        )
        content += f" {boxes}"
    file = discord.File(io.BytesIO(picture.png), name, description=words)
    await delivered(interaction, content=content, attachments=[file])
