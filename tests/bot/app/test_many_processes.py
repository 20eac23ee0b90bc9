"""Test several processes of the real bot with one database, which divide the shards."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import URL

from bot.storage.postgres.write_lock import WRITE_LOCK
from tests.bot.conftest import count
from tests.bot.playing import begin_script, read_script, read_true_script
from tests.fake_discord.people import PATIENCE, Channel, Discord, Guild, Person
from tests.fake_discord.processes import PATIENCE as LONGEST_END
from tests.fake_discord.processes import Process, fake_discord, running_bot
from tests.tools.postgres_server import WRITER_WAITS, connection, find_free_port, wait_until

HURRY = 5
"""The factor by which leases run out, and shards identify, sooner."""


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    """Yield a Discord in which two shards may not identify at once."""
    with fake_discord(PATIENCE, shards=2, concurrency=1, identify_every=0.5) as address:
        async with Discord(address) as discord:
            yield discord


def wait_for_log(log: Path, words: str) -> None:
    while words not in log.read_text():
        time.sleep(0.02)


class Processes:
    """Processes of the bot that the test starts, and their logs."""

    def __init__(self, discord: Discord, folder: Path, stack: ExitStack, **chosen: Any) -> None:
        self._discord = discord
        self._folder = folder
        self._stack = stack
        self._chosen = chosen
        self.logs: list[Path] = []

    def start(self, shards: str | None = None, port: int = 0) -> Process:
        """Start a process with these shards, or all; a port other than 0 serves metrics."""
        log = self._folder / f"log {len(self.logs)}"
        self.logs.append(log)
        chosen = self._chosen | {"metrics_port": port} | ({"shards": shards} if shards else {})
        return self._stack.enter_context(
            running_bot(self._discord.address, self._folder, log, HURRY, **chosen)
        )

    async def start_and_wait(self, shards: str | None = None, port: int = 0) -> list[Process]:
        """Start a process that has these shards, and one that waits for them."""
        first = self.start(shards)
        await self._discord.bot_is_ready()
        second = self.start(shards, port)
        await asyncio.to_thread(wait_for_log, self.logs[-1], f":{first.pid} has shard 0 of")
        return [first, second]


@pytest.fixture
def processes(discord: Discord, voices: Path, url: URL, tmp_path: Path) -> Iterator[Processes]:
    """Yield a starter of processes with this database."""
    address = url.render_as_string(hide_password=False)
    with ExitStack() as stack:
        yield Processes(
            discord,
            tmp_path,
            stack,
            models=voices,
            model="tiny",
            threads=1,
            line_length=200,
            database_url=address,
            log_level="INFO",
        )


async def make_guild(discord: Discord, shard: int, shards: int) -> Guild:
    while True:
        guild = await discord.guild("The Playhouse")
        if (guild.id >> 22) % shards == shard:
            return guild


async def write_lines(person: Person, channel: Channel, *seeds: int) -> list[str]:
    """Let the voice write a line from each of these seeds; return the script."""
    for seed in seeds:
        await (await person.slash(channel, "settings", setting="seed", value=str(seed))).shows(
            "seed"
        )
        await (await person.slash(channel, "continue")).is_done()
    return await read_script(person, channel)


async def test_two_processes_share_the_shards(discord: Discord, processes: Processes):
    guilds = [await make_guild(discord, shard, 2) for shard in (0, 1)]
    async with discord.holding("GET", "gateway/bot"):
        for shards in ("0/2", "1/2"):
            processes.start(shards)
        await discord.until(lambda: discord.held == 2)
    await discord.bot_is_ready()

    async def play(guild: Guild) -> list[str]:
        channel, ann = await guild.channel("stage"), await guild.person("Ann")
        await begin_script(ann, channel)
        await write_lines(ann, channel, 1, 2)
        return await read_true_script(ann, channel)

    first, other = await asyncio.gather(*(play(guild) for guild in guilds))
    assert len(first) == 3
    assert first == other
    assert discord.refusals == []


async def test_another_process_writes_the_line_of_a_killed_one(
    discord: Discord, processes: Processes, url: URL
):
    guild = await discord.guild("The Playhouse")
    undisturbed, channel = await guild.channel("first"), await guild.channel("second")
    ann = await guild.person("Ann")
    first, _ = await processes.start_and_wait("0/1")
    for place in (undisturbed, channel):
        await begin_script(ann, place)
    await (await ann.slash(channel, "settings", setting="seed", value="1")).shows("seed")
    async with connection(url) as program:
        # The voice has written the line, and the process waits to store it.
        await program.execute(f"SELECT pg_advisory_lock({WRITE_LOCK})")
        await ann.slash(channel, "continue")
        await wait_until(url, WRITER_WAITS)
        first.kill()
        await discord.bot_is_gone()
    await discord.bot_is_ready()
    assert await write_lines(ann, channel, 1, 2) == await write_lines(ann, undisturbed, 1, 2)
    assert count(url, "lines") == 6


async def test_a_waiting_process_is_alive_but_not_ready(discord: Discord, processes: Processes):
    port = find_free_port()
    first, _ = await processes.start_and_wait("0/1", port)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def get(page: str) -> tuple[int, str]:
            async with session.get(page) as response:
                return response.status, await response.text()

        assert await get("/healthz") == (200, "alive\n")
        holder = f"{socket.gethostname()}:{first.pid}"
        why = f"This process is waiting for shard 0 of 1: {holder} has shard 0 of 1.\n"
        assert await get("/readyz") == (503, why)
        assert "\nprocess_resident_memory_bytes " in (await get("/metrics"))[1]
        third = processes.start("0/1")
        await asyncio.to_thread(wait_for_log, processes.logs[-1], f":{first.pid} has shard 0 of")
        third.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(third.wait, LONGEST_END) == 0
        assert first.is_alive()
        first.send_signal(signal.SIGTERM)
        await discord.bot_is_gone()
        await discord.bot_is_ready()
        # Discord counts the shard as ready before the process does.
        async with asyncio.timeout(PATIENCE):
            while await get("/readyz") != (200, "ready\n"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


STANDS_STILL = """
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND wait_event = 'ClientRead'
"""
"""A query that is true while the server has parsed a statement and awaits the order to execute
it."""


async def test_a_stopped_process_blocks_no_other(discord: Discord, processes: Processes, url: URL):
    guilds = [await make_guild(discord, shard, 2) for shard in (0, 1)]
    channels = [await guild.channel("stage") for guild in guilds]
    ann, ben = [await guild.person("Ann") for guild in guilds]
    first, other = processes.start("0/2"), processes.start("1/2")
    await discord.bot_is_ready()
    begun = await begin_script(ben, channels[1])
    processes.start("0/2")
    await asyncio.to_thread(wait_for_log, processes.logs[2], f":{first.pid} has shard 0 of")
    async with connection(url) as program, program.transaction():
        await program.execute("LOCK TABLE scripts IN SHARE MODE")
        await ann.slash(channels[0], "start", heading="INT. DINER - NIGHT")
        waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'relation'"
        await wait_until(url, waits)
        first.send_signal(signal.SIGSTOP)
    await wait_until(url, STANDS_STILL)
    # The stopped process holds a lock that every writer needs.
    await (await ben.click(begun, "Continue")).is_done()
    await asyncio.to_thread(wait_for_log, processes.logs[2], "Shard ID 0 has connected")
    first.send_signal(signal.SIGCONT)
    assert await asyncio.to_thread(first.wait, LONGEST_END) == 1
    assert other.is_alive()
    assert count(url, "scripts") == 1
    await begin_script(ann, channels[0])
    assert [
        len(await read_true_script(*who)) for who in zip((ann, ben), channels, strict=True)
    ] == [1, 2]
    assert count(url, "lines") == 3
