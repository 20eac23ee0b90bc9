"""Test a full disk, and a read-only or locked database: one sentence, and nothing half written."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from bot.storage.store import Store
from tests.bot.conftest import Stage, answer, start_script

from .disk_faults import Repair, fill, lock, make_read_only

LONG = "\n\n".join(f"Rain {n}. {'It falls. ' * 55}" for n in range(10))


@pytest.mark.parametrize(
    ("fail", "reason"),
    [(fill, "is full"), (make_read_only, "is read-only"), (lock, "Another program is using")],
)
async def test_a_command_names_the_failure_and_writes_nothing(
    stage: Stage,
    fail: Callable[[Store], Awaitable[Repair]],
    reason: str,
    caplog: pytest.LogCaptureFixture,
):
    await start_script(stage)
    before = await stage.lines()
    repair = await fail(stage.store)
    refused = answer(await stage.ben.slash(stage.channel, "write", text=LONG))
    assert refused.ephemeral
    assert reason in refused.content
    assert "Here is what you wrote" in refused.content
    refused = answer(await stage.ben.slash(stage.channel, "continue", lines=10))
    assert refused.ephemeral
    assert reason in refused.content or fail is fill  # a short line may still find room
    assert "It falls" not in caplog.text
    await repair()
    if fail is not fill:
        assert await stage.lines() == before
    assert not [line for line in await stage.lines() if "It falls" in line]
    await stage.ben.slash(stage.channel, "write", text="Hail.")
    await stage.restart()
    assert (await stage.lines())[-1] == "Hail."
    with closing(sqlite3.connect(stage.settings.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
