"""Serve a fake Discord in the tests' process, and connect a plain discord.py client to it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import discord
import pytest
from discord import app_commands

from .bot import at
from .people import BOT_MAY, Channel, Discord, Guild, Person
from .server import served
from .state import TOKEN, World

T = TypeVar("T")

ALLOWED = BOT_MAY | discord.Permissions(manage_webhooks=True).value


class Client(discord.Client):
    """A bot that keeps the messages and webhook changes that it receives."""

    def __init__(self) -> None:
        intents = discord.Intents(guilds=True, messages=True, webhooks=True)
        super().__init__(intents=intents, allowed_mentions=discord.AllowedMentions.none())
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.edited: list[discord.Message] = []
        self.webhooks_of: list[int] = []
        """The channels whose webhooks have changed, once for each change."""

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self.edited.append(payload.message)

    async def on_webhooks_update(self, channel: discord.abc.GuildChannel) -> None:
        self.webhooks_of.append(channel.id)


@dataclass
class Place:
    """A fake Discord with one server, one channel and one person."""

    world: World
    discord: Discord
    guild: Guild
    channel: Channel
    ann: Person


@dataclass
class Stage(Place):
    """A place with a client."""

    client: Client = field(default_factory=Client)

    @property
    def text_channel(self) -> discord.TextChannel:
        """Return the channel as the client knows it."""
        found = self.client.get_channel(self.channel.id)
        assert isinstance(found, discord.TextChannel)
        return found

    async def until_heard(self, count: int) -> list[discord.Message]:
        """Wait until the client has received this number of messages."""
        return await self.until(self.client.heard, count)

    async def until(self, found: list[T], count: int) -> list[T]:
        """Wait until the client has received this number of something, and return it."""
        async with asyncio.timeout(60):
            while len(found) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return found


async def code_of(asked: Any) -> int:
    """Return the error code with which Discord refuses a request."""
    with pytest.raises(discord.HTTPException) as refused:
        await asked
    return refused.value.code


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Yield a place without a bot."""
    world = World(time_to_answer=600)
    async with served(world) as address, Discord(address) as people:
        guild = await people.guild("The Playhouse", ALLOWED)
        channel, ann = await guild.channel("stage"), await guild.person("Ann")
        yield Place(world, people, guild, channel, ann)


@pytest.fixture
async def stage(place: Place) -> AsyncIterator[Stage]:
    """Yield a stage whose client is connected."""
    stage = Stage(**vars(place))
    with at(place.world.address):
        async with stage.client:
            running = asyncio.create_task(stage.client.start(TOKEN))
            await stage.client.wait_until_ready()
            yield stage
        await asyncio.wait([running])
