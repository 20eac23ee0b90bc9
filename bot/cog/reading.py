"""The commands that show a script."""

from __future__ import annotations

import io

import discord
from discord import app_commands

from .. import reading
from ..board import page
from ..delivery import reply_to
from ..language import phrase, say
from ..limits import Cost
from ..printing import Format, Paper
from ..replay import replay
from ..room import MOST_LINES, Patience, RoomError
from ..script import fountain
from ..views import Interaction
from .commands import answered, for_scripts
from .turns import Turns

FORMATS = [
    app_commands.Choice(name=name, value=value.value)
    for name, value in {
        "Fountain": Format.FOUNTAIN,
        "PDF": Format.PDF,
        "Final Draft (fdx)": Format.FINAL_DRAFT,
        "HTML": Format.HTML,
        "Text (txt)": Format.TEXT,
    }.items()
]
PAPERS = [
    app_commands.Choice(name=phrase("US letter"), value=Paper.LETTER.value),
    app_commands.Choice(name="A4", value=Paper.A4.value),
]


class Reading(Turns):
    """Read a script."""

    script = for_scripts(
        app_commands.Group(name="script", description="Read the script of this channel")
    )

    @script.command(name="show")
    @answered
    async def show(self, interaction: Interaction) -> None:
        """Read the whole script, as a page and as a file"""
        room = self._room(interaction)
        script, lines = await room.script(), await room.lines()
        if not lines:
            raise RoomError(say("The script has no line yet: write one, or use {/continue}."))
        content, view = await page(script, lines, -1)
        file = discord.File(
            io.BytesIO(fountain(script.title, [line.element for line in lines]).encode()),
            filename=f"{reading.file_name(script)}.fountain",
        )
        attached = [file] if interaction.app_permissions.attach_files else []
        await reply_to(interaction).send_message(content, view=view, files=attached, ephemeral=True)

    @answered
    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page was pressed."""
        room = self._room(interaction)
        running = await room.script()
        if running.id != script:
            raise RoomError(say("Another script runs here now: read it with {/script show}."))
        lines = await room.lines()
        if not lines:
            raise RoomError(say("The script has no line any more: write one, or use {/continue}."))
        content, view = await page(running, lines, number)
        await reply_to(interaction).edit_message(content=content, view=view)

    @script.command(name="export")
    @app_commands.describe(
        format="What kind of file",
        paper="For a PDF, and for HTML that is printed",
        scene_numbers="Number the scenes",
    )
    @app_commands.choices(format=FORMATS, paper=PAPERS)
    @answered
    async def export(
        self,
        interaction: Interaction,
        format: str,  # noqa: A002 - it is what people see
        paper: str = Paper.LETTER.value,
        scene_numbers: bool = False,
    ) -> None:
        """Download the script, with a title page that says who wrote it"""
        form, size = Format(format), Paper(paper)
        room = self._room(interaction)
        await reading.send_export(interaction, room, form, size, scene_numbers=scene_numbers)

    @script.command(name="stats")
    @app_commands.describe(everyone="Show it to everybody here")
    @answered
    async def stats(self, interaction: Interaction, everyone: bool = False) -> None:
        """See who speaks and who wrote how much, and how long the script is"""
        await reading.send_stats(interaction, self._room(interaction), to_all=everyone)

    @script.command(name="replay")
    @app_commands.describe(everyone="Whether everybody here sees it")
    @answered
    async def replay(self, interaction: Interaction, everyone: bool = False) -> None:
        """Prove that the voice's lines came from their seeds and settings"""
        room = self._room(interaction)
        written = sum(len(line.text) for line in await room.lines())
        self._pay(interaction, Cost(characters=written))
        await reply_to(interaction).defer(thinking=True, ephemeral=not everyone)
        patience = self._turns.setdefault(interaction.id, Patience())
        try:
            work = replay(room, patience)
            found = await self._shown_until(interaction, work, patience)
        finally:
            self._turns.pop(interaction.id, None)
        await reading.send_replay(interaction, found)

    @app_commands.command(name="surprise")
    @app_commands.describe(
        lines="How many of the last lines, from 1 to 10",
        everyone="Show it to everybody here",
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
        await reading.send_surprise(interaction, self._room(interaction), lines, to_all=everyone)
