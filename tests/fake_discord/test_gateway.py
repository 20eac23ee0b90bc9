"""Test that the fake gateway keeps and loses sessions as Discord does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from .gateway import (
    ALREADY_AUTHENTICATED,
    DISPATCH,
    HELLO,
    IDENTIFY,
    INVALID_SEQUENCE,
    INVALID_SESSION,
    INVALID_SHARD,
    KEPT,
    RECONNECT,
    RESUME,
)
from .people import Channel, Discord, Person
from .processes import fake_discord
from .state import TOKEN

Told = dict[str, Any]


@dataclass
class Bot:
    """A bot whose frames the test sends by itself."""

    discord: Discord
    http: aiohttp.ClientSession
    channel: Channel
    ann: Person
    session: str = ""

    async def connects(self, path: str = "/") -> aiohttp.ClientWebSocketResponse:
        """Connect to the gateway."""
        socket = await self.http.ws_connect(path)
        assert (await socket.receive_json())["op"] == HELLO
        return socket

    async def begins(self, shard: tuple[int, int] = (0, 1)) -> aiohttp.ClientWebSocketResponse:
        """Begin a session, without reading from it."""
        socket = await self.connects()
        await socket.send_json({"op": IDENTIFY, "d": {"token": TOKEN, "shard": shard}})
        return socket

    async def is_ready(self) -> aiohttp.ClientWebSocketResponse:
        """Begin a session, and read its first events."""
        socket = await self.begins()
        self.session = (await socket.receive_json())["d"]["session_id"]
        assert (await socket.receive_json())["t"] == "GUILD_CREATE"
        await self.discord.bot_is_ready()
        return socket

    async def resumes(self, heard: int = 2) -> aiohttp.ClientWebSocketResponse:
        """Ask to resume the session."""
        socket = await self.connects("/session/")
        asked = {"token": TOKEN, "session_id": self.session, "seq": heard}
        await socket.send_json({"op": RESUME, "d": asked})
        return socket

    async def writes(self, text: str) -> None:
        """Send the bot an event: a person writes a message."""
        await self.ann.write(self.channel, text)

    async def lost(self) -> int:
        """Return how many sessions Discord has lost."""
        return (await self.discord.counts()).get("lost sessions", 0)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    """Yield a bot and a person who writes."""
    with fake_discord() as address:
        async with Discord(address) as discord, aiohttp.ClientSession(address) as http:
            guild = await discord.guild("The Playhouse")
            channel, ann = await guild.channel("stage"), await guild.person("Ann")
            yield Bot(discord, http, channel, ann)


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Return the code with which Discord closes a connection."""
    assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    return socket.close_code


async def is_resumed(bot: Bot) -> bool:
    """Return whether the session can be resumed; its connection stays."""
    socket = await bot.resumes()
    told = await socket.receive_json()
    assert told["op"] == DISPATCH or told == {"op": INVALID_SESSION, "d": False}
    return bool(told["op"] == DISPATCH)


async def told(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[tuple[str, str, int]]:
    """Return the names, texts and sequence numbers of the next events."""
    found: list[Told] = [await socket.receive_json() for _ in range(count)]
    return [(one["t"], one["d"].get("content", ""), one["s"]) for one in found]


async def test_missed_events_come_in_order_before_resumed(bot: Bot):
    first = await bot.is_ready()
    await bot.writes("A")
    assert await told(first, 1) == [("MESSAGE_CREATE", "A", 3)]
    await first.close(code=4000)
    await bot.writes("B")
    await bot.writes("C")
    # The bot received A, but resumes from before A.
    second = await bot.resumes(2)
    missed = [("MESSAGE_CREATE", text, 3 + number) for number, text in enumerate("ABC")]
    assert await told(second, 4) == [*missed, ("RESUMED", "", 6)]
    await bot.discord.bot_is_ready()
    await bot.writes("D")
    assert await told(second, 1) == [("MESSAGE_CREATE", "D", 7)]
    assert await bot.lost() == 0


@pytest.mark.parametrize(("code", "stays"), [(4000, True), (1000, False), (1001, False)])
async def test_a_session_ends_when_the_bot_closes_normally(bot: Bot, code: int, stays: bool):
    first = await bot.is_ready()
    await first.close(code=code)
    assert await is_resumed(bot) is stays
    assert await bot.lost() == 0


@pytest.mark.parametrize("politely", [True, False])
async def test_a_session_survives_a_lost_connection(bot: Bot, politely: bool):
    first = await bot.is_ready()
    await bot.discord.drop(politely=politely)
    assert (await first.receive()).type is not aiohttp.WSMsgType.TEXT
    assert await is_resumed(bot)


async def test_a_session_survives_requests_to_reconnect(bot: Bot):
    for again in (
        bot.discord.reconnect,
        lambda: bot.discord.invalidate(resumable=True),
    ):
        first = await bot.is_ready()
        await again()
        assert json.loads((await first.receive()).data)["op"] in (RECONNECT, INVALID_SESSION)
        await first.close(code=4000)
        assert await is_resumed(bot)
    assert await bot.lost() == 0


async def test_a_session_that_discord_has_lost_is_lost(bot: Bot):
    first = await bot.is_ready()
    await bot.discord.invalidate(resumable=False)
    assert await first.receive_json() == {"op": INVALID_SESSION, "d": False}
    assert not await is_resumed(bot)
    assert await bot.lost() == 1


@pytest.mark.parametrize(("seconds", "stays"), [(KEPT - 60, True), (KEPT + 1, False)])
async def test_a_session_is_kept_for_some_minutes(bot: Bot, seconds: float, stays: bool):
    await bot.is_ready()
    await bot.discord.drop()
    await bot.discord.let_time_pass(seconds)
    assert await is_resumed(bot) is stays
    assert await bot.lost() == int(not stays)


async def test_a_session_without_ready_is_lost(bot: Bot):
    await bot.discord.conditions(600, 600)
    first = await bot.begins()
    # Wait until Discord has counted the identify.
    while not (await bot.discord.counts()).get("identifies"):
        pass
    assert not bot.discord.bot_is_there
    await bot.discord.drop()
    assert (await first.receive()).type is aiohttp.WSMsgType.CLOSE
    assert await bot.lost() == 1


@pytest.mark.parametrize("heard", [0, 99])
async def test_an_invalid_sequence_number_closes_the_connection(bot: Bot, heard: int):
    await bot.is_ready()
    await bot.discord.drop()
    assert await close_code(await bot.resumes(heard)) == INVALID_SEQUENCE
    assert not await is_resumed(bot)


async def test_a_second_identify_closes_the_connection(bot: Bot):
    first = await bot.is_ready()
    await first.send_json({"op": IDENTIFY, "d": {"token": TOKEN}})
    assert await close_code(first) == ALREADY_AUTHENTICATED


async def test_there_is_no_shard_beyond_the_last(bot: Bot):
    assert await close_code(await bot.begins((2, 2))) == INVALID_SHARD
