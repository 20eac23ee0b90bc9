"""Show a script as pages, files and pictures."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from re import Match
from typing import TypeVar

import discord
from discord import app_commands

from ..errors import RequestError
from ..i18n.catalogue import many, phrase, say, say_plural
from ..interactions.option_checks import parse_choice
from ..screenplay.exporters import EXPORT_FORMATS
from ..screenplay.exporters.edition import Edition, make_edition
from ..screenplay.exporters.export_formats import ExportedFile, ExportFormat, PaperSize
from ..screenplay.fountain import format_fountain
from ..screenplay.statistics import ScriptStatistics, count_script
from ..session import replay, surprisal
from ..session.turn import MAX_LINES
from ..storage.schema import Line, Script
from ..ui.components import (
    REPLAY,
    Interaction,
    make_position_select,
    make_view,
    page_pattern,
    parse_position,
    position_pattern,
)
from ..ui.delivery.sending import FirstResponse, complete_response, edit_response
from ..ui.images import pictures
from ..ui.markdown import inline
from ..ui.pages.replay_report import format_report, format_table
from ..ui.pages.script_messages import format_page
from .feature import FeatureCog, allow, command, listens_to

T = TypeVar("T")

FORMAT_CHOICES = [
    app_commands.Choice(name=file_format.label, value=file_format.ending)
    for file_format in EXPORT_FORMATS.values()
]
PAPER_CHOICES = [
    app_commands.Choice(name=phrase("US letter"), value=PaperSize.LETTER.value),
    app_commands.Choice(name="A4", value=PaperSize.A4.value),
]

MAX_LEFT_OUT = 60
"""The largest size of the list of characters that a page leaves out."""

WRITERS, GUESSES = "writers", "guesses"
"""The views of /script stats besides a replay: who wrote, and how well the voice guessed."""

GUESSED_LINES = 4
"""The lines in the picture of what the voice guessed, unless another number is asked for."""

MIN_TABLE_LINES = 10
"""The number of lines in a script above which a replay has a file."""

_exporter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")


class Reading(FeatureCog, name="OnBook.reading"):
    """Read a script."""

    script = allow(
        app_commands.Group(name="script", description="Read and change this channel's scripts"),
        everywhere=True,
    )

    @command("show", group=script)
    @app_commands.describe(everyone="Show it to everyone here")
    async def show(self, interaction: Interaction, everyone: bool = False) -> None:
        """Read the whole script here, or download it"""
        await self._show_first_page(interaction, everyone=everyone)

    @listens_to(position_pattern("menu-show"))
    async def press_show(self, interaction: Interaction, match: Match[str]) -> None:
        """Show the script whose button was pressed."""
        await self._show_first_page(interaction, parse_position(match).script)

    async def _show_first_page(
        self, interaction: Interaction, script_id: int | None = None, *, everyone: bool = False
    ) -> None:
        session = await self.open_session(interaction, thinking=True, ephemeral=not everyone)
        script = await session.library.load_script_to_read(script_id)
        elements = await session.library.load_elements(script)
        content, view = await format_page(script, elements, 0)
        attached = []
        if interaction.app_permissions.attach_files:
            text = await asyncio.to_thread(format_fountain, script.title, elements)
            name = f"{make_file_name(script)}.fountain"
            attached.append(discord.File(io.BytesIO(text.encode()), filename=name))
        await complete_response(interaction, content=content, view=view, attachments=attached)

    @listens_to(page_pattern("page"))
    async def turn_page(self, interaction: Interaction, match: Match[str]) -> None:
        """Turn to another page."""
        session = await self.open_session(interaction)
        script = await session.library.load_script_to_read(int(match["script"]))
        elements = await session.library.load_elements(script)
        content, view = await format_page(script, elements, int(match["number"]))
        await edit_response(interaction, content=content, view=view)

    @command("export", group=script)
    @app_commands.describe(
        format="PDF or HTML to read; Fountain, Final Draft or text to keep writing elsewhere",
        paper="The page size of a PDF and of printed HTML",
        scene_numbers="Number the scenes",
        everyone="Show it to everyone here",
    )
    @app_commands.choices(format=FORMAT_CHOICES, paper=PAPER_CHOICES)
    async def export(
        self,
        interaction: Interaction,
        format: str,  # noqa: A002 - it is what people see
        paper: str = PaperSize.LETTER.value,
        scene_numbers: bool = False,
        everyone: bool = False,
    ) -> None:
        """Download the script, with a title page that credits its writers"""
        export_format, size = EXPORT_FORMATS[format], PaperSize(paper)
        await self._send_export(
            interaction, export_format, size, scene_numbers=scene_numbers, everyone=everyone
        )

    @listens_to(position_pattern("menu-export"))
    async def ask_for_format(self, interaction: Interaction, match: Match[str]) -> None:
        """Ask in which format to export the script."""
        self.services.admit(interaction)
        labels = {ending: file_format.label for ending, file_format in EXPORT_FORMATS.items()}
        position, placeholder = parse_position(match), say("Choose a format…")
        view = make_view(make_position_select("menu-format", position, labels, placeholder))
        question = say("Which format? {/script export} offers more choices.")
        await FirstResponse(interaction).send_message(question, view=view, ephemeral=True)

    @listens_to(position_pattern("menu-format"))
    async def export_from_menu(self, interaction: Interaction, match: Match[str]) -> None:
        """Export the script in the format that was chosen."""
        export_format = EXPORT_FORMATS[parse_choice(interaction, EXPORT_FORMATS)]
        script_id = parse_position(match).script
        await self._send_export(interaction, export_format, PaperSize.LETTER, script_id)

    async def _send_export(
        self,
        interaction: Interaction,
        export_format: ExportFormat,
        paper: PaperSize,
        script_id: int | None = None,
        *,
        scene_numbers: bool = False,
        everyone: bool = False,
    ) -> None:
        check_may_attach(interaction)
        session = await self.open_session(interaction, thinking=True, ephemeral=not everyone)
        script = await session.library.load_script_to_read(script_id)
        await self.charge_script(interaction, session, script)
        lines = await session.library.load_lines(script)

        def write() -> ExportedFile:
            statistics = count_script(lines)
            edition = prepare_edition(script, lines, statistics, scene_numbers=scene_numbers)
            return export_format.write(edition, paper)

        printed = await run_export(write)
        if len(printed.content) > interaction.filesize_limit:
            raise RequestError(
                "That file is too large for Discord. Set {*format} to fountain or txt."
            )
        title, length = inline(script.title, 100), many(len(lines), "line")
        sentences = (
            say("“{title}”, {lines}.", title=title, lines=length),
            describe_left_out(printed),
        )
        content = " ".join(filter(None, sentences))
        name = f"{make_file_name(script)}.{export_format.ending}"
        file = discord.File(io.BytesIO(printed.content), name)
        await complete_response(interaction, content=content, attachments=[file])

    @command("stats", group=script)
    @app_commands.describe(
        what="What to see; by default, who speaks and who wrote",
        lines="How many of the last lines to show guesses for, from 1 to 10",
        everyone="Show it to everyone here",
    )
    @app_commands.choices(
        what=[
            app_commands.Choice(name=phrase("who speaks and who wrote"), value=WRITERS),
            app_commands.Choice(name=phrase("what the voice guessed"), value=GUESSES),
            app_commands.Choice(name=phrase("whether the voice's lines replay"), value=REPLAY),
        ]
    )
    @listens_to(position_pattern("menu-stats"))
    @listens_to(position_pattern("menu-guesses"), what=GUESSES)
    async def stats(
        self,
        interaction: Interaction,
        what: str = WRITERS,
        lines: app_commands.Range[int, 1, MAX_LINES] = GUESSED_LINES,
        everyone: bool = False,
    ) -> None:
        """See who speaks and who wrote, what the voice guessed, or whether its lines replay"""
        if what == GUESSES:
            await self._show_guesses(interaction, lines, everyone=everyone)
        elif what == REPLAY:
            await self._replay(interaction, everyone=everyone)
        else:
            await self._show_statistics(interaction, everyone=everyone)

    async def _show_statistics(self, interaction: Interaction, *, everyone: bool) -> None:
        """Draw who speaks and who wrote how much."""
        check_may_attach(interaction)
        session = await self.open_session(interaction, thinking=True, ephemeral=not everyone)
        script = await session.library.load_script_to_read()
        await self.charge_script(interaction, session, script)
        lines = await session.library.load_lines(script)
        statistics = await run_export(lambda: count_script(lines))
        picture = await run_export(lambda: pictures.draw_statistics(script.title, statistics))
        content = f"**{inline(script.title, 100)}**: {pictures.format_summary(statistics)}."
        words = pictures.describe_statistics(script.title, statistics)
        name = f"{make_file_name(script)}-stats.png"
        await _send_picture(interaction, content, picture, name, words)

    async def _show_guesses(self, interaction: Interaction, lines: int, *, everyone: bool) -> None:
        """Draw how well the voice guessed the last lines, and what it expected instead."""
        check_may_attach(interaction)
        session = await self.open_session(interaction, thinking=True, ephemeral=not everyone)
        script = await session.library.load_script_to_read()
        found = await surprisal.measure_surprisal(session, lines)
        picture = await asyncio.to_thread(pictures.draw_surprisal, found)
        content = say_plural(
            "How well “{voice}” guessed the last line: {bits:.1f} bits per character. Darker "
            "squares and taller bars mark what was harder to guess.",
            "How well “{voice}” guessed the last {number:,} lines: {bits:.1f} bits per character. "
            "Darker squares and taller bars mark what was harder to guess.",
            len(found.lines),
            voice=inline(found.model, 40),
            bits=found.average,
        )
        words = pictures.describe_surprisal(found)
        name = f"{make_file_name(script)}-guesses.png"
        await _send_picture(interaction, content, picture, name, words)

    async def _replay(self, interaction: Interaction, *, everyone: bool) -> None:
        """Verify the voice's lines by writing them again from their seeds and settings."""
        session = await self.open_session(interaction, thinking=True, ephemeral=not everyone)
        script = await session.library.load_script_to_read()
        await self.charge_script(interaction, session, script)
        async with self.turns.show_progress(interaction, REPLAY) as job:
            result = await replay.replay_script(session, job)
        files = list[discord.File]()
        if result.lines > MIN_TABLE_LINES and interaction.app_permissions.attach_files:
            table = await asyncio.to_thread(format_table, result)
            files = [discord.File(io.BytesIO(table.encode()), "replay.txt")]
        report = format_report(result)
        await complete_response(interaction, content=report, attachments=files, view=None)


async def run_export(write: Callable[[], T]) -> T:
    """Call a function that reads a whole script, in a thread that runs such calls one by one.

    A long script takes many seconds, and the voices need the threads of `asyncio.to_thread` for
    every line.
    """
    # The language in which a file is written belongs to the context.
    loop, context = asyncio.get_running_loop(), copy_context()
    return await loop.run_in_executor(_exporter, lambda: context.run(write))


def make_file_name(script: Script) -> str:
    """Return the name of a file of the script, without its suffix."""
    return re.sub(r"[\W_]+", "-", script.title.lower()).strip("-")[:60] or "script"


def prepare_edition(
    script: Script,
    lines: Sequence[Line],
    statistics: ScriptStatistics,
    *,
    scene_numbers: bool = False,
) -> Edition:
    """Return today's edition of a script with these lines."""
    elements, today = [line.element for line in lines], dt.datetime.now(dt.UTC).date()
    return make_edition(script.title, elements, statistics, today, scene_numbers=scene_numbers)


def describe_left_out(exported: ExportedFile) -> str:
    """Return a sentence about the characters that a file cannot show, or ""."""
    if not exported.left_out:
        return ""
    return say(
        "The PDF's font lacks “{characters}”, so these are missing or shown as ?. An HTML file, "
        "which a browser can print, has everything.",
        characters=inline(exported.left_out, MAX_LEFT_OUT),
    )


def check_may_attach(interaction: Interaction) -> None:
    """Raise RequestError if the bot cannot send a file."""
    if not interaction.app_permissions.attach_files:
        raise RequestError(
            "I need the **Attach Files** permission in this channel. Ask somebody who manages the "
            "channel to grant it."
        )


async def _send_picture(
    interaction: Interaction, content: str, picture: ExportedFile, name: str, words: str
) -> None:
    """Send a picture, with ``words`` for people who cannot see it."""
    if picture.left_out:
        missing = say(
            "The picture's font lacks “{characters}”, so these are missing or shown as ?. "
            "{/script show} has everything.",
            characters=inline(picture.left_out, MAX_LEFT_OUT),
        )
        content += f" {missing}"
    file = discord.File(io.BytesIO(picture.content), name, description=words)
    await complete_response(interaction, content=content, attachments=[file])
