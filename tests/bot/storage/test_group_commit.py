"""Test that changes of channels that share a transaction are as if each had come alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, event

from bot.errors import AlreadyWritten, HeadMoved, TransactionFailed
from bot.storage.group_commit import GROUP_SIZE
from bot.storage.schema import Line, PostedLine, Script
from bot.storage.store import Store
from tests.bot.conftest import BOTH, count, on_a_file

from .test_store import a_draft, a_script, store

__all__ = ["store"]

DATABASES = BOTH

CHANNELS = 8


@pytest.fixture
async def scripts(store: Store) -> list[Script]:
    return [await store.scripts.create_script(a_script(channel)) for channel in range(CHANNELS)]


@pytest.fixture
def commits(store: Store, where: Path | URL) -> list[int]:
    """Collect how many lines another program sees at each commit of the bot."""
    seen: list[int] = []

    def note(_connection: Connection) -> None:
        seen.append(count(where, "lines"))

    event.listen(store._database._engine.sync_engine, "commit", note)
    return seen


async def append(store: Store, script: Script, delivery: str = "") -> list[Line]:
    words = delivery or f"Rain {script.channel}."
    return await store.lines.append_lines(script, script.head, [a_draft(words)], words)


async def at_once(store: Store, scripts: Sequence[Script]) -> list[list[Line] | BaseException]:
    written = [append(store, script) for script in scripts]
    return await asyncio.gather(*written, return_exceptions=True)


async def test_turns_that_wait_share_a_flush_and_nobody_sees_them_before(
    store: Store, scripts: list[Script], commits: list[int], where: Path | URL
):
    written = await at_once(store, scripts)
    assert [line.text for [line] in written] == [f"Rain {n}." for n in range(CHANNELS)]
    assert commits == [0]
    assert count(where, "lines") == CHANNELS


async def test_no_more_of_them_share_one_than_are_meant_to(
    store: Store, scripts: list[Script], commits: list[int]
):
    script = scripts[0]
    [line] = await append(store, script)
    commits.clear()
    posts = [
        store.messages.record_post(
            PostedLine(message=message, channel=1, line=line.id, look="cards", name=None), line
        )
        for message in range(2 * GROUP_SIZE + 1)
    ]
    await asyncio.gather(*posts)
    assert len(commits) == 3


async def test_one_that_fails_leaves_the_others_as_if_it_had_come_alone(
    store: Store, scripts: list[Script], where: Path | URL
):
    await append(store, scripts[3], "again")
    before = count(where, "lines")
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
    assert all(isinstance(one, list) for one in [*results[:3], *results[5:]])
    assert count(where, "lines") == before + len(results) - 2


@on_a_file
async def test_where_the_disk_fails_all_are_told_and_nothing_is_there(
    store: Store, scripts: list[Script], where: Path | URL
):
    async with store._database.reading() as session:
        connection = await session.connection()
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    long = [
        store.lines.append_lines(s, None, [a_draft("Rain. " * 5000)], str(s.id)) for s in scripts
    ]
    results = await asyncio.gather(*long, return_exceptions=True)
    assert {type(one) for one in results} == {TransactionFailed}
    assert count(where, "lines") == 0
    async with store._database.reading() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("PRAGMA max_page_count = 1073741823")
    assert all(isinstance(one, list) for one in await at_once(store, scripts))


@on_a_file
async def test_while_the_file_is_locked_all_are_told_at_once(
    store: Store, scripts: list[Script], where: Path | URL
):
    begun: list[str] = []

    def note(_connection: object, _cursor: object, words: str, *_: object) -> None:
        begun.extend([words] if words.startswith("BEGIN") else [])

    event.listen(store._database._engine.sync_engine, "before_cursor_execute", note)
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await at_once(store, scripts)
        other.rollback()
    assert {type(one) for one in results} == {TransactionFailed}
    assert len(begun) == 1
    assert all(isinstance(one, list) for one in await at_once(store, scripts))


async def test_it_goes_on_after_a_host_that_cancels_what_it_does_not_know(
    store: Store, scripts: list[Script]
):
    written = asyncio.ensure_future(at_once(store, scripts[:2]))
    while not store._database._group._writer:  # noqa: ASYNC110 - the task is cancelled before it has begun
        await asyncio.sleep(0)
    store._database._group._writer.cancel()
    results = await written
    assert {type(one) for one in results} == {asyncio.CancelledError}
    assert all(isinstance(one, list) for one in await at_once(store, scripts))


async def test_the_message_of_a_script_that_is_deleted_meanwhile_is_not_noted(
    store: Store, scripts: list[Script], where: Path | URL
):
    [line] = await append(store, scripts[0])
    await store.scripts.delete_script(scripts[0].id)
    post = PostedLine(message=5, channel=1, line=line.id, look="cards", name=None)
    await store.messages.record_post(post, line)
    assert count(where, "posted_lines") == 0


async def test_who_does_not_wait_for_the_end_takes_nobody_along(
    store: Store, scripts: list[Script], where: Path | URL
):
    written = [asyncio.ensure_future(append(store, script)) for script in scripts]
    await asyncio.sleep(0)
    for one in written[::2]:
        one.cancel()
    results = await asyncio.gather(*written, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in results[::2])
    assert all(isinstance(one, list) for one in results[1::2])


async def test_it_does_not_close_before_all_is_written(where: Path | URL):
    store = await Store.open(where)
    script = await store.scripts.create_script(a_script())
    written = asyncio.ensure_future(append(store, script))
    await asyncio.sleep(0)
    written.cancel()
    await store.close()
    assert count(where, "lines") == 1
    with pytest.raises(TransactionFailed):
        await append(store, script, "late")
