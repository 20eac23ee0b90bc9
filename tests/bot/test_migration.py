"""Test databases of earlier versions, made by the code of that time, in today's store."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.storage.database import StoreError
from bot.storage.migrations import SCHEMA
from bot.storage.schema import BEFORE_THE_FIRST
from bot.storage.store import Store

from .conftest import count

SCHEMA_2 = (Path(__file__).parent / "data" / "schema2.sql").read_text(encoding="utf-8")
SCHEMA_3 = (Path(__file__).parent / "data" / "schema3.sql").read_text(encoding="utf-8")
SCHEMA_4 = (Path(__file__).parent / "data" / "schema4.sql").read_text(encoding="utf-8")
SCHEMA_5 = (Path(__file__).parent / "data" / "schema5.sql").read_text(encoding="utf-8")
SCHEMA_6 = (Path(__file__).parent / "data" / "schema6.sql").read_text(encoding="utf-8")
SCHEMA_7 = (Path(__file__).parent / "data" / "schema7.sql").read_text(encoding="utf-8")
SCHEMA_8 = (Path(__file__).parent / "data" / "schema8.sql").read_text(encoding="utf-8")
SCHEMA_9 = (Path(__file__).parent / "data" / "schema9.sql").read_text(encoding="utf-8")
SCHEMA_10 = (Path(__file__).parent / "data" / "schema10.sql").read_text(encoding="utf-8")
SCHEMA_1 = SCHEMA_2.replace("version = 2", "version = 1") + "DROP TABLE bans; DROP TABLE surprises;"


def an_old_file(path: Path, statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    return path


async def opened_once(path: Path) -> Path:
    await (await Store.open(path)).close()
    return path


def shape(path: Path) -> dict[str, object]:
    """Return all that a database says of its tables."""

    def rows(what: str) -> Iterable[object]:
        return sorted(connection.execute(f"PRAGMA {what}").fetchall())

    with closing(sqlite3.connect(path)) as connection:
        named = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        tables = [name for kind, name, _ in named if kind == "table"]
        return {
            "names": sorted(name for _, name, _ in named),
            "numbered": {name for _, name, sql in named if sql and "AUTOINCREMENT" in sql},
            "by their keys": {name for _, name, sql in named if sql and "WITHOUT ROWID" in sql},
            "columns": {one: rows(f"table_info({one})") for one in tables},
            "references": {one: rows(f"foreign_key_list({one})") for one in tables},
            "version": rows("user_version"),
        }


@pytest.mark.parametrize(
    "statements",
    [
        *(SCHEMA_10, SCHEMA_9, SCHEMA_8, SCHEMA_7, SCHEMA_6, SCHEMA_5),
        *(SCHEMA_4, SCHEMA_3, SCHEMA_2, SCHEMA_1),
    ],
)
async def test_an_old_database_becomes_what_a_new_one_is(tmp_path: Path, statements: str):
    old = await opened_once(an_old_file(tmp_path / "old.db", statements))
    assert shape(old) == shape(await opened_once(tmp_path / "new.db"))
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_all_that_was_written_is_there(tmp_path: Path):
    store = await Store.open(an_old_file(tmp_path / "old.db", SCHEMA_2))
    try:
        diner, roof = await store.scripts.list_channel(1)
        assert (diner.title, diner.running, diner.cast) == ("The Diner", True, ["MAYA", "ÉMILE"])
        assert (diner.lock, roof.lock) == (True, False)
        assert (diner.guild, diner.begun.year) == (2**63 - 1, 2026)
        lines = await store.lines.load_tree(diner, 0, 99)
        assert [line.text for line in lines] == [
            "INT. DINER - NIGHT",
            "MAYA\nYou came.",
            "Rain.",
            "It's Ben.",
            "Wind.",
        ]
        assert [line.asker for line in lines] == [7, None, None, 8, 8]
        assert lines[1].origin == {"seed": 1, "temperature": 0.7}
        assert [line.id for line in await store.lines.load_path(diner.head)] == [1, 2]
        assert (await store.states.find(5, "f")).tolist() == [1.0, -2.0]
        assert (await store.states.find_surprisal(5, "f")).tolist() == [1.0, 2.0]
        assert list(await store.posts.load_showing(diner, [3])) == [502]
        assert await store.banned_words.list_effective(1, None) == ["zounds"]
        # A line above the head has no redo, because the path to the head is what follows it.
        ways = {line: await store.lines.find_redo(diner.id, line) for line in (None, 1, 2, 4, 3)}
        assert ways == {None: None, 1: None, 2: 3, 4: 5, 3: None}
        await store.lines.move_head(diner, None)
        assert [await store.lines.find_redo(diner.id, line) for line in (None, 1, 2)] == [1, 2, 3]
    finally:
        await store.close()


async def test_schema_3_gets_ballots(tmp_path: Path):
    path = an_old_file(tmp_path / "old.db", SCHEMA_3)
    for opening in range(2):
        store = await Store.open(path)
        diner, _roof = await store.scripts.list_channel(1)
        assert (diner.takes, diner.cooldown, diner.players) == (3, 5, {"MAYA": 7})
        assert [line.id for line in await store.lines.load_path(diner.head)] == [1, 2]
        assert await store.lines.find_redo(diner.id, 2) == 3
        ballot = await store.polls.offer(
            diner, [], f"new {opening}", 7, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        )
        await store.polls.vote(ballot.id, 8, 1)
        await store.close()
    store = await Store.open(path)
    assert [
        await store.polls.load_votes(one.id) for one in await store.polls.list_unannounced()
    ] == [{8: 1}, {8: 1}]
    await store.close()


@pytest.mark.parametrize("statements", [SCHEMA_5, SCHEMA_4])
async def test_votes_that_ended_are_not_announced_anew(tmp_path: Path, statements: str):
    store = await Store.open(an_old_file(tmp_path / "old.db", statements))
    [ballot] = await store.polls.list_unannounced()
    assert (ballot.id, ballot.message, ballot.closed) == (2, 504, False)
    assert await store.polls.load_votes(ballot.id) == {8: 0}
    ended = await store.polls.find(1)
    assert (ended.closed, ended.chosen, ended.announced) == (True, 1, True)
    assert [line.text for [line] in (await store.polls.load_takes(ended)).values()] == [
        "Hail.",
        "Fog.",
    ]
    await store.close()


async def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path):
    old = an_old_file(tmp_path / "old.db", SCHEMA_2 + "CREATE TABLE trails (id);")
    before = shape(old)
    with pytest.raises(StoreError, match="is not a usable database"):
        await Store.open(old)
    assert shape(old) == before


async def test_a_new_database_is_not_upgraded(tmp_path: Path):
    path = await opened_once(tmp_path / "new.db")
    assert shape(path)["version"] == [(SCHEMA,)]
    store = await Store.open(path)
    assert await store.lines.find_redo(1, BEFORE_THE_FIRST) is None
    await store.close()


async def test_schema_5_learns_where_the_lists_of_words_are(tmp_path: Path):
    lists = (
        "DELETE FROM bans; INSERT INTO bans VALUES"
        "('channel', 1, '[\"a\"]'), ('channel', 99, '[\"b\"]'), ('guild', 5, '[\"c\"]');"
    )
    path = an_old_file(tmp_path / "old.db", SCHEMA_5 + lists)
    await opened_once(path)
    with closing(sqlite3.connect(path)) as connection:
        lists = connection.execute("SELECT place, guild FROM bans ORDER BY place").fetchall()
        [(of_1,)] = connection.execute("SELECT DISTINCT guild FROM scripts WHERE channel = 1")
    assert of_1 is not None
    assert lists == [(1, of_1), (5, 5), (99, None)]


async def test_what_earlier_upgrades_left_is_gone_however_this_one_ends(tmp_path: Path):
    left = "CREATE TABLE left (text); INSERT INTO left VALUES (hex(zeroblob(9000)) || 'marzipan');"
    old = an_old_file(tmp_path / "old.db", SCHEMA_2 + "CREATE TABLE trails (id);" + left)
    an_old_file(old, "PRAGMA secure_delete = OFF; DROP TABLE left;")
    assert b"marzipan" in old.read_bytes()
    with pytest.raises(StoreError, match="is not a usable database"):
        await Store.open(old)
    assert b"marzipan" not in old.read_bytes()


HOW: dict[str, object] = {
    "fingerprint": "f",
    "temperature": 0.75,
    "top_p": 0.95,
    "min_p": 0.0,
    "repetition": 0.5,
    "length": 250,
    "company": 1.0,
    "limit": 600,
    "kind": None,
    "character": None,
    "cast": [],
    "quality": "draft",
    "banned": "d8422a0465640534",
    "processor": "Abacus",
    "onnxruntime": "1.32.0",
}
"""The manner of some lines of schema 8; the file's and the server's tables have the same rows."""


A_HEAD = "UPDATE scripts SET head = 1 WHERE id = 1;"
"""Make the first line the head of another script, as the head of a fork can be."""


async def check_what_schema_8_had(store: Store):
    """Raise AssertionError where a store lacks something that schema 8 had."""
    script = await store.scripts.find_running(1)
    lines = await store.lines.load_tree(script, 0, 99)
    assert [line.id for line in lines] == list(range(1, 13))
    assert [line.origin for line in lines] == [
        *({}, {"seed": 1, "temperature": 0.7}, {"seed": 2, "temperature": 0.7}, {}, {}),
        *({"seed": seed} for seed in (3, 4, 5)),
        *(HOW | {"seed": seed} for seed in (1, 2, 2**31 - 1)),
        HOW | {"seed": 5, "cast": ["ÉMILE", '"M"'], "character": "ÉMILE", "kind": "action"},
    ]
    # Equal manners are stored once, and a person's line has none.
    assert len({line.manner for line in lines if line.manner}) == 4
    assert [line.manner is None for line in lines] == [line.origin == {} for line in lines]
    assert {line.text: line.written.minute for line in lines[:4]} == {
        "INT. DINER - NIGHT": 2,
        "MAYA\nYou came.": 3,
        "Rain.": 4,
        "It's Ben.": 5,
    }
    assert [line.id for line in await store.lines.load_path(script.head)] == [1, 2, 9, 10, 11, 12]
    ways = {line: await store.lines.find_redo(script.id, line) for line in (None, 1, 4, 11, 12)}
    assert ways == {None: None, 1: None, 4: 5, 11: None, 12: None}
    assert list(await store.posts.load_showing(script, [3])) == [502]
    assert await store.states.list_kept(range(1, 13), "f") == {3, 4, 5, 11, 12}
    assert (await store.states.find(11, "f")).tolist() == [1.0, -2.0]
    # The costs of a line go where the line is older than the oldest with a state, and no head.
    costs = [await store.states.find_surprisal(line, "f") for line in range(1, 13)]
    assert [one is not None for one in costs] == [
        n in {1, 3, 4, 5, 9, 10, 11, 12} for n in range(1, 13)
    ]
    assert costs[9].tolist() == [1.0, 2.0]
    draft = Draft(Element(Kind.ACTION, "Sleet."), None, "stage", None, "f", HOW | {"seed": 9})
    [line] = await store.lines.append(script, script.head, [draft], "new", 0)
    assert line.origin == HOW | {"seed": 9}
    assert line.id > 13, "the number of a line that was deleted"
    await store.lines.move_head(await store.scripts.find_running(1), 1)
    ways = {
        number: await store.lines.find_redo(script.id, number) for number in (1, 11, 12, line.id)
    }
    assert ways == {1: 2, 11: 12, 12: line.id, line.id: None}


@pytest.mark.parametrize(
    "statements", [SCHEMA_8 + A_HEAD, SCHEMA_9, SCHEMA_10], ids=["8", "9", "10"]
)
async def test_what_lines_of_schema_8_have_in_common_is_kept_once(tmp_path: Path, statements: str):
    store = await Store.open(an_old_file(tmp_path / "old.db", statements))
    try:
        await check_what_schema_8_had(store)
        # New lines share the manners that the migration made.
        assert count(tmp_path / "old.db", "manners") == 4
    finally:
        await store.close()
