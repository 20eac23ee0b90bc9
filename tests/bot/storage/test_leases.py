"""Test leases: one of several processes has a shard, and writes there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import URL

from bot.errors import TransactionFailed
from bot.sharding import Shards
from bot.storage.postgres import leases
from bot.storage.postgres.leases import Lease
from bot.storage.store import Store
from tests.bot.conftest import AddRevision
from tests.fake_discord.people import PATIENCE
from tests.tools.postgres_server import Server, ask

from .test_postgres import wait_for
from .test_store import a_draft, a_script, append

ALL = Shards.all_of(2)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch):
    """Keep leases from running out by themselves, and shorten all other waits."""
    monkeypatch.setattr(leases, "LEASE_DURATION", 600.0)
    monkeypatch.setattr(leases, "RENEWAL_INTERVAL", 0.2)
    monkeypatch.setattr(leases, "ACQUIRE_INTERVAL", 0.02)
    monkeypatch.setattr(leases, "IDENTIFY_INTERVAL", 0.3)


SOMEBODY_WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'advisory'"
"""A query that is true while a process waits for its turn to write."""


async def until(found: Callable[[], bool]) -> None:
    """Wait until a condition holds."""

    def look() -> None:
        while not found():
            time.sleep(0.02)

    await asyncio.wait_for(asyncio.to_thread(look), PATIENCE)


class Process:
    """A process that has a lease, or waits for one."""

    def __init__(self, url: URL, shards: Shards) -> None:
        self.lost = asyncio.Event()
        self.lease = Lease(url, shards, self.lost.set)

    def stops(self) -> None:
        """Stop renewing the lease, without noticing."""
        keeping = self.lease._renewal
        assert keeping is not None
        keeping.cancel()


@asynccontextmanager
async def process(url: URL, shards: Shards = ALL) -> AsyncIterator[Process]:
    one = Process(url, shards)
    async with one.lease:
        yield one


@asynccontextmanager
async def a_store(url: URL, one: Process) -> AsyncIterator[Store]:
    store = await Store.open(url, guard=one.lease.guard)
    yield store
    await store.close()


def runs_out(url: URL) -> None:
    """Let all leases run out."""
    ask(url, "UPDATE leases SET expires = clock_timestamp() - interval '1 s'")


async def test_what_one_has_another_waits_for_until_it_is_given_back(
    url: URL, caplog: pytest.LogCaptureFixture
):
    async with process(url) as second:
        async with process(url) as first:
            await first.lease.acquire()
            assert first.lease.held
            with caplog.at_level(logging.INFO, "onbook.leases"):
                waiting = asyncio.create_task(second.lease.acquire())
                for shard in (Shards([1], 2), Shards([0], 2)):
                    async with process(url, shard) as other:
                        with pytest.raises(TimeoutError):
                            await asyncio.wait_for(other.lease.acquire(), 0.2)
                        assert not other.lease.held
            assert not waiting.done()
            assert first.lease.explain_missing() == ""
            assert second.lease.explain_missing() == (
                "This process is waiting for shards 0 to 1 of 2: "
                f"{second.lease._holder} has shard 0 of 2."
            )
        await asyncio.wait_for(waiting, PATIENCE)
        assert second.lease.held
        assert second.lease.explain_missing() == ""
        assert not first.lease.held
        assert not first.lost.is_set()
    said = [one.getMessage() for one in caplog.records if "waiting for shards" in one.getMessage()]
    assert said == [f"waiting for shards 0 to 1 of 2: {second.lease._holder} has shard 0 of 2"]


async def test_of_those_who_take_at_once_one_has_them(url: URL):
    every = [Process(url, ALL) for _ in range(4)]
    for one in every:
        await one.lease.__aenter__()
    tasks = [asyncio.create_task(one.lease.acquire()) for one in every]
    for left in range(4, 0, -1):
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(tasks)) == (1, left - 1)
        [holder] = [one for one in every if one.lease.held]
        await holder.lease.__aexit__()


async def test_shards_that_are_divided_otherwise_are_waited_for(
    url: URL, caplog: pytest.LogCaptureFixture
):
    async with process(url, Shards([1], 2)) as old, process(url, Shards([3], 4)) as new:
        await old.lease.acquire()
        waiting = asyncio.create_task(new.lease.acquire())
        await until(lambda: "has shard 1 of 2" in caplog.text)
        assert not waiting.done()
        await old.lease.__aexit__()
        await asyncio.wait_for(waiting, PATIENCE)
        assert new.lease.held


async def test_an_upgrade_waits_until_nobody_has_any_shard(
    postgres: Server, add_revision: AddRevision, caplog: pytest.LogCaptureFixture
):
    url = postgres.create()
    await (await Store.open(url)).close()
    async with process(url, Shards([0], 2)) as old, process(url, Shards([1], 2)) as new:
        await old.lease.acquire()
        add_revision("pass")
        waiting = asyncio.create_task(new.lease.acquire())
        await until(lambda: "waiting for shard 1 of 2" in caplog.text)
        assert not waiting.done()
        await old.lease.__aexit__()
        await asyncio.wait_for(waiting, PATIENCE)


async def test_it_is_kept_for_as_long_as_it_is_renewed(url: URL):
    async with process(url) as first:
        await first.lease.acquire()
        expires = "SELECT min(expires), max(epoch) FROM leases"
        [[before, epoch]] = ask(url, expires)
        await until(lambda: ask(url, expires) > [[before, epoch]])
        assert first.lease.held
        assert ask(url, "SELECT DISTINCT epoch FROM leases") == [[epoch]] == [["1"]]


async def test_one_that_was_stopped_writes_nothing_when_it_comes_back(url: URL):
    async with process(url) as first, a_store_of(url, first) as store:
        script = await store.scripts.create_script(a_script())
        await append(store, script.id, "Rain.")
        first.stops()
        runs_out(url)
        # No other process knows the script yet or has its shard.
        await append(store, script.id, "Snow.")
        async with process(url) as second, a_store_of(url, second) as other:
            before = await store.scripts.get_script(script.id)
            acts = (
                store.lines.append_lines(before, before.head, [a_draft("Hail.")], "d"),
                store.key_values.save_value("a", "b"),
                store.scripts.delete_script(script.id),
            )
            for act in acts:
                with pytest.raises(TransactionFailed) as refused:
                    await act
                assert refused.value.reason == "lost"
            assert first.lost.is_set()
            assert not first.lease.held
            await append(other, script.id, "Fog.")
            head = (await store.scripts.get_script(script.id)).head
            assert [line.text for line in await store.lines.load_path(head)] == [
                "Rain.",
                "Snow.",
                "Fog.",
            ]
        assert ask(url, "SELECT max(epoch) FROM leases") == [["2"]]


@asynccontextmanager
async def a_store_of(url: URL, one: Process) -> AsyncIterator[Store]:
    await one.lease.acquire()
    async with a_store(url, one) as store:
        yield store


async def test_whoever_takes_over_waits_for_what_is_being_written(url: URL):
    async with process(url) as first, a_store_of(url, first) as store, process(url) as second:
        first.stops()
        async with store._database.writing():
            runs_out(url)
            taking = asyncio.create_task(second.lease.acquire())
            await asyncio.to_thread(wait_for, url, SOMEBODY_WAITS)
            assert not taking.done()
        await asyncio.wait_for(taking, PATIENCE)


async def test_one_whose_lease_has_run_out_is_told_by_the_server(url: URL):
    async with process(url) as first:
        await first.lease.acquire()
        runs_out(url)
        await asyncio.wait_for(first.lost.wait(), PATIENCE)
        assert not first.lease.held
        assert (
            first.lease.explain_missing()
            == "This process has lost shards 0 to 1 of 2 and is stopping."
        )


async def test_one_that_does_not_reach_the_server_loses_them_in_time(
    url: URL, postgres: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leases, "LEASE_DURATION", 1.0)
    async with process(url) as first:
        await first.lease.acquire()
        before = first.lease._until
        await asyncio.to_thread(postgres.stop)
        try:
            await asyncio.wait_for(first.lost.wait(), PATIENCE)
            assert asyncio.get_running_loop().time() >= before
        finally:
            await asyncio.to_thread(postgres.start)


async def test_a_server_that_goes_and_comes_back_is_no_loss(url: URL, postgres: Server):
    async with process(url) as first:
        await first.lease.acquire()
        await asyncio.to_thread(postgres.stop)
        await asyncio.to_thread(postgres.start)
        before = first.lease._until
        await until(lambda: first.lease._until > before)
        assert first.lease.held
        assert not first.lost.is_set()


async def test_shards_of_a_bucket_identify_one_after_the_other(url: URL):
    async with process(url, Shards([0], 2)) as first, process(url, Shards([1], 2)) as second:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        ends = list[float]()

        async def identify(one: Process, bucket: int) -> None:
            await one.lease.wait_to_identify(bucket)
            ends.append(loop.time())

        both = (first, second)
        await asyncio.gather(*(identify(one, 7) for one in both for _ in range(2)))
        # Three pauses separate the four, however slow the machine is.
        assert ends[-1] - begun >= 3 * 0.3
        [[planned]] = ask(url, "SELECT at FROM identified WHERE bucket = 7")
        await asyncio.gather(
            *(identify(one, bucket) for one, bucket in zip(both, (1, 2), strict=True))
        )
        assert ask(url, "SELECT count(*) FROM identified") == [["3"]]
        assert ask(url, "SELECT at FROM identified WHERE bucket = 7") == [[planned]]
