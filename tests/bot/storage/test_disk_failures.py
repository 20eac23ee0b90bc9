"""Test a full disk, and a read-only or locked database: one sentence, and nothing half written."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from tests.bot.conftest import Stage, answer, start_script

LONG = "\n\n".join(f"Rain {n}. {'It falls. ' * 55}" for n in range(10))


async def pragma(stage: Stage, statement: str) -> object:
    """Run a pragma on the bot's own connection."""
    async with stage.store._database.reading() as session:
        found = await session.connection()
        result = await found.exec_driver_sql(f"PRAGMA {statement}")
        return result.scalar() if result.returns_rows else None


async def fill(stage: Stage) -> Callable[[], Awaitable[object]]:
    """Leave the file no room to grow."""
    await pragma(stage, f"max_page_count = {await pragma(stage, 'page_count')}")
    return lambda: pragma(stage, "max_page_count = 1073741823")


async def only_read(stage: Stage) -> Callable[[], Awaitable[object]]:
    """Make the bot's connection read-only."""
    await pragma(stage, "query_only = ON")
    return lambda: pragma(stage, "query_only = OFF")


async def lock(stage: Stage) -> Callable[[], Awaitable[object]]:
    """Lock the database as another program that writes and does not end."""
    other = sqlite3.connect(stage.settings.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def release() -> None:
        other.rollback()
        other.close()

    return release


@pytest.mark.parametrize(
    ("fail", "said"),
    [(fill, "is full"), (only_read, "is read-only"), (lock, "Another program is using")],
)
async def test_the_command_says_so_and_it_goes_on_when_the_disk_does(
    stage: Stage,
    fail: Callable[[Stage], Awaitable[Callable[[], Awaitable[object]]]],
    said: str,
    caplog: pytest.LogCaptureFixture,
):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="Snow.")
    before = await stage.lines()
    mend = await fail(stage)
    told = answer(await stage.ben.slash(stage.channel, "write", text=LONG))
    assert told.ephemeral
    assert said in told.content
    assert "Here is your text" in told.content
    told = answer(await stage.ben.slash(stage.channel, "continue", lines=10))
    assert told.ephemeral
    assert said in told.content or fail is fill  # a short line may still find room
    assert "It falls" not in caplog.text
    await mend()
    if fail is not fill:
        assert await stage.lines() == before
    assert not [line for line in await stage.lines() if "It falls" in line]
    await stage.ben.slash(stage.channel, "write", text="Hail.")
    assert (await stage.lines())[-1] == "Hail."
    await stage.restart()
    assert (await stage.lines())[-1] == "Hail."
    with closing(sqlite3.connect(stage.settings.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
