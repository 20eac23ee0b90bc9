"""Transactions that share a flush, on a real file whose flushes can be held up."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.database import NotKept
from bot.flushes import Flushes
from bot.store import Store


class Gate:
    """Holds up the disk, and counts how often it was asked to flush."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked = 0
        self.fails = False
        self._flush = os.fsync

    def __call__(self, file: int) -> None:
        self.asked += 1
        assert self.open.wait(10)
        if self.fails:
            raise OSError(5, "the disk is broken")
        self._flush(file)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(os, "fsync", gate)
    yield gate
    gate.open.set()


async def begun(tasks: list[asyncio.Task[None]]) -> None:
    """Lets tasks go on until each waits for the disk."""
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in tasks)


async def test_who_comes_while_one_goes_on_shares_the_next(tmp_path: Path, gate: Gate):
    (tmp_path / "s.db-wal").touch()
    flushes = Flushes(tmp_path / "s.db")
    first = [asyncio.create_task(flushes.flush())]
    await begun(first)
    others = [asyncio.create_task(flushes.flush()) for _ in range(9)]
    await begun(first + others)
    assert gate.asked == 1
    gate.open.set()
    await asyncio.gather(*first, *others)
    assert gate.asked == 2
    await flushes.flush()
    assert gate.asked == 3


async def test_who_gives_up_takes_nothing_from_the_others(tmp_path: Path, gate: Gate):
    (tmp_path / "s.db-wal").touch()
    flushes = Flushes(tmp_path / "s.db")
    gone, stays = (asyncio.create_task(flushes.flush()) for _ in range(2))
    await begun([gone, stays])
    gone.cancel()
    gate.open.set()
    await stays
    await flushes.end()
    assert gone.cancelled()


async def test_a_line_is_not_kept_before_it_is_on_the_disk(tmp_path: Path, gate: Gate):
    gate.open.set()
    store = await Store.open(tmp_path / "s.db")
    gate.open.clear()
    noted = asyncio.create_task(store.note_fact("a", "1"))
    await begun([noted])
    # Meanwhile others read and write on.
    assert await store.fact("a") == "1"
    gate.open.set()
    await noted
    gate.fails = True
    with pytest.raises(NotKept):
        await store.note_fact("a", "2")
    await store.close()
