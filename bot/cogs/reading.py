"""The commands that show a script."""

from __future__ import annotations

import asyncio
import io

import discord
from discord import app_commands

from ..i18n.catalogue import phrase, say
from ..screenplay.exporters.export_formats import FORMATS, Paper
from ..screenplay.fountain import fountain
from ..session.rate_limits import Cost
from ..session.replay import replay
from ..session.turn import MOST_LINES, RoomError
from ..ui import components, reading
from ..ui.components import Interaction
from ..ui.delivery import delivered, edited, reply_to
from ..ui.message_sync import page
from .commands import answered, for_scripts
from .turns import Turns

FORMAT_CHOICES = [app_commands.Choice(name=one.label, value=one.ending) for one in FORMATS.values()]
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
        script = await room.begun()
        await reply_to(interaction).defer(thinking=True, ephemeral=True)
        elements = await self.store.lines.load_elements(script.head)
        content, view = await page(script, elements, -1)
        attached = []
        if interaction.app_permissions.attach_files:
            text = await asyncio.to_thread(fountain, script.title, elements)
            name = f"{reading.file_name(script)}.fountain"
            attached.append(discord.File(io.BytesIO(text.encode()), filename=name))
        await delivered(interaction, content=content, view=view, attachments=attached)

    @answered
    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page was pressed."""
        room = self._room(interaction)
        running = await room.script()
        if running.id != script:
            raise RoomError(say("Another script runs here now: read it with {/script show}."))
        if running.head is None:
            raise RoomError(say("The script has no line any more: write one, or use {/continue}."))
        await reply_to(interaction).defer()
        content, view = await page(
            running, await self.store.lines.load_elements(running.head), number
        )
        await edited(interaction, content=content, view=view)

    @script.command(name="export")
    @app_commands.describe(
        format="What kind of file",
        paper="For a PDF, and for HTML that is printed",
        scene_numbers="Number the scenes",
    )
    @app_commands.choices(format=FORMAT_CHOICES, paper=PAPERS)
    @answered
    async def export(
        self,
        interaction: Interaction,
        format: str,  # noqa: A002 - it is what people see
        paper: str = Paper.LETTER.value,
        scene_numbers: bool = False,
    ) -> None:
        """Download the script, with a title page that says who wrote it"""
        form, size = FORMATS[format], Paper(paper)
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
        script = await room.begun()
        self._pay(
            interaction, Cost(characters=await self.store.lines.count_characters(script.head))
        )
        await reply_to(interaction).defer(thinking=True, ephemeral=not everyone)
        found = await self._patiently(
            interaction, lambda patience: replay(room, patience), components.REPLAY
        )
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
