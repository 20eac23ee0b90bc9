"""Test that gateway sessions survive lost connections until Discord invalidates them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bot.app import gateway
from bot.app.client import Bot
from bot.settings import RunnerSettings
from bot.sharding import Shards
from bot.storage.postgres import leases
from tests.bot.conftest import bot_at, discord_here
from tests.bot.playing import begin_script
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import PATIENCE, Discord
from tests.soak.faults import HANDSHAKE, sessions

LOST = "session: invalid"
"""The only fault after which another session must begin."""


@dataclass
class Host:
    """A Discord, and a bot with several shards."""

    discord: Discord
    bot: Bot
    shards: int

    async def count_sessions(self) -> tuple[int, int, int]:
        """Count the sessions that began after the first ones, were resumed, and were lost."""
        counts = await self.discord.counts()
        begun = counts["identifies"] - self.shards
        return begun, counts.get("resumes", 0), counts.get("lost sessions", 0)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip all delays, and collect their upper bounds in seconds."""
    found = list[float]()
    monkeypatch.setattr(gateway.random, "uniform", lambda _, most: found.append(most) or 0.0)
    monkeypatch.setattr(leases, "IDENTIFY_INTERVAL", 0.0)
    return found


@asynccontextmanager
async def hosted(chosen: RunnerSettings, shards: int, **world: Any) -> AsyncIterator[Host]:
    async with (
        discord_here(**world) as discord,
        bot_at(discord, chosen, Shards.all_of(shards)) as bot,
    ):
        yield Host(discord, bot, shards)


@pytest.fixture
async def host(chosen: RunnerSettings) -> AsyncIterator[Host]:
    async with hosted(chosen, 3) as found:
        yield found


async def test_only_invalidated_sessions_begin_again(host: Host):
    faults = sessions(host.discord)
    lost = faults.pop(LOST)
    for times, (name, fault) in enumerate(faults.items(), 1):
        await fault()
        await host.discord.bot_is_ready()
        assert await host.count_sessions() == (0, times * host.shards, 0), name
    for times in (1, 2):
        await lost()
        await host.discord.bot_is_ready()
        begun, _, invalid = await host.count_sessions()
        assert (begun, invalid) == (times * host.shards, times * host.shards)


async def test_random_faults_begin_no_needless_sessions(host: Host):
    chance = random.Random(1)
    of_session = sessions(host.discord)
    for _ in range(12):
        await of_session[chance.choice(list(of_session))]()
        # Sometimes the next fault comes while the bot is still away or does not know its new
        # session.
        if chance.random() < 0.7:
            await host.discord.bot_is_ready()
    await host.discord.mend()
    await sessions(host.discord)["session: reconnect"]()
    await host.discord.bot_is_ready()
    begun, resumed, lost = await host.count_sessions()
    assert begun <= lost
    assert resumed > 0


async def test_events_during_a_lost_connection_arrive(host: Host):
    guild = await host.discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    begun = await begin_script(ann, channel)
    await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=2)
    await host.discord.drop()
    await (await ann.click(begun, "Continue")).is_done()
    assert await host.count_sessions() == (0, host.shards, 0)


async def test_session_is_resumed_elsewhere_if_its_own_address_fails(chosen: RunnerSettings):
    async with hosted(chosen, 1) as host:
        for failures, elsewhere in ((0, 0), (1, 1), (0, 1), (3, 2), (0, 2)):
            if failures:
                await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=failures)
            await host.discord.drop()
            await host.discord.bot_is_ready()
            counts = await host.discord.counts()
            assert counts.get("resumes elsewhere", 0) == elsewhere


async def test_delays_grow_until_a_connection_is_made(chosen: RunnerSettings, waits: list[float]):
    async with hosted(chosen, 1) as host:
        for failures in (3, 1):
            await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=failures)
            await host.discord.drop()
            await host.discord.bot_is_ready()
    assert waits == [gateway.INITIAL_MAX_DELAY * times for times in (1, 2, 4, 1)]


async def test_repeated_failures_count_as_one_lost_connection(
    chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    async with hosted(chosen, 1) as host:
        events = asyncio.Queue[str]()
        await host.bot.wait_until_ready()
        monkeypatch.setattr(host.bot.meter, "count", lambda _, event: events.put_nowait(event))
        await host.discord.fail(Kind.STATUS, *HANDSHAKE, most=3)
        await host.discord.drop()
        async with asyncio.timeout(PATIENCE):
            assert [await events.get(), await events.get()] == ["lost", "resumed"]


async def test_bot_can_be_closed_while_it_reconnects(host: Host, monkeypatch: pytest.MonkeyPatch):
    await host.bot.wait_until_ready()
    lost = asyncio.Event()
    monkeypatch.setattr(host.bot.meter, "count", lambda *_: lost.set())
    await host.discord.fail(Kind.SILENCE, *HANDSHAKE, most=host.shards)
    await host.discord.drop()
    async with asyncio.timeout(PATIENCE):
        await lost.wait()


def test_delays_are_bounded(waits: list[float]):
    backoff = gateway.Backoff(lambda: None)
    for _ in range(20):
        backoff.delay()
    assert max(waits) == gateway.MAX_DELAY
    assert waits == sorted(waits)


async def test_shards_identify_one_after_the_other(
    chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leases, "IDENTIFY_INTERVAL", 0.3)
    async with hosted(chosen, 3, concurrency=1, identify_every=0.2) as host:
        await sessions(host.discord)[LOST]()
        await host.discord.bot_is_ready()
        assert await host.count_sessions() == (3, 0, 3)
        assert "identifies too soon" not in await host.discord.counts()
