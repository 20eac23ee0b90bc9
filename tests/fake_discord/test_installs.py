"""Test people who have installed the bot, and use it where it is not a member."""

from collections.abc import Awaitable, Callable

import discord
import pytest
from discord import app_commands

from .conftest import Stage, code_of
from .people import Channel, Person
from .state import NotPossible

Command = Callable[[discord.Interaction], Awaitable[None]]


async def say_hello(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("Hello.")


async def register(
    stage: Stage, answer: Command = say_hello, **contexts: bool
) -> list[discord.Interaction]:
    """Register /say for people and servers that have installed the bot; return its interactions."""
    told = list[discord.Interaction]()

    @stage.client.tree.command(description="Say it")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(
        **{"guilds": True, "dms": True, "private_channels": True} | contexts
    )
    async def say(interaction: discord.Interaction) -> None:
        told.append(interaction)
        await answer(interaction)

    await stage.client.tree.sync()
    return told


async def find_elsewhere(stage: Stage) -> tuple[Channel, Person]:
    """Return a channel without the bot, and a person who has installed it."""
    guild = await stage.discord.guild("Elsewhere", has_bot=False)
    channel, ben = await guild.channel("hall"), await guild.person("Ben")
    await ben.install()
    return channel, ben


async def test_a_person_uses_the_bot_in_a_server_without_it(stage: Stage):
    async def answer(interaction: discord.Interaction) -> None:
        await say_hello(interaction)
        await interaction.edit_original_response(content="Hello again.")

    told = await register(stage, answer)
    channel, ben = await find_elsewhere(stage)
    await (await ben.slash(channel, "say")).shows("again")
    [seen] = told
    assert seen.context.guild
    assert seen.is_user_integration()
    assert not seen.is_guild_integration()
    assert not seen.app_permissions.send_messages
    assert stage.client.get_guild(seen.guild_id or 0) is None
    await channel.shows(("On Book", "Hello again."))
    # The bot receives no other events from the place, and may do nothing else there.
    unseen = stage.client.get_partial_messageable(channel.id)
    message = unseen.get_partial_message(channel.messages()[0].id)
    for asked in (unseen.send("Hello."), message.edit(content="Bye."), message.delete()):
        assert await code_of(asked) == 50001
    assert stage.client.heard == []


async def test_the_bot_has_no_access_to_private_channels(stage: Stage):
    told = await register(stage)
    ben, cid = await stage.guild.person("Ben"), await stage.guild.person("Cid")
    await ben.install()
    two = await stage.discord.private(ben, cid)
    await (await ben.slash(two, "say")).shows("Hello.")
    assert told[0].context.private_channel
    messages = stage.client.get_partial_messageable(two.id)
    assert await code_of(messages.send("And more.")) == 50001
    with pytest.raises(NotPossible, match="not there"):
        await stage.ann.slash(two, "say")
    with pytest.raises(NotPossible, match="not installed"):
        await cid.slash(two, "say")


async def test_a_command_is_offered_only_in_its_contexts(stage: Stage):
    await register(stage, dms=False, private_channels=False)
    await stage.ann.install()
    ben = await stage.guild.person("Ben")
    for channel in (await stage.ann.dm(), await stage.discord.private(stage.ann, ben)):
        with pytest.raises(NotPossible, match="no such command"):
            await stage.ann.slash(channel, "say")


async def test_a_server_without_the_bot_accepts_five_follow_ups(stage: Stage):
    async def answer(interaction: discord.Interaction) -> None:
        await say_hello(interaction)
        for number in range(5):
            await interaction.followup.send(f"{number}")
        assert await code_of(interaction.followup.send("5")) == 40094
        await interaction.edit_original_response(content="Enough.")

    await register(stage, answer)
    channel, ben = await find_elsewhere(stage)
    await (await ben.slash(channel, "say")).shows("Enough.")
    await channel.shows(*(("On Book", text) for text in ("Enough.", *"01234")))
