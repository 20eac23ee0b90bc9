"""Test that changes of channels that share a transaction are as if each had come alone."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import AlreadyWritten, HeadMoved, TransactionFailed
from bot.storage.group_commit import GROUP_SIZE
from bot.storage.schema import Line, Script
from bot.storage.store import Store
from tests.bot.conftest import BOTH, count, on_a_file

from .disk_faults import fill, lock
from .scripts import make_draft, make_post, make_script

DATABASES = BOTH

CHANNELS = 8


@pytest.fixture
async def scripts(store: Store) -> list[Script]:
    """Create a script in each channel."""
    return [await store.scripts.create_script(make_script(channel)) for channel in range(CHANNELS)]


async def append(store: Store, script: Script, delivery: str = "") -> list[Line]:
    text = delivery or f"Rain {script.channel}."
    return await store.lines.append_lines(script, script.head, [make_draft(text)], text)


async def append_all(store: Store, scripts: Sequence[Script]) -> list[list[Line] | BaseException]:
    appends = [append(store, script) for script in scripts]
    return await asyncio.gather(*appends, return_exceptions=True)


def are_written(results: Sequence[list[Line] | BaseException]) -> bool:
    return all(isinstance(result, list) for result in results)


async def test_waiting_changes_share_transactions_of_limited_size(
    store: Store, scripts: list[Script], where: Path | URL
):
    visible: list[int] = []

    @event.listens_for(store._database._engine.sync_engine, "commit")
    def record(_connection: Connection) -> None:
        """Record how many lines another program sees before a commit."""
        visible.append(count(where, "lines"))

    results = await append_all(store, scripts)
    assert [line.text for [line] in results] == [f"Rain {n}." for n in range(CHANNELS)]
    assert visible == [0]
    assert count(where, "lines") == CHANNELS
    visible.clear()
    [line], *_ = results
    posts = (make_post(message, line.id) for message in range(2 * GROUP_SIZE + 1))
    await asyncio.gather(*(store.messages.record_post(post, line) for post in posts))
    assert len(visible) == 3


async def test_a_change_that_fails_leaves_the_others(
    store: Store, scripts: list[Script], where: Path | URL
):
    await append(store, scripts[3], "again")
    results = await asyncio.gather(
        *(append(store, script) for script in scripts[:3]),
        append(store, scripts[4], "again"),
        append(store, scripts[3]),
        *(append(store, script) for script in scripts[6:]),
        return_exceptions=True,
    )
    assert isinstance(results[3], AlreadyWritten)
    # The head of this script has moved since the row was read.
    assert isinstance(results[4], HeadMoved)
    assert are_written([*results[:3], *results[5:]])
    assert count(where, "lines") == 1 + len(results) - 2


@on_a_file
async def test_a_full_disk_fails_all_changes(
    store: Store, scripts: list[Script], where: Path | URL
):
    repair = await fill(store)
    long = [
        store.lines.append_lines(script, None, [make_draft("Rain. " * 5000)], str(script.id))
        for script in scripts
    ]
    results = await asyncio.gather(*long, return_exceptions=True)
    assert {type(result) for result in results} == {TransactionFailed}
    assert count(where, "lines") == 0
    await repair()
    assert are_written(await append_all(store, scripts))


@on_a_file
async def test_a_locked_file_fails_all_changes_after_one_wait(store: Store, scripts: list[Script]):
    begins: list[str] = []

    @event.listens_for(store._database._engine.sync_engine, "before_cursor_execute")
    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        begins.extend([statement] if statement.startswith("BEGIN") else [])

    release = await lock(store)
    results = await append_all(store, scripts)
    await release()
    assert {type(result) for result in results} == {TransactionFailed}
    assert len(begins) == 1
    assert are_written(await append_all(store, scripts))


async def test_cancelling_the_writer_cancels_the_waiting_changes(
    store: Store, scripts: list[Script]
):
    """Check that the store goes on after a host, such as Red, has cancelled all tasks."""
    appending = asyncio.ensure_future(append_all(store, scripts[:2]))
    while not store._database._group._writer:  # noqa: ASYNC110 - the task is cancelled before it has begun
        await asyncio.sleep(0)
    store._database._group._writer.cancel()
    assert {type(result) for result in await appending} == {asyncio.CancelledError}
    assert are_written(await append_all(store, scripts))


async def test_cancelling_the_writer_while_it_retries_cancels_the_whole_group(store: Store):
    attempts = []

    async def cancel_second_attempt(_session: AsyncSession) -> None:
        attempts.append(1)
        if len(attempts) == 2:
            store._database._group._writer.cancel()
            await asyncio.sleep(0)

    async def fail(_session: AsyncSession) -> None:
        raise HeadMoved

    changes = [store._database.commit(make) for make in (cancel_second_attempt, fail, fail)]
    async with asyncio.timeout(10):
        results = await asyncio.gather(*changes, return_exceptions=True)
    assert {type(result) for result in results} == {asyncio.CancelledError}


async def test_a_message_of_a_deleted_script_is_not_recorded(
    store: Store, scripts: list[Script], where: Path | URL
):
    [line] = await append(store, scripts[0])
    await store.scripts.delete_script(scripts[0].id)
    await store.messages.record_post(make_post(5, line.id), line)
    assert count(where, "posted_lines") == 0


async def test_a_cancelled_caller_cancels_no_other_change(store: Store, scripts: list[Script]):
    appending = [asyncio.ensure_future(append(store, script)) for script in scripts]
    await asyncio.sleep(0)
    for task in appending[::2]:
        task.cancel()
    results = await asyncio.gather(*appending, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    assert are_written(results[1::2])


async def test_closing_commits_waiting_changes(
    store: Store, scripts: list[Script], where: Path | URL
):
    appending = asyncio.ensure_future(append(store, scripts[0]))
    await asyncio.sleep(0)
    appending.cancel()
    await store.close()
    assert count(where, "lines") == 1
    with pytest.raises(TransactionFailed):
        await append(store, scripts[0], "late")
