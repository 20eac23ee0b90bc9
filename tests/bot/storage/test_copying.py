"""Test that a grown file moves to a server and back: every row goes along, and ids continue."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import URL, make_url, select

from bot.app.commands import _back_up, _copy_database, _restore
from bot.errors import RunnerError, StoreError
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.settings import RunnerSettings
from bot.sharding import Shards
from bot.storage.copying import copy_database
from bot.storage.postgres.leases import Lease
from bot.storage.schema import Base
from bot.storage.store import Store, open_database
from tests.bot.app.test_runner import onbook
from tests.bot.conftest import count, on, run_sql
from tests.tools.postgres_server import PASSWORD, Server, ask

from .test_store import STATE, a_draft, a_script, append, as_argument, post


@pytest.fixture
def own(postgres: Server) -> URL:
    """Return a database that has no table."""
    return postgres.create()


@pytest.fixture(scope="module")
def grown_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a file that no test changes."""
    path = tmp_path_factory.mktemp("grown") / "scripts.db"
    asyncio.run(fill(path))
    return path


@pytest.fixture
def grown(grown_once: Path, path: Path) -> Path:
    """Return a copy of the file."""
    return Path(shutil.copy(grown_once, path))


async def fill(path: Path) -> None:
    """Fill a file: something in every table, and lines that were deleted."""
    store = await Store.open(path)
    script = await store.scripts.create_script(a_script(), delivery="begun")
    odd = Draft(
        Element(Kind.DIALOGUE, "ÉMILE\n(茂)\nHm — “so” \N{SNOWMAN}?"),
        *(None, "tiny", STATE, "f", {"seed": 2**53, "p": 0.1, "none": None}),
        surprise=np.array([0.5, 7.25, 0.0]),
    )
    await store.lines.append_lines(script, None, [odd], "odd")
    ids = await append(store, script.id, *(f"Line {n}." for n in range(1100)))
    await post(store, 100, ids[0])
    await store.messages.record_panel(1, None, 300)
    now = await store.scripts.get_script(script.id)
    await store.lines.rewrite_line(
        now, (await store.lines.find_line(ids[-3])), [a_draft("New.")], "rewriting", asker=9
    )
    now = await store.scripts.get_script(script.id)
    ends = dt.datetime(2030, 1, 2, 3, 4, 5, 678901, dt.UTC)
    ballot = await store.polls.open_poll(now, [[a_draft("A.")], [a_draft("B.")]], "takes", 9, ends)
    await store.polls.record_vote(ballot.id, 2**60, 1)
    await store.turn_orders.add_writer(script.id, 2**60, ends)
    await store.sprints.start_sprint(script.id, 2**60, ends)
    await store.stars.toggle_star(ids[1], 2**60)
    await store.banned_words.replace_word_list("channel", 1, ["bother"], 2**63 - 1)
    await store.guilds.record_departures([5], [])
    await store.key_values.save_value("synced", "a\tb\nc")
    await store.people.erase_person(9, text=True)
    await post(store, 200, ids[1])
    gone = Draft(Element(Kind.ACTION, "Gone."), 8, "Ben", STATE, "fingerprint", {})
    now = await store.scripts.get_script(script.id)
    [last] = await store.lines.append_lines(now, now.head, [gone], "gone")
    await post(store, 300, last.id)
    await store.people.erase_person(8, text=True)
    await store.scripts.delete_script((await store.scripts.create_script(a_script(2))).id)
    await store.people.erase_person(7, text=False)
    await store.close()


async def rows(where: Path | URL) -> dict[str, list[tuple[object, ...]]]:
    database = await open_database(where)
    async with database.reading() as session:
        found = {
            table.name: sorted(map(repr, await session.execute(select(table))))
            for table in Base.metadata.sorted_tables
        }
    await database.close()
    return found


async def test_every_row_comes_out_there_and_back_and_numbers_go_on(
    grown: Path, own: URL, tmp_path: Path
):
    before = await rows(grown)
    assert all(before.values())
    counts = await copy_database(grown, own)
    assert counts == {name: len(every) for name, every in before.items()}
    assert await rows(own) == before
    back = tmp_path / "back.db"
    assert await copy_database(own, back) == counts
    assert await rows(back) == before
    for where in (own, back):
        gone = int(run_sql(grown, "SELECT seq FROM sqlite_sequence WHERE name = 'scripts'")[0][0])
        store = await Store.open(where)
        assert (await store.scripts.create_script(a_script(3))).id > gone
        assert (await store.states.find_surprisal(1, "f")).tolist() == [0.5, 7.25, 0.0]
        await store.close()


async def test_one_that_has_something_or_is_in_use_is_not_copied(grown: Path, own: URL):
    store = await Store.open(grown)
    with pytest.raises(StoreError, match="in use by another On Book"):
        await copy_database(grown, own)
    await store.close()
    store = await Store.open(own)
    await store.key_values.save_value("a", "b")
    await store.close()
    with pytest.raises(
        StoreError, match=r"its table 'key_values' has rows. Name an empty"
    ) as refused:
        await copy_database(grown, own)
    assert PASSWORD not in str(refused.value)
    assert count(own, "lines") == 0
    with pytest.raises(StoreError, match="There is no database"):
        await copy_database(grown.with_name("another.db"), own)


def test_nothing_is_left_of_a_file_that_nothing_could_be_copied_to(path: Path, tmp_path: Path):
    path.write_text("This is no database, but is long enough to be looked at as one." * 20)
    to = tmp_path / "new.db"
    with pytest.raises(StoreError, match="is not a usable database"):
        asyncio.run(copy_database(path, to))
    assert not list(tmp_path.glob("new.db"))


async def test_what_a_process_has_on_a_server_is_not_copied(own: URL, tmp_path: Path):
    await (await Store.open(own)).close()
    async with Lease(own, Shards.all_of(2), print) as lease:
        await lease.acquire()
        with pytest.raises(StoreError, match=r"in use by .*. Stop every bot") as refused:
            await copy_database(own, tmp_path / "new.db")
        assert PASSWORD not in str(refused.value)
        assert not (tmp_path / "new.db").exists()
    assert (await copy_database(own, tmp_path / "new.db"))["lines"] == 0


HARM = """
    CREATE FUNCTION harm() RETURNS trigger AS $$ BEGIN {} END $$ LANGUAGE plpgsql;
    CREATE TRIGGER harm BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION harm();
"""


@pytest.mark.parametrize(
    ("table", "harm", "said"),
    [
        (
            "lines",
            "NEW.text = replace(NEW.text, 'ne 600', 'x'); RETURN NEW;",
            "differs",
        ),
        ("states", "NEW.state = NEW.state || '\\x00'; RETURN NEW;", "differs"),
        ("key_values", "RETURN NULL;", "differs"),
        (
            "redo_pointers",
            "INSERT INTO key_values VALUES (NEW.line, 'x'); RETURN NEW;",
            "too many rows",
        ),
    ],
)
async def test_what_comes_out_otherwise_is_seen_and_nothing_is_copied(
    grown: Path, own: URL, table: str, harm: str, said: str
):
    await (await Store.open(own)).close()
    ask(own, HARM.format(harm, table))
    with pytest.raises(StoreError, match=said):
        await copy_database(grown, own)
    assert count(own, "scripts") == count(own, "lines") == 0


async def test_what_a_server_cannot_keep_is_said(path: Path, own: URL):
    store = await Store.open(path)
    await store.key_values.save_value("a", "nothing \0 else")
    await store.close()
    with pytest.raises(StoreError, match="was not copied"):
        await copy_database(path, own)


def test_it_is_a_command(grown: Path, own: URL, tmp_path: Path):
    with sqlite3.connect(grown) as connection:
        [lines] = connection.execute("SELECT count(*) FROM lines").fetchone()
    address = {"ONBOOK_DATABASE_URL": as_argument(own)}
    code, out, err = onbook(tmp_path, "copy-database", str(grown), **address)
    assert (code, err) == (0, "")
    assert f"lines {lines:,}" in " ".join(out.split())
    assert f"Copied {grown} to" in out


def test_without_an_address_it_asks_for_one(path: Path):
    chosen = RunnerSettings(database=path)
    with pytest.raises(RunnerError, match="Set ONBOOK_DATABASE_URL"):
        _copy_database(chosen, "scripts.db", None)
    with pytest.raises(RunnerError, match="not a database address") as refused:
        _copy_database(chosen, "scripts.db", "mysql://a:secret@b/c")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("act", "instead"), [(_back_up, "pg_dump"), (_restore, "pg_restore")], ids=["backup", "restore"]
)
def test_backups_are_left_to_the_server(
    act: Callable[[RunnerSettings, Path], None], instead: str, path: Path
):
    server = make_url("postgresql+asyncpg://a:secret@localhost/b")
    with pytest.raises(RunnerError, match=f"PostgreSQL's {instead}") as refused:
        act(on(RunnerSettings(database=path), server), Path("somewhere"))
    assert "secret" not in str(refused.value)
