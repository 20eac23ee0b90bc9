"""Test that the fake gateway keeps and loses sessions as Discord does."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from .conditions import BETWEEN_IDENTIFIES
from .conftest import Place
from .gateway import DISPATCH, HELLO, IDENTIFY, INVALID_SESSION, KEPT, RESUME
from .state import TOKEN

Socket = aiohttp.ClientWebSocketResponse

INVALID = {"op": INVALID_SESSION, "d": False}


@dataclass
class Bot(Place):
    """A bot whose frames the test sends by itself."""

    http: aiohttp.ClientSession
    session: str = ""

    async def connect(self, path: str = "/") -> Socket:
        socket = await self.http.ws_connect(path)
        assert (await socket.receive_json())["op"] == HELLO
        return socket

    async def identify(self) -> Socket:
        """Begin a session, without reading from it."""
        socket = await self.connect()
        await socket.send_json({"op": IDENTIFY, "d": {"token": TOKEN, "shard": (0, 1)}})
        return socket

    async def start(self) -> Socket:
        """Begin a session, and read its first events."""
        socket = await self.identify()
        self.session = (await socket.receive_json())["d"]["session_id"]
        assert (await socket.receive_json())["t"] == "GUILD_CREATE"
        await self.discord.bot_is_ready()
        return socket

    async def resume(self, heard: int = 2) -> Socket:
        socket = await self.connect("/session/")
        asked = {"token": TOKEN, "session_id": self.session, "seq": heard}
        await socket.send_json({"op": RESUME, "d": asked})
        return socket

    async def can_resume(self) -> bool:
        """Return whether the session can be resumed; its connection stays."""
        told = await (await self.resume()).receive_json()
        assert told["op"] == DISPATCH or told == INVALID
        return bool(told["op"] == DISPATCH)

    @property
    def lost(self) -> int:
        """Return how many sessions Discord has lost."""
        return self.world.conditions.counts["lost sessions"]


@pytest.fixture
async def bot(place: Place) -> AsyncIterator[Bot]:
    """Yield a bot, and a person who writes."""
    async with aiohttp.ClientSession(place.world.address) as http:
        yield Bot(**vars(place), http=http)


async def read(socket: Socket, count: int) -> list[tuple[str, str, int]]:
    """Return the names, texts and sequence numbers of the next events."""
    found = [await socket.receive_json() for _ in range(count)]
    return [(event["t"], event["d"].get("content", ""), event["s"]) for event in found]


async def test_missed_events_come_in_order_before_resumed(bot: Bot):
    first = await bot.start()
    await bot.ann.write(bot.channel, "A")
    assert await read(first, 1) == [("MESSAGE_CREATE", "A", 3)]
    await first.close(code=4000)
    await bot.ann.write(bot.channel, "B")
    await bot.ann.write(bot.channel, "C")
    # The bot received A, but resumes from before A.
    second = await bot.resume(2)
    missed = [("MESSAGE_CREATE", text, 3 + number) for number, text in enumerate("ABC")]
    assert await read(second, 4) == [*missed, ("RESUMED", "", 6)]
    await bot.discord.bot_is_ready()
    await bot.ann.write(bot.channel, "D")
    assert await read(second, 1) == [("MESSAGE_CREATE", "D", 7)]
    assert bot.lost == 0


@pytest.mark.parametrize(("code", "stays"), [(4000, True), (1000, False), (1001, False)])
async def test_a_bot_may_end_its_session_with_its_connection(bot: Bot, code: int, stays: bool):
    await (await bot.start()).close(code=code)
    assert await bot.can_resume() is stays
    assert bot.lost == 0


@pytest.mark.parametrize(("seconds", "stays"), [(KEPT - 60, True), (KEPT + 1, False)])
async def test_a_session_is_kept_for_some_minutes(bot: Bot, seconds: float, stays: bool):
    await bot.start()
    await bot.discord.drop()
    await bot.discord.let_time_pass(seconds)
    assert await bot.can_resume() is stays
    assert bot.lost == int(not stays)


async def test_a_session_without_ready_is_lost(bot: Bot):
    await bot.discord.conditions(600, 600)
    first = await bot.identify()
    while not bot.world.conditions.counts["identifies"]:
        await bot.discord.counts()
    assert not bot.discord.bot_is_there
    await bot.discord.drop()
    assert (await first.receive()).type is aiohttp.WSMsgType.CLOSE
    assert bot.lost == 1


async def test_events_have_a_latency_and_identifies_a_pause(bot: Bot):
    await bot.discord.conditions(0.05, 0.1, limited=True)
    first = await bot.start()
    assert await (await bot.identify()).receive_json() == INVALID
    began = time.perf_counter()
    await bot.ann.write(bot.channel, "A")
    assert await read(first, 1) == [("MESSAGE_CREATE", "A", 3)]
    assert time.perf_counter() - began >= 0.05
    await bot.discord.let_time_pass(BETWEEN_IDENTIFIES)
    assert (await (await bot.identify()).receive_json())["t"] == "READY"
    assert bot.world.conditions.counts["identifies too soon"] == 1
