"""Power: a disk that forgets what was not flushed, made from a record of what it was given.

A child writes as `rooms` does, with a small library before SQLite (``recorder.c``) that records
each write and each flush. Then the power is cut at moments of that record: each file has what was
flushed until then, and in every second cut some of what was not, too, as chance has it. What was
shown by then must be there. The names of files are not forgotten.
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

from .points import Executioner
from .rooms import live, shown_in
from .truth import Found, Truth

MODES = ("FULL", "NORMAL")
"""SQLite's settings of how far a transaction must be on the disk."""

TRANSACTIONS = 400
"""The default number of transactions after which a child ends."""

SOURCE = Path(__file__).with_name("recorder.c")

SHOWN = "shown"
"""The file of shown lines, of which nothing is forgotten, because people have seen them."""


@dataclass(frozen=True)
class Entry:
    """A request of a process to the disk."""

    op: str
    """``write``, ``cut``, ``flush`` or ``gone``."""
    name: str
    at: int
    content: bytes

    def change(self, file: bytearray) -> None:
        """Apply the entry to the file."""
        if self.op == "cut":
            del file[self.at :]
        file.extend(bytes(max(0, self.at - len(file))))
        file[self.at : self.at + len(self.content)] = self.content


@dataclass
class Disk:
    """Files as they read now, and as they will read after a power cut."""

    now: dict[str, bytearray] = field(default_factory=dict)
    flushed: dict[str, bytes] = field(default_factory=dict)
    since: dict[str, list[Entry]] = field(default_factory=dict)
    """The requests since the last flush."""

    def do(self, entry: Entry) -> None:
        """Apply a process's request."""
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
        """Return the files that a cut leaves, with a share of what was not flushed."""
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
    """Cut the power so often in each mode, at moments of one record, and check what is left."""
    library = recorder(folder)
    model = Model.load(voice, 1)
    found: dict[str, Found] = {}
    for mode in MODES:
        child = [str(voice), str(folder / mode), mode, str(transactions)]
        entries = list(_recorded(folder / mode, library, child))
        found[mode] = _cuts(model, folder / mode, entries, times)
    return found


def _cuts(model: Model, folder: Path, entries: Sequence[Entry], times: int) -> Found:
    """Cut at moments of a record."""
    moments = set(random.sample(range(len(entries)), min(times, len(entries))))
    disk, found, known = Disk(), Found(), {}
    for moment, entry in enumerate(entries):
        disk.do(entry)
        if moment in moments:
            found += _left(disk, model, folder / "after", known, share=found.kills % 2 / 2)
    return found


def _recorded(folder: Path, library: Path, child: Sequence[str]) -> Iterator[Entry]:
    """Yield a child's requests to the disk: an operation, a file, a place in it, and bytes."""
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
    """Compare a database that comes back with what was shown."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in disk.after_a_cut(share).items():
        (folder / name).write_bytes(content)
    told = bytes(disk.now.get(SHOWN, b"")).decode()
    return Truth(folder / "scripts.db", model, known).look(*shown_in(told))


def _write(voice: Path, folder: Path, mode: str, transactions: int) -> None:
    """Write, as the child, until so many transactions were committed."""

    def choose(connection: Connection) -> None:
        # Registered first, because the database's own listener begins the transaction.
        connection.exec_driver_sql(f"PRAGMA synchronous = {mode}")

    event.listen(Engine, "begin", choose)
    Executioner("after COMMIT", transactions)
    live(Model.load(voice, 1), folder / "before", folder / "before" / "scripts.db", lambda: None)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
