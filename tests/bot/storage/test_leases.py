"""Test leases: only one of several processes has a shard, and writes for it."""

import asyncio
import logging
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
from tests.tools.postgres_server import WRITER_WAITS, Server, ask, wait_until

from .scripts import append, make_draft, make_script, opened

ALL = Shards.all_of(2)


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch: pytest.MonkeyPatch):
    """Keep leases from expiring by themselves, and shorten all other waits."""
    monkeypatch.setattr(leases, "LEASE_DURATION", 600.0)
    monkeypatch.setattr(leases, "RENEWAL_INTERVAL", 0.2)
    monkeypatch.setattr(leases, "ACQUIRE_INTERVAL", 0.02)
    monkeypatch.setattr(leases, "IDENTIFY_INTERVAL", 0.3)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.02)


class Process(Lease):
    """The lease of a process that has its shards, or waits for them."""

    def __init__(self, url: URL, shards: Shards = ALL) -> None:
        self.lost = asyncio.Event()
        super().__init__(url, shards, self.lost.set)

    def stop_renewing(self) -> None:
        """Stop renewing the lease, as a process that is suspended."""
        assert self._renewal is not None
        self._renewal.cancel()


@asynccontextmanager
async def holder(url: URL, shards: Shards = ALL) -> AsyncIterator[Process]:
    """Start a process, and wait until it has its shards."""
    async with Process(url, shards) as started:
        await started.acquire()
        yield started


@asynccontextmanager
async def holder_with_store(url: URL) -> AsyncIterator[tuple[Process, Store]]:
    async with holder(url) as started, opened(url, started.guard) as store:
        yield started, store


def expire(url: URL) -> None:
    """Let all leases expire."""
    ask(url, "UPDATE leases SET expires = clock_timestamp() - interval '1 s'")


async def test_a_process_waits_until_its_shards_are_given_back(
    url: URL, caplog: pytest.LogCaptureFixture
):
    async with Process(url) as second:
        async with holder(url) as first:
            assert first.held
            with caplog.at_level(logging.INFO, "onbook.leases"):
                waiting = asyncio.create_task(second.acquire())
                for shard in (Shards([1], 2), Shards([0], 2)):
                    async with Process(url, shard) as other:
                        with pytest.raises(TimeoutError):
                            await asyncio.wait_for(other.acquire(), 0.2)
                        assert not other.held
            assert not waiting.done()
            assert first.explain_missing() == ""
            assert second.explain_missing() == (
                "This process is waiting for shards 0 to 1 of 2: "
                f"{second._holder} has shard 0 of 2."
            )
        await asyncio.wait_for(waiting, PATIENCE)
        assert second.held
        assert second.explain_missing() == ""
        assert not first.held
        assert not first.lost.is_set()
    messages = [record.getMessage() for record in caplog.records]
    assert [message for message in messages if "waiting for shards" in message] == [
        f"waiting for shards 0 to 1 of 2: {second._holder} has shard 0 of 2"
    ]


async def test_one_of_several_waiting_processes_acquires_the_shards(url: URL):
    processes = [Process(url) for _ in range(3)]
    for process in processes:
        await process.__aenter__()
    tasks = [asyncio.create_task(process.acquire()) for process in processes]
    for left in range(3, 0, -1):
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(tasks)) == (1, left - 1)
        [held] = [process for process in processes if process.held]
        await held.__aexit__()


@pytest.mark.parametrize(("shards", "revision"), [(Shards([3], 4), None), (Shards([0], 2), "pass")])
async def test_another_number_of_shards_or_an_upgrade_waits_for_the_old_processes(
    shards: Shards,
    revision: str | None,
    own_url: URL,
    add_revision: AddRevision,
    caplog: pytest.LogCaptureFixture,
):
    async with holder(own_url, Shards([1], 2)) as old, Process(own_url, shards) as new:
        if revision:
            add_revision(revision)
        waiting = asyncio.create_task(new.acquire())
        await until(lambda: "has shard 1 of 2" in caplog.text)
        assert not waiting.done()
        await old.__aexit__()
        await asyncio.wait_for(waiting, PATIENCE)
        assert new.held


async def test_a_lease_is_renewed_with_the_same_epoch(url: URL):
    query = "SELECT min(expires), max(epoch) FROM leases"
    async with holder(url) as first:
        [[expires, epoch]] = ask(url, query)
        await until(lambda: ask(url, query)[0][0] > expires)
        assert first.held
        assert ask(url, "SELECT DISTINCT epoch FROM leases") == [[epoch]] == [["1"]]


async def test_a_failure_to_renew_is_logged_once_and_so_is_its_end(
    own_url: URL, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "onbook.leases")
    query = "SELECT min(expires) FROM leases"
    async with holder(own_url) as first:
        caplog.clear()
        ask(own_url, "ALTER TABLE leases RENAME TO away")
        await until(lambda: "could not be renewed" in caplog.text)
        await asyncio.sleep(10 * leases.ACQUIRE_INTERVAL)
        ask(own_url, "ALTER TABLE away RENAME TO leases")
        [[expires]] = ask(own_url, query)
        await until(lambda: ask(own_url, query)[0][0] > expires)
        await until(lambda: "again" in caplog.text)
        assert first.held
    assert caplog.messages[:2] == [
        "shards 0 to 1 of 2 could not be renewed: ProgrammingError",
        "shards 0 to 1 of 2 could be renewed again",
    ]
    assert len([message for message in caplog.messages if "renewed" in message]) == 2


async def test_a_suspended_process_writes_nothing_after_it_lost_its_shards(url: URL):
    async with holder_with_store(url) as (first, store):
        script = await store.scripts.create_script(make_script())
        await append(store, script.id, "Rain.")
        first.stop_renewing()
        expire(url)
        # The lease has expired, but no other process has the shard yet.
        await append(store, script.id, "Snow.")
        async with holder_with_store(url) as (_, other):
            before = await store.scripts.get_script(script.id)
            for act in (
                store.lines.append_lines(before, before.head, [make_draft("Hail.")], "d"),
                store.key_values.save_value("a", "b"),
                store.scripts.delete_script(script.id),
            ):
                with pytest.raises(TransactionFailed) as refused:
                    await act
                assert refused.value.reason == "lost"
            assert first.lost.is_set()
            assert not first.held
            await append(other, script.id, "Fog.")
            path = await store.lines.load_path((await store.scripts.get_script(script.id)).head)
            assert [line.text for line in path] == ["Rain.", "Snow.", "Fog."]
        assert ask(url, "SELECT max(epoch) FROM leases") == [["2"]]


async def test_the_next_process_waits_for_the_transaction_of_the_last(url: URL):
    async with holder_with_store(url) as (first, store), Process(url) as second:
        first.stop_renewing()
        async with store._database.writing():
            expire(url)
            acquiring = asyncio.create_task(second.acquire())
            await wait_until(url, WRITER_WAITS)
            assert not acquiring.done()
        await asyncio.wait_for(acquiring, PATIENCE)


async def test_renewing_an_expired_lease_loses_it(url: URL):
    async with holder(url) as first:
        expire(url)
        await asyncio.wait_for(first.lost.wait(), PATIENCE)
        assert not first.held
        lost = "This process has lost shards 0 to 1 of 2 and is stopping."
        assert first.explain_missing() == lost


async def test_a_process_without_the_server_loses_its_shards_when_they_expire(
    url: URL, postgres: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leases, "LEASE_DURATION", 1.0)
    async with holder(url) as first:
        expires = first._until
        await asyncio.to_thread(postgres.stop)
        try:
            await asyncio.wait_for(first.lost.wait(), PATIENCE)
            assert asyncio.get_running_loop().time() >= expires
        finally:
            await asyncio.to_thread(postgres.start)


async def test_a_restart_of_the_server_loses_no_shard(url: URL, postgres: Server):
    async with holder(url) as first:
        await asyncio.to_thread(postgres.stop)
        await asyncio.to_thread(postgres.start)
        expires = first._until
        await until(lambda: first._until > expires)
        assert first.held
        assert not first.lost.is_set()


async def test_shards_of_a_bucket_identify_one_after_the_other(url: URL):
    async with Process(url, Shards([0], 2)) as first, Process(url, Shards([1], 2)) as second:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        ends = list[float]()

        async def identify(process: Process, bucket: int) -> None:
            await process.wait_to_identify(bucket)
            ends.append(loop.time())

        await asyncio.gather(*(identify(bot, 7) for bot in (first, second) for _ in range(2)))
        # Three pauses separate the four, however slow the machine is.
        assert ends[-1] - begun >= 3 * leases.IDENTIFY_INTERVAL
        [[planned]] = ask(url, "SELECT at FROM identified WHERE bucket = 7")
        await asyncio.gather(identify(first, 1), identify(second, 2))
        assert ask(url, "SELECT count(*) FROM identified") == [["3"]]
        assert ask(url, "SELECT at FROM identified WHERE bucket = 7") == [[planned]]
