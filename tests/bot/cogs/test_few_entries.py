"""Test that a newcomer meets few commands and buttons."""

from __future__ import annotations

import discord
from discord import app_commands

from tests.bot.conftest import Inside
from tests.bot.playing import begin_script


def test_the_picker_has_few_entries(inside: Inside):
    commands = inside.services.bot.tree.walk_commands()
    entries = [command for command in commands if not isinstance(command, app_commands.Group)]
    assert len(entries) <= 20
    on_messages = inside.services.bot.tree.get_commands(type=discord.AppCommandType.message)
    assert len(on_messages) <= 4


async def test_more_has_few_things_on_its_first_level(inside: Inside):
    panel = await begin_script(inside.ann, inside.channel)
    menu = await (await inside.ann.click(panel, "More…")).shows("What next")
    assert len(menu.labels) + len(menu.menus) <= 6
