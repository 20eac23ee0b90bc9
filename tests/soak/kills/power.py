"""Simulate power cuts: replay the recorded writes of a process on a disk that loses some of them.

In each mode of SQLite, a child writes as `sessions` does, while a preloaded library
(``recorder.c``) records each write and each flush. Then the power is cut at moments of that record:
each file keeps its flushed content, and in every second cut also a random part of its unflushed
writes. The lines that were shown by then must be there. The creation and the deletion of files are
never lost.
"""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection, Engine, event

from bot.arrays import States
from bot.inference.model import Model
from tests.fake_discord.processes import ROOT

from .database_check import DatabaseCheck, Found
from .points import KillAt
from .sessions import live, shown_in

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


def compile_recorder(folder: Path) -> Path:
    """Compile the library; raise CalledProcessError, or FileNotFoundError without a compiler."""
    made = folder / "recorder.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(made), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return made


def cut_power(
    voice: Path, folder: Path, times: int, transactions: int = TRANSACTIONS
) -> dict[str, Found]:
    """Cut the power a number of times in each mode, and check the databases that remain."""
    entries: dict[str, list[Entry]] = {mode: [] for mode in MODES}
    for mode, entry in _recorded(voice, folder, transactions):
        entries[mode].append(entry)
    model = Model.load(voice, 1)
    return {mode: _cuts(model, folder / "after", entries[mode], times) for mode in MODES}


def _cuts(model: Model, folder: Path, entries: Sequence[Entry], times: int) -> Found:
    """Cut the power at random moments of a record."""
    moments = set(random.sample(range(len(entries)), min(times, len(entries))))
    disk, found, known = Disk(), Found(), {}
    for moment, entry in enumerate(entries):
        disk.do(entry)
        if moment in moments:
            found += _left(disk, model, folder, known, share=found.kills % 2 / 2)
    return found


def _recorded(voice: Path, folder: Path, transactions: int) -> Iterator[tuple[str, Entry]]:
    """Run the children, and yield their operations, each with the child's mode."""
    before, record = folder / "before", folder / "record"
    before.mkdir()
    program = [sys.executable, "-m", "tests.soak.kills.power"]
    subprocess.run(
        [*program, str(voice), str(before), str(transactions)],
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "LD_PRELOAD": str(compile_recorder(folder)),
            "KILLS_FOLDER": str(before),
            "KILLS_RECORD": str(record),
        },
        check=True,
    )
    with record.open("rb") as stream:
        while head := stream.readline():
            op, path, at, size = head.decode().split()
            mode, _, name = path.partition("/")
            entry = Entry(op, name, int(at), stream.read(int(size)))
            if name:  # otherwise the folder itself was flushed
                yield mode, entry


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
    return DatabaseCheck(folder / "scripts.db", model, known).compare(*shown_in(told))


def _write(model: Model, folder: Path, mode: str, transactions: int) -> NoReturn:
    """Write, as the child, until a number of transactions are committed."""

    def choose(connection: Connection) -> None:
        # Registered before the database's own listener, which begins the transaction.
        connection.exec_driver_sql(f"PRAGMA synchronous = {mode}")

    event.listen(Engine, "begin", choose)
    KillAt("after COMMIT", transactions)
    live(model, folder, folder / "scripts.db", lambda: None)


def main(voice: str, folder: str, transactions: str) -> None:
    """Run a child in each mode, one after the other."""
    model = Model.load(Path(voice), 1)
    for mode in MODES:
        here = Path(folder) / mode
        here.mkdir()
        child = os.fork()
        if not child:
            _write(model, here, mode, int(transactions))
        _, how = os.waitpid(child, 0)
        assert how == signal.SIGKILL, "the child ended by itself"


if __name__ == "__main__":
    main(*sys.argv[1:])
