"""Compare a database after a kill with the lines that people were shown before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from bot.arrays import States
from bot.inference.model import Model
from bot.screenplay.fountain import format_for_model
from tests.fake_discord.people import letters
from tests.tools.tables import format_table


@dataclass
class Found:
    """The counts of a comparison. All but the first two must be 0."""

    kills: int = 0
    shown: int = 0
    """New answers with lines that people saw; earlier ones are checked again, too."""
    lost: int = 0
    """Answers whose lines the database lacks, or has changed."""
    doubled: int = 0
    """Lines that are stored or shown twice."""
    halves: int = 0
    """Turns with missing lines, and heads on missing lines. The voice stores its lines one by one,
    so that a kill may take the last ones."""
    wrong: int = 0
    """States that do not match the text."""
    broken: int = 0
    """Databases that fail SQLite's integrity check."""

    def __iadd__(self, other: Found) -> Self:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self

    @property
    def fine(self) -> bool:
        """Return whether nothing is wrong."""
        return not (self.lost + self.doubled + self.halves + self.wrong + self.broken)


@dataclass
class DatabaseCheck:
    """A database that is checked after each kill. Each state is checked once."""

    path: Path
    model: Model
    known: dict[tuple[bytes, str], States] = field(default_factory=dict)
    """States by the state before and the text; several databases may share them."""
    _compared: int = 0
    _shown: int = 0

    def compare(self, shown: Mapping[str, str], asked: Mapping[str, int]) -> Found:
        """Compare the database with the `letters` of shown lines, and the requested numbers.

        Both are by delivery.
        """
        found = Found(kills=1, shown=len(shown) - self._shown)
        self._shown = len(shown)
        with closing(sqlite3.connect(self.path)) as database:
            ok = database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            dangling = database.execute("PRAGMA foreign_key_check").fetchall()
            found.broken = int(not ok or bool(dangling))
            if not _one(database, "SELECT count(*) FROM sqlite_master WHERE name = 'states'"):
                found.lost = len(shown)
                return found
            there = self._written(database)
            found.lost = sum(
                letters("".join(there.get(delivery, ()))) != text
                for delivery, text in shown.items()
            )
            may_end_early = _find_turns_of_voice(database)
            found.halves = sum(
                len(there[delivery]) > lines
                or (len(there[delivery]) < lines and delivery not in may_end_early)
                for delivery, lines in asked.items()
                if delivery in there
            )
            found.halves += _one(
                database,
                "SELECT count(*) FROM scripts WHERE head IS NOT NULL"
                " AND head NOT IN (SELECT id FROM lines)",
            )
            found.doubled = _one(
                database,
                "SELECT count(*) - count(DISTINCT text) FROM lines WHERE author IS NOT NULL",
            )
            found.wrong = self._wrong(database)
        return found

    def count_unknown(self, seen: Iterable[tuple[str, str]]) -> int:
        """Count the lines, given as author and text, that people saw and the database lacks."""
        there = {letters(text) for (text,) in self._rows("SELECT text FROM lines")}
        return sum(
            there.isdisjoint((letters(text), letters(author + text))) for author, text in seen
        )

    def paths(self) -> dict[int, list[str]]:
        """Return the lines of the running script in each channel."""
        rows = self._rows("SELECT id, parent, text FROM lines")
        above = {line: (parent, text) for line, parent, text in rows}
        found: dict[int, list[str]] = {}
        for channel, head in self._rows("SELECT channel, head FROM scripts WHERE running"):
            path = found.setdefault(channel, [])
            while head is not None:
                head, text = above[head]
                path.insert(0, text)
        return found

    def deliveries(self) -> set[str]:
        """Return the deliveries that have lines in the database."""
        return {key for (key,) in self._rows("SELECT DISTINCT delivery FROM lines")}

    def stars(self) -> set[tuple[int, int]]:
        """Return the message and the person of each star that a reaction has given."""
        return set(self._rows("SELECT message, person FROM stars WHERE message IS NOT NULL"))

    def _rows(self, question: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(question).fetchall()

    def _written(self, database: sqlite3.Connection) -> dict[str, list[str]]:
        there: dict[str, list[str]] = {}
        rows = database.execute("SELECT delivery, text FROM lines ORDER BY delivery, take, ordinal")
        for delivery, text in rows:
            there.setdefault(delivery, []).append(text)
        return there

    def _wrong(self, database: sqlite3.Connection) -> int:
        """Count the new lines of the model's scripts whose state is not that after reading them."""
        rows = database.execute(
            "SELECT lines.id, lines.parent, lines.text, states.state FROM lines"
            " JOIN scripts ON scripts.id = lines.script AND scripts.preferences ->> 'voice' = ?"
            " LEFT JOIN states ON states.line = lines.id AND states.fingerprint = ?"
            " WHERE lines.id > ? ORDER BY lines.id",
            (self.model.name, self.model.fingerprint, self._compared),
        ).fetchall()
        wrong = 0
        for line, parent, text, kept in rows:
            above = self.model.start() if parent is None else self._state(database, parent)
            right = above is not None and np.array_equal(self._read(above, text), _states(kept))
            wrong += not right
            self._compared = line
        return wrong

    def _state(self, database: sqlite3.Connection, line: int) -> States | None:
        question = "SELECT state FROM states WHERE line = ? AND fingerprint = ?"
        row = database.execute(question, (line, self.model.fingerprint)).fetchone()
        return _states(row[0]) if row else None

    def _read(self, state: States, text: str) -> States:
        """Return the state after a line, read character by character by the network alone."""
        what = state.tobytes(), text
        if what not in self.known:
            states = state[None]
            for token in self.model.encode(format_for_model(text)):
                _, states = self.model.step(np.array([token]), states)
            self.known[what] = states[0]
        return self.known[what]


def _states(kept: bytes | None) -> States:
    return np.frombuffer(kept or b"", np.float32)


def _find_turns_of_voice(database: sqlite3.Connection) -> set[str]:
    """Return the deliveries for which the voice has stored lines one by one, without a gap."""
    rows = database.execute(
        "SELECT delivery FROM lines GROUP BY delivery"
        " HAVING max(take) = 0 AND count(author) = 0 AND count(*) = max(ordinal) + 1"
    )
    return {delivery for (delivery,) in rows}


def _one(database: sqlite3.Connection, question: str) -> int:
    return int(database.execute(question).fetchone()[0])


def table(found: Mapping[str, Found]) -> str:
    """Return a table of the counts by point, with the sums in the last row."""
    total = Found()
    for finding in found.values():
        total += finding
    names = [each.name for each in fields(Found)]
    rows = [["killed at", *names]]
    for name, finding in [*found.items(), ("all", total)]:
        rows.append([name, *(f"{getattr(finding, column):,}" for column in names)])
    return format_table(rows)
