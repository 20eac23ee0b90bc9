"""Show a script as pages, files and pictures."""

from __future__ import annotations

import asyncio
import datetime as dt
import io

import discord
from discord import app_commands, ui

from ..errors import RequestError
from ..i18n.catalogue import many, phrase, say, say_plural
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
from ..session.channel_session import ChannelSession
from ..session.rate_limits import Cost
from ..session.replay import ReplayResult
from ..session.turn import MAX_LINES, ScriptPosition
from ..storage.schema import Script
from ..ui.components import (
    REPLAY,
    Handler,
    Interaction,
    get_selected,
    make_position_id,
    make_view,
    page_pattern,
    parse_position,
    position_pattern,
)
from ..ui.delivery import FirstResponse, complete_response, edit_response
from ..ui.images import pictures
from ..ui.images.pictures import Picture
from ..ui.markdown import inline
from ..ui.replay_report import format_report, format_table
from ..ui.script_messages import format_page
from .feature import FeatureCog, allow_everywhere, answer_errors
from .option_checks import InvalidOption, parse_choice

FORMAT_CHOICES = [
    app_commands.Choice(name=one.label, value=one.ending) for one in EXPORT_FORMATS.values()
]
PAPER_CHOICES = [
    app_commands.Choice(name=phrase("US letter"), value=PaperSize.LETTER.value),
    app_commands.Choice(name="A4", value=PaperSize.A4.value),
]

MAX_LEFT_OUT = 60
"""The largest size of the characters that a page leaves out, when they are listed."""

SURPRISE_LINES = 4
"""Lines in the picture of what surprised the voice, unless another number is asked for."""

MIN_TABLE_LINES = 10
"""Lines of a script from which on a replay has a file."""


class Reading(FeatureCog, name="OnBook.reading"):
    """Read a script."""

    def listeners(self) -> dict[str, Handler]:
        """Listen to the buttons under the pages of a script, and to the menu's reading buttons."""
        return {
            position_pattern("menu-show"): lambda interaction, _: self.open_script(interaction),
            position_pattern("menu-export"): lambda interaction, match: self.ask_for_format(
                interaction, parse_position(match)
            ),
            position_pattern("menu-format"): lambda interaction, _: self.export_from_menu(
                interaction
            ),
            position_pattern("menu-stats"): lambda interaction, _: self.open_stats(interaction),
            position_pattern("menu-surprise"): lambda interaction, _: self.open_surprise(
                interaction
            ),
            page_pattern("page"): lambda interaction, match: self.turn_page(
                interaction, int(match["script"]), int(match["number"])
            ),
        }

    script = allow_everywhere(
        app_commands.Group(name="script", description="Read and change this channel's scripts")
    )

    @script.command(name="show")
    @answer_errors
    async def show(self, interaction: Interaction) -> None:
        """Read the whole script here, or download it"""
        await self._show(interaction)

    async def _show(self, interaction: Interaction) -> None:
        """Show the last page of the script, and attach all of it."""
        session = self.services.admit_to_session(interaction)
        script = await session.library.load_nonempty_script()
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        elements = await self.store.lines.load_elements(script.head)
        content, view = await format_page(script, elements, -1)
        attached = []
        if interaction.app_permissions.attach_files:
            text = await asyncio.to_thread(format_fountain, script.title, elements)
            name = f"{make_file_name(script)}.fountain"
            attached.append(discord.File(io.BytesIO(text.encode()), filename=name))
        await complete_response(interaction, content=content, view=view, attachments=attached)

    @answer_errors
    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """Turn to another page."""
        session = self.services.admit_to_session(interaction)
        running = await session.library.load_script()
        if running.id != script:
            raise RequestError("Another script is running here now. Read it with {/script show}.")
        if running.head is None:
            raise RequestError("The script is empty again. Write a line, or use {/continue}.")
        await FirstResponse(interaction).defer()
        elements = await self.store.lines.load_elements(running.head)
        content, view = await format_page(running, elements, number)
        await edit_response(interaction, content=content, view=view)

    @script.command(name="export")
    @app_commands.describe(
        format="The file format",
        paper="For PDF, and for HTML in print",
        scene_numbers="Number the scenes",
    )
    @app_commands.choices(format=FORMAT_CHOICES, paper=PAPER_CHOICES)
    @answer_errors
    async def export(
        self,
        interaction: Interaction,
        format: str,  # noqa: A002 - it is what people see
        paper: str = PaperSize.LETTER.value,
        scene_numbers: bool = False,
    ) -> None:
        """Download the script, with a title page that credits its writers"""
        export_format, size = EXPORT_FORMATS[format], PaperSize(paper)
        session = self.services.admit_to_session(interaction)
        await send_export(interaction, session, export_format, size, scene_numbers=scene_numbers)

    @script.command(name="stats")
    @app_commands.describe(everyone="Show it to everyone here")
    @answer_errors
    async def stats(self, interaction: Interaction, everyone: bool = False) -> None:
        """See who speaks, who wrote how much, and how long the script is"""
        await send_stats(interaction, self.services.admit_to_session(interaction), to_all=everyone)

    # From the menu

    @answer_errors
    async def open_script(self, interaction: Interaction) -> None:
        """Show the script."""
        await self._show(interaction)

    @answer_errors
    async def ask_for_format(self, interaction: Interaction, position: ScriptPosition) -> None:
        """Ask in which format the script is exported."""
        select: ui.Select[ui.View] = ui.Select(
            custom_id=make_position_id("menu-format", position),
            placeholder=say("Choose a format…"),
            options=[
                discord.SelectOption(label=one.label, value=one.ending)
                for one in EXPORT_FORMATS.values()
            ],
        )
        question = say("In which format? {/script export} has more choices.")
        await FirstResponse(interaction).send_message(
            question, view=make_view(select), ephemeral=True
        )

    @answer_errors
    async def export_from_menu(self, interaction: Interaction) -> None:
        """Export the script in the format that was chosen."""
        export_format = EXPORT_FORMATS.get(parse_choice(get_selected(interaction)))
        if export_format is None:
            raise InvalidOption
        session = self.services.admit_to_session(interaction)
        await send_export(
            interaction, session, export_format, PaperSize.LETTER, scene_numbers=False
        )

    @answer_errors
    async def open_stats(self, interaction: Interaction) -> None:
        """Show the picture of who speaks and who wrote."""
        await send_stats(interaction, self.services.admit_to_session(interaction), to_all=False)

    @answer_errors
    async def open_surprise(self, interaction: Interaction) -> None:
        """Show the picture of what surprised the voice."""
        session = self.services.admit_to_session(interaction)
        await send_surprise(interaction, session, SURPRISE_LINES, to_all=False)

    @script.command(name="replay")
    @app_commands.describe(everyone="Show it to everyone here")
    @answer_errors
    async def replay(self, interaction: Interaction, everyone: bool = False) -> None:
        """Verify the voice's lines by writing them again from their seeds and settings"""
        session = self.services.admit_to_session(interaction)
        script = await session.library.load_nonempty_script()
        characters = await self.store.lines.count_characters(script.head)
        self.services.charge(interaction, Cost(characters=characters))
        await FirstResponse(interaction).defer(thinking=True, ephemeral=not everyone)
        match = await self.turns.run_with_progress(
            interaction, lambda job: replay.replay_script(session, job), REPLAY
        )
        await send_replay(interaction, match)

    @script.command(name="surprise")
    @app_commands.describe(
        lines="How many of the last lines to show, from 1 to 10",
        everyone="Show it to everyone here",
    )
    @answer_errors
    async def surprise(
        self,
        interaction: Interaction,
        lines: app_commands.Range[int, 1, MAX_LINES] = SURPRISE_LINES,
        everyone: bool = False,
    ) -> None:
        """See what surprised the voice in the last lines, and what it expected instead"""
        session = self.services.admit_to_session(interaction)
        await send_surprise(interaction, session, lines, to_all=everyone)


def make_file_name(script: Script) -> str:
    """Return the name of a file of the script, without its suffix."""
    characters = (one if one.isalnum() else "-" for one in script.title.lower())
    return "-".join(part for part in "".join(characters).split("-") if part)[:60] or "script"


async def send_export(
    interaction: Interaction,
    session: ChannelSession,
    export_format: ExportFormat,
    paper: PaperSize,
    *,
    scene_numbers: bool,
) -> None:
    """Send the script as a file, to the person who asked."""
    script = await load_readable_script(interaction, session)
    await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
    lines = await session.store.lines.load_path(script.head)

    def write() -> ExportedFile:
        today = dt.datetime.now(dt.UTC).date()
        elements = [line.element for line in lines]
        exported = make_edition(
            script.title, elements, count_script(lines), today, scene_numbers=scene_numbers
        )
        return export_format.write(exported, paper)

    printed = await asyncio.to_thread(write)
    if len(printed.content) > interaction.filesize_limit:
        raise RequestError(
            "That file is too large for Discord. Choose fountain or txt as the {*format}."
        )
    content = say(
        "“{title}”, {lines}.", title=inline(script.title, 100), lines=many(len(lines), "line")
    )
    content = " ".join(filter(None, (content, describe_left_out(printed))))
    file = discord.File(
        io.BytesIO(printed.content), f"{make_file_name(script)}.{export_format.ending}"
    )
    await complete_response(interaction, content=content, attachments=[file])


def describe_left_out(exported: ExportedFile) -> str:
    """Return a sentence on the characters that a file leaves out, or ""."""
    if not exported.left_out:
        return ""
    return say(
        "The PDF's font lacks “{characters}”, and the PDF leaves that out. The other formats have "
        "everything.",
        characters=inline(exported.left_out, MAX_LEFT_OUT),
    )


async def send_stats(interaction: Interaction, session: ChannelSession, *, to_all: bool) -> None:
    """Send a picture of who speaks and who wrote how much."""
    script = await load_readable_script(interaction, session)
    await FirstResponse(interaction).defer(thinking=True, ephemeral=not to_all)
    statistics = await asyncio.to_thread(
        count_script, await session.store.lines.load_path(script.head)
    )
    picture = await asyncio.to_thread(pictures.draw_statistics, script.title, statistics)
    content = (
        f"**{inline(script.title, 100)}**: {many(statistics.lines, 'line')}, "
        f"{many(statistics.words, 'word')}, {many(statistics.scenes, 'scene')}, "
        f"{format_minutes(statistics.pages)}."
    )
    words = pictures.describe_statistics(script.title, statistics)
    await _send_picture(interaction, content, picture, f"{make_file_name(script)}-stats.png", words)


async def send_surprise(
    interaction: Interaction, session: ChannelSession, max_lines: int, *, to_all: bool
) -> None:
    """Send a picture of what surprised the voice in the last lines."""
    script = await load_readable_script(interaction, session)
    await FirstResponse(interaction).defer(thinking=True, ephemeral=not to_all)
    match = await surprisal.measure_surprisal(session, max_lines)
    picture = await asyncio.to_thread(pictures.draw_surprisal, match)
    content = say_plural(
        "How the last line surprised “{voice}”: {bits:.1f} bits per character. Darker letters and "
        "taller bars mean more.",
        "How the last {number:,} lines surprised “{voice}”: {bits:.1f} bits per character. Darker "
        "letters and taller bars mean more.",
        len(match.lines),
        voice=inline(match.model, 40),
        bits=match.average,
    )
    words = pictures.describe_surprisal(match)
    await _send_picture(
        interaction, content, picture, f"{make_file_name(script)}-surprise.png", words
    )


async def send_replay(interaction: Interaction, match: ReplayResult) -> None:
    """Send the result of writing the voice's lines again."""
    files: list[discord.File] = []
    if match.lines > MIN_TABLE_LINES and interaction.app_permissions.attach_files:
        table = await asyncio.to_thread(format_table, match)
        files = [discord.File(io.BytesIO(table.encode()), "replay.txt")]
    await complete_response(
        interaction,
        content=format_report(match),
        attachments=files,
        view=None,
    )


async def load_readable_script(interaction: Interaction, session: ChannelSession) -> Script:
    """Return the script; raise RequestError where it has no line, or where no file can be sent."""
    script = await session.library.load_nonempty_script()
    if not interaction.app_permissions.attach_files:
        raise RequestError(
            "I need the **Attach Files** permission in this channel. Ask someone who manages the "
            "channel."
        )
    return script


async def _send_picture(
    interaction: Interaction, content: str, picture: Picture, name: str, words: str
) -> None:
    """Send a picture, with ``words`` for people who cannot see it."""
    if picture.left_out:
        missing = say(
            "The picture's font lacks “{characters}”, and the picture leaves that out. "
            "{/script show} has everything.",
            characters=inline(picture.left_out, MAX_LEFT_OUT),
        )
        content += f" {missing}"
    file = discord.File(io.BytesIO(picture.png), name, description=words)
    await complete_response(interaction, content=content, attachments=[file])
