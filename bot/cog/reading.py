"""The commands that show a script."""

from __future__ import annotations

import io

import discord
from discord import app_commands

from ..board import page
from ..room import RoomError
from ..store import Script
from ..views import Interaction
from .commands import answered, for_scripts
from .turns import Turns


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
            raise RoomError("The script has no line yet: write one, or use /continue.")
        content, view = page(script, lines, -1)
        file = discord.File(
            io.BytesIO((await room.fountain()).encode()), filename=f"{_file_name(script)}.fountain"
        )
        attached = [file] if interaction.app_permissions.attach_files else []
        await interaction.response.send_message(content, view=view, files=attached, ephemeral=True)

    @answered
    async def turn_page(self, interaction: Interaction, script: int, number: int) -> None:
        """A button under a page was pressed."""
        room = self._room(interaction)
        running = await room.script()
        if running.id != script:
            raise RoomError("Another script runs here now: read it with /script show.")
        lines = await room.lines()
        if not lines:
            raise RoomError("The script has no line any more: write one, or use /continue.")
        content, view = page(running, lines, number)
        await interaction.response.edit_message(content=content, view=view)


def _file_name(script: Script) -> str:
    letters = (one if one.isalnum() else "-" for one in script.title.lower())
    return "-".join(part for part in "".join(letters).split("-") if part)[:60] or "script"
