"""Test that a gateway session survives every lost connection until Discord invalidates it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bot.app import gateway
from bot.app.client import Bot
from bot.settings import RunnerSettings
from bot.sharding import Shards
from bot.storage.postgres import leases
from tests.bot.cogs.test_concurrency import begin
from tests.fake_discord.bot import bot_here
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.server import served
from tests.fake_discord.state import World
from tests.soak.faults import HANDSHAKE, sessions

LOST = "session: invalid"
"""The only fault after which another session must begin."""

OTHERS = [one for one in sessions(Discord("")) if one != LOST]


@dataclass
class Host:
    """A Discord, and a bot with so many shards."""

    discord: Discord
    bot: Bot
    shards: int

    async def counted(self) -> tuple[int, int, int]:
        """Count the sessions that were begun after the first ones, resumed, and lost."""
        counts = await self.discord.counts()
        begun = counts["identifies"] - self.shards
        return begun, counts.get("resumes", 0), counts.get("lost sessions", 0)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip all waits, and collect their upper bounds in seconds."""
    found = list[float]()

    def note(_: float, most: float) -> float:
        found.append(most)
        return 0.0

    monkeypatch.setattr(gateway.random, "uniform", note)
    monkeypatch.setattr(leases, "IDENTIFY_INTERVAL", 0.0)
    return found


@pytest.fixture
async def host(chosen: RunnerSettings) -> AsyncIterator[Host]:
    """Yield a bot with several shards."""
    async with hosted(chosen, 3) as found:
        yield found


@asynccontextmanager
async def hosted(chosen: RunnerSettings, shards: int, **world: Any) -> AsyncIterator[Host]:
    """Start a bot with so many shards."""
    async with (
        served(World(PATIENCE, **world)) as address,
        Discord(address) as discord,
        bot_here(address, chosen, Shards.all_of(shards)) as bot,
    ):
        await discord.bot_is_ready()
        yield Host(discord, bot, shards)
        assert discord.refusals == []


async def test_a_session_that_is_not_lost_is_resumed(host: Host):
    of_session = sessions(host.discord)
    for times, name in enumerate(OTHERS, 1):
        await of_session[name]()
        await host.discord.bot_is_ready()
        assert await host.counted() == (0, times * host.shards, 0), name


async def test_a_session_that_is_lost_is_begun_once(host: Host):
    for times in (1, 2):
        await sessions(host.discord)[LOST]()
        await host.discord.bot_is_ready()
        assert await host.counted() == (times * host.shards, 0, times * host.shards)


async def test_no_more_sessions_are_begun_than_were_lost(host: Host):
    chance = random.Random(1)
    of_session = sessions(host.discord)
    for _ in range(16):  # each kind twice, on average
        await of_session[chance.choice(list(of_session))]()
        # Sometimes the next fault comes while the bot is still away or does not know its new
        # session.
        if chance.random() < 0.7:
            await host.discord.bot_is_ready()
    await host.discord.mend()
    await sessions(host.discord)["session: reconnect"]()
    await host.discord.bot_is_ready()
    begun, resumed, lost = await host.counted()
    assert begun <= lost
    assert resumed > 0


async def test_what_people_do_while_a_connection_cannot_be_made_is_heard(host: Host):
    guild = await host.discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    begun = await begin(ann, channel)
    await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=2)
    await host.discord.drop()
    await (await ann.click(begun, "Continue")).is_done()
    assert await host.counted() == (0, host.shards, 0)


async def test_a_session_is_resumed_at_its_own_address_or_where_that_fails_at_the_first(
    chosen: RunnerSettings,
):
    async with hosted(chosen, 1) as host:
        for failures, elsewhere in ((0, 0), (1, 1), (0, 1), (3, 2), (0, 2)):
            if failures:
                await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=failures)
            await host.discord.drop()
            await host.discord.bot_is_ready()
            counts = await host.discord.counts()
            assert counts.get("resumes elsewhere", 0) == elsewhere


async def test_a_wait_grows_with_each_failure_until_there_is_a_connection(
    chosen: RunnerSettings, waits: list[float]
):
    async with hosted(chosen, 1) as host:
        for failures in (3, 1):
            await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=failures)
            await host.discord.drop()
            await host.discord.bot_is_ready()
    assert waits == [
        gateway.INITIAL_MAX_DELAY,
        2 * gateway.INITIAL_MAX_DELAY,
        4 * gateway.INITIAL_MAX_DELAY,
        gateway.INITIAL_MAX_DELAY,
    ]


async def test_a_connection_is_lost_once_however_often_it_cannot_be_made(
    chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    async with hosted(chosen, 1) as host:
        events, resumed = list[str](), asyncio.Event()

        def note(event: str) -> None:
            events.append(event)
            if event == "resumed":
                resumed.set()

        await host.bot.wait_until_ready()
        monkeypatch.setattr(host.bot.meter, "record_gateway_event", note)
        await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=3)
        await host.discord.drop()
        async with asyncio.timeout(PATIENCE):
            await resumed.wait()
        assert events == ["lost", "resumed"]


async def test_a_bot_can_be_ended_while_it_connects_anew(
    host: Host, monkeypatch: pytest.MonkeyPatch
):
    await host.bot.wait_until_ready()
    lost = asyncio.Event()
    monkeypatch.setattr(host.bot.meter, "record_gateway_event", lambda _: lost.set())
    await host.discord.fail(Kind.SILENCE, *HANDSHAKE, most=host.shards)
    await host.discord.drop()
    async with asyncio.timeout(PATIENCE):
        await lost.wait()


def test_nobody_waits_longer_than_the_longest(waits: list[float]):
    one = gateway.Backoff(lambda: None)
    for _ in range(20):
        one.delay()
    assert max(waits) == gateway.MAX_DELAY
    assert waits == sorted(waits)


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    """Return the seconds that Discord wants between two identifies."""
    monkeypatch.setattr(leases, "IDENTIFY_INTERVAL", 0.3)
    return 0.2


async def test_shards_that_have_lost_their_sessions_identify_one_after_the_other(
    chosen: RunnerSettings, in_turn: float
):
    async with hosted(chosen, 3, concurrency=1, identify_every=in_turn) as host:
        await sessions(host.discord)[LOST]()
        await host.discord.bot_is_ready()
        assert await host.counted() == (3, 0, 3)
        assert "identifies too soon" not in await host.discord.counts()
