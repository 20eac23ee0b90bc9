"""Reading: what the commands show of a script that is there, as files and as pictures."""

from __future__ import annotations

import asyncio
import datetime as dt
import io

import discord

from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline
from ..screenplay.exporters.edition import edition
from ..screenplay.exporters.export_formats import ExportFormat, Paper, Printed
from ..screenplay.statistics import minutes, tally
from ..session import surprisal
from ..session.channel_session import Room
from ..session.replay import Replay
from ..session.turn import RoomError
from ..storage.schema import Script
from . import replay_report
from .components import Interaction
from .delivery import delivered, reply_to
from .images import page
from .images.page import Picture

MANY = 10
"""Lines of a script from which on a replay comes with a file."""


_ONE_LINE_COST = phrase(
    "What the last line cost the voice “{voice}”: {bits:.1f} bits a character. The darker, and the "
    "taller the bar, the more."
)
_LINES_COST = phrase(
    "What the last {lines} cost the voice “{voice}”: {bits:.1f} bits a character. The darker, and "
    "the taller the bar, the more."
)


def file_name(script: Script) -> str:
    """What a file of the script is called, without a suffix."""
    letters = (one if one.isalnum() else "-" for one in script.title.lower())
    return "-".join(part for part in "".join(letters).split("-") if part)[:60] or "script"


async def send_export(
    interaction: Interaction, room: Room, form: ExportFormat, paper: Paper, *, scene_numbers: bool
) -> None:
    """Sends the script as a file, to the one who asked."""
    script = await _opened(interaction, room)
    await reply_to(interaction).defer(thinking=True, ephemeral=True)
    lines = await room.store.lines.load_path(script.head)

    def work() -> Printed:
        today = dt.datetime.now(dt.UTC).date()
        elements = [line.element for line in lines]
        what = edition(script.title, elements, tally(lines), today, scene_numbers=scene_numbers)
        return form.write(what, paper)

    printed = await asyncio.to_thread(work)
    if len(printed.content) > interaction.filesize_limit:
        raise RoomError(
            say("That file is too large for Discord: choose the {*format} fountain or txt.")
        )
    content = say(
        "“{title}”, {lines}.", title=inline(script.title, 100), lines=many(len(lines), "line")
    )
    if printed.has_boxes:
        boxes = say(
            "The typeface of the PDF lacks some of its characters and shows boxes there: the other "
            "formats have them all."
        )
        content += f" {boxes}"
    file = discord.File(io.BytesIO(printed.content), f"{file_name(script)}.{form.ending}")
    await delivered(interaction, content=content, attachments=[file])


async def send_stats(interaction: Interaction, room: Room, *, to_all: bool) -> None:
    """Sends a picture of who says and who wrote how much."""
    script = await _opened(interaction, room)
    await reply_to(interaction).defer(thinking=True, ephemeral=not to_all)
    counted = await asyncio.to_thread(tally, await room.store.lines.load_path(script.head))
    picture = await asyncio.to_thread(page.stats, script.title, counted)
    content = (
        f"**{inline(script.title, 100)}**: {many(counted.lines, 'line')}, "
        f"{many(counted.words, 'word')}, {many(counted.scenes, 'scene')}, "
        f"{minutes(counted.pages)}."
    )
    words = page.stats_in_words(script.title, counted)
    await _send_picture(interaction, content, picture, f"{file_name(script)}-stats.png", words)


async def send_surprise(interaction: Interaction, room: Room, most: int, *, to_all: bool) -> None:
    """Sends a picture of what surprised the voice in the last lines."""
    script = await _opened(interaction, room)
    await reply_to(interaction).defer(thinking=True, ephemeral=not to_all)
    found = await surprisal.look(room, most)
    picture = await asyncio.to_thread(page.surprise, found)
    content = say(
        _ONE_LINE_COST if len(found.lines) == 1 else _LINES_COST,
        lines=many(len(found.lines), "line"),
        voice=inline(found.voice, 40),
        bits=found.average,
    )
    words = surprisal.in_words(found)
    await _send_picture(interaction, content, picture, f"{file_name(script)}-surprise.png", words)


async def send_replay(interaction: Interaction, found: Replay) -> None:
    """Sends what came of writing the voice's lines again."""
    files: list[discord.File] = []
    if found.lines > MANY and interaction.app_permissions.attach_files:
        rows = await asyncio.to_thread(replay_report.rows, found)
        files = [discord.File(io.BytesIO(rows.encode()), "replay.txt")]
    await delivered(
        interaction,
        content=replay_report.in_words(found),
        attachments=files,
        view=None,
    )


async def _opened(interaction: Interaction, room: Room) -> Script:
    """The script, where it has a line, and where files can be sent."""
    script = await room.begun()
    if not interaction.app_permissions.attach_files:
        raise RoomError(
            say(
                "I lack the permission **Attach Files** in this channel: ask somebody who manages "
                "it to grant that."
            )
        )
    return script


async def _send_picture(
    interaction: Interaction, content: str, picture: Picture, name: str, words: str
) -> None:
    """Sends a picture with its words, for who cannot see it."""
    if picture.has_boxes:
        boxes = say(
            "The typeface of the picture lacks some characters and shows boxes there: {/script "
            "show} has the whole script."
        )
        content += f" {boxes}"
    file = discord.File(io.BytesIO(picture.png), name, description=words)
    await delivered(interaction, content=content, attachments=[file])
