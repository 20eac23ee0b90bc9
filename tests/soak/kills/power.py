"""Simulate power cuts: replay the recorded writes of a process on a disk that loses some of them.

A child writes as `rooms` does, while a preloaded library (``recorder.c``) records each write and
each flush. Then the power is cut at moments of that record: each file keeps its flushed content,
and in every second cut also a random part of its unflushed writes. The lines that were shown by
then must be there. The creation and the deletion of files are never lost.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, event

from bot.arrays import States
from bot.inference.model import Model
from tests.fake_discord.processes import ROOT

from .points import KillAt
from .rooms import live, shown_in
from .truth import Found, Truth

MODES = ("FULL", "NORMAL")
"""SQLite's settings of ``synchronous``."""

TRANSACTIONS = 400
"""The default number of transactions of a child."""

SOURCE = Path(__file__).with_name("recorder.c")

SHOWN = "shown"
"""The file of shown lines, of which nothing is lost."""


@dataclass(frozen=True)
class Entry:
    """An operation of a process on a file."""

    op: str
    """``write``, ``cut``, ``flush`` or ``gone``."""
    name: str
    at: int
    content: bytes

    def change(self, file: bytearray) -> None:
        """Apply the entry to the content of its file."""
        if self.op == "cut":
            del file[self.at :]
        file.extend(bytes(max(0, self.at - len(file))))
        file[self.at : self.at + len(self.content)] = self.content


@dataclass
class Disk:
    """The contents of files now, and after a power cut."""

    now: dict[str, bytearray] = field(default_factory=dict)
    flushed: dict[str, bytes] = field(default_factory=dict)
    since: dict[str, list[Entry]] = field(default_factory=dict)
    """The operations since the last flush."""

    def do(self, entry: Entry) -> None:
        """Apply a process's operation."""
        if entry.op == "gone":
            for files in (self.now, self.flushed, self.since):
                files.pop(entry.name, None)
            return
        file = self.now.setdefault(entry.name, bytearray())
        if entry.op == "flush":
            self.flushed[entry.name] = bytes(file)
            self.since[entry.name] = []
        else:
            entry.change(file)
            self.since.setdefault(entry.name, []).append(entry)

    def after_a_cut(self, share: float) -> dict[str, bytes]:
        """Return the files after a power cut, with a random share of the unflushed writes."""
        left: dict[str, bytes] = {}
        for name in self.now:
            file = bytearray(self.flushed.get(name, b""))
            for entry in self.since.get(name, []):
                if random.random() < share:
                    entry.change(file)
            left[name] = bytes(file)
        return left


def recorder(folder: Path) -> Path:
    """Compile the library; raise CalledProcessError, or FileNotFoundError without a compiler."""
    made = folder / "recorder.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(made), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return made


def cuts(
    voice: Path, folder: Path, times: int, transactions: int = TRANSACTIONS
) -> dict[str, Found]:
    """Cut the power a number of times in each mode, and check the databases that remain."""
    library = recorder(folder)
    model = Model.load(voice, 1)
    found: dict[str, Found] = {}
    for mode in MODES:
        child = [str(voice), str(folder / mode), mode, str(transactions)]
        entries = list(_recorded(folder / mode, library, child))
        found[mode] = _cuts(model, folder / mode, entries, times)
    return found


def _cuts(model: Model, folder: Path, entries: Sequence[Entry], times: int) -> Found:
    """Cut the power at random moments of a record."""
    moments = set(random.sample(range(len(entries)), min(times, len(entries))))
    disk, found, known = Disk(), Found(), {}
    for moment, entry in enumerate(entries):
        disk.do(entry)
        if moment in moments:
            found += _left(disk, model, folder / "after", known, share=found.kills % 2 / 2)
    return found


def _recorded(folder: Path, library: Path, child: Sequence[str]) -> Iterator[Entry]:
    """Run a child, and yield its operations."""
    before, record = folder / "before", folder / "record"
    before.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.kills.power", *child],
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "LD_PRELOAD": str(library),
            "KILLS_FOLDER": str(before),
            "KILLS_RECORD": str(record),
        },
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with record.open("rb") as stream:
        while head := stream.readline():
            op, name, at, size = head.decode().split()
            yield Entry(op, name, int(at), stream.read(int(size)))


def _left(
    disk: Disk, model: Model, folder: Path, known: dict[tuple[bytes, str], States], share: float
) -> Found:
    """Compare the database after a power cut with the lines that were shown."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in disk.after_a_cut(share).items():
        (folder / name).write_bytes(content)
    told = bytes(disk.now.get(SHOWN, b"")).decode()
    return Truth(folder / "scripts.db", model, known).look(*shown_in(told))


def _write(voice: Path, folder: Path, mode: str, transactions: int) -> None:
    """Write, as the child, until a number of transactions are committed."""

    def choose(connection: Connection) -> None:
        # Registered before the database's own listener, which begins the transaction.
        connection.exec_driver_sql(f"PRAGMA synchronous = {mode}")

    event.listen(Engine, "begin", choose)
    KillAt("after COMMIT", transactions)
    live(Model.load(voice, 1), folder / "before", folder / "before" / "scripts.db", lambda: None)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
