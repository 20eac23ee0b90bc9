"""Test that a file is copied to a server and back: every row, and the ids continue."""

import asyncio
import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import URL, make_url, select

from bot.app.commands import Backup, CopyDatabase, Restore
from bot.errors import RunnerError, StoreError
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.settings import RunnerSettings
from bot.sharding import Shards
from bot.storage import copying
from bot.storage.copying import copy_database
from bot.storage.postgres.leases import Lease
from bot.storage.schema import Base
from bot.storage.store import Store, open_database
from tests.bot.conftest import AddRevision, count, on, run_sql
from tests.fake_discord.processes import run_onbook
from tests.tools.postgres_server import PASSWORD, ask, format_address

from .scripts import STATE, append, make_draft, make_script, opened, record_post


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BATCH", 10)


@pytest.fixture(scope="module")
def filled_once(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a file that no test changes."""
    path = tmp_path_factory.mktemp("filled") / "scripts.db"
    shutil.copy(empty_database, path)
    asyncio.run(fill(path))
    return path


@pytest.fixture
def filled(filled_once: Path, path: Path) -> Path:
    """Return a copy of the file."""
    return Path(shutil.copy(filled_once, path))


async def fill(path: Path) -> None:
    """Fill a file: something in every table, and lines that were deleted."""
    store = await Store.open(path)
    script = await store.scripts.create_script(make_script(), delivery="begun")
    odd = Draft(
        Element(Kind.DIALOGUE, "ÉMILE\n(茂)\nHm — “so” \N{SNOWMAN}?"),
        *(None, "tiny", STATE, "f", {"seed": 2**53, "p": 0.1, "none": None}),
        surprisal=np.array([0.5, 7.25, 0.0]),
    )
    await store.lines.append_lines(script, None, [odd], "odd")
    ids = await append(store, script.id, *(f"Line {n}." for n in range(22)))
    await record_post(store, 100, ids[0])
    await store.messages.record_panel(1, None, 300)
    now = await store.scripts.get_script(script.id)
    line = await store.lines.find_line(ids[-3])
    await store.lines.rewrite_line(now, line, [make_draft("New.")], "rewriting", asker=9)
    now = await store.scripts.get_script(script.id)
    ends = dt.datetime(2030, 1, 2, 3, 4, 5, 678901, dt.UTC)
    takes = [[make_draft("A.")], [make_draft("B.")]]
    poll = await store.polls.open_poll(now, takes, "takes", 9, ends)
    await store.polls.record_vote(poll.id, 2**60, 1)
    await store.rotations.add_writer(script.id, 2**60, ends)
    await store.sprints.start_sprint(script.id, 2**60, ends)
    await store.stars.toggle_star(ids[1], 2**60)
    await store.banned_words.replace_word_list("channel", 1, ["bother"], 2**63 - 1)
    await store.guilds.record_departures([5], [])
    await store.key_values.save_value("synced", "a\tb\nc")
    await store.people.erase_person(9, text=True)
    await record_post(store, 200, ids[1])
    deleted = Draft(Element(Kind.ACTION, "Gone."), 8, "Ben", STATE, "fingerprint", {})
    now = await store.scripts.get_script(script.id)
    [last] = await store.lines.append_lines(now, now.head, [deleted], "gone")
    await record_post(store, 300, last.id)
    await store.people.erase_person(8, text=True)
    await store.scripts.delete_script((await store.scripts.create_script(make_script(2))).id)
    await store.people.erase_person(7, text=False)
    await store.close()


async def load_rows(where: Path | URL) -> dict[str, list[str]]:
    """Return all rows by table."""
    database = await open_database(where)
    async with database.reading() as session:
        rows = {
            table.name: sorted(map(repr, await session.execute(select(table))))
            for table in Base.metadata.sorted_tables
        }
    await database.close()
    return rows


async def test_a_copy_has_all_rows_and_continues_ids(filled: Path, bare_url: URL, tmp_path: Path):
    before = await load_rows(filled)
    assert all(before.values())
    counts = await copy_database(filled, bare_url)
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert await load_rows(bare_url) == before
    back = tmp_path / "back.db"
    assert await copy_database(bare_url, back) == counts
    assert await load_rows(back) == before
    [[highest]] = run_sql(filled, "SELECT seq FROM sqlite_sequence WHERE name = 'scripts'")
    for where in (bare_url, back):
        async with opened(where) as store:
            assert (await store.scripts.create_script(make_script(3))).id > int(highest)
            assert (await store.states.find_surprisal(1, "f")).tolist() == [0.5, 7.25, 0.0]


async def test_a_copy_needs_an_unused_source_and_an_empty_target(filled: Path, own_url: URL):
    async with opened(filled):
        with pytest.raises(StoreError, match="in use by another On Book"):
            await copy_database(filled, own_url)
    ask(own_url, "INSERT INTO key_values VALUES ('a', 'b')")
    with pytest.raises(StoreError, match=r"'key_values' has rows. Name an empty") as refused:
        await copy_database(filled, own_url)
    assert PASSWORD not in str(refused.value)
    assert count(own_url, "lines") == 0
    with pytest.raises(StoreError, match="There is no database"):
        await copy_database(filled.with_name("another.db"), own_url)


def test_a_file_that_is_copied_stays_as_it_is(
    filled: Path, tmp_path: Path, add_revision: AddRevision
):
    before = filled.read_bytes()
    add_revision("op.execute('DELETE FROM key_values')")
    counts = asyncio.run(copy_database(filled, tmp_path / "new.db"))
    assert (counts["lines"], counts["key_values"]) == (count(filled, "lines"), 0)
    assert filled.read_bytes() == before


def test_a_file_that_cannot_be_upgraded_is_named_as_it_was_given(
    filled: Path, tmp_path: Path, add_revision: AddRevision
):
    add_revision("op.execute('DELETE FROM films')")
    with pytest.raises(StoreError, match=f"^{filled} is not a usable database"):
        asyncio.run(copy_database(filled, tmp_path / "new.db"))


def test_a_copy_that_fails_leaves_no_file(path: Path, tmp_path: Path):
    new = tmp_path / "new.db"
    run_sql(other := tmp_path / "other.db", "CREATE TABLE films (title)")
    text = b"This is no database, but is long enough to be looked at as one." * 20
    for content, reason in (
        (text, "was not copied .* is not a database"),
        (b"", f"^{path} contains no On Book scripts"),
        (other.read_bytes(), f"^{path} contains no On Book scripts"),
    ):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=reason):
            asyncio.run(copy_database(path, new))
        assert not new.exists()
    (link := tmp_path / "link.db").symlink_to(path)
    for same in (path, link):
        with pytest.raises(StoreError, match="cannot be copied to itself"):
            asyncio.run(copy_database(path, same))


async def test_a_server_with_a_leased_shard_is_not_copied(own_url: URL, tmp_path: Path):
    async with Lease(own_url, Shards.all_of(2), print) as lease:
        await lease.acquire()
        with pytest.raises(StoreError, match=r"in use by .*. Stop every bot") as refused:
            await copy_database(own_url, tmp_path / "new.db")
        assert PASSWORD not in str(refused.value)
        assert not (tmp_path / "new.db").exists()
    assert (await copy_database(own_url, tmp_path / "new.db"))["lines"] == 0


DAMAGE = """
    CREATE FUNCTION damage() RETURNS trigger AS $$ BEGIN {} END $$ LANGUAGE plpgsql;
    CREATE TRIGGER damage BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION damage();
"""


@pytest.mark.parametrize(
    ("table", "damage", "reason"),
    [
        ("lines", "NEW.text = replace(NEW.text, 'ne 15', 'x'); RETURN NEW;", "differs"),
        ("states", "NEW.state = NEW.state || '\\x00'; RETURN NEW;", "differs"),
        ("key_values", "RETURN NULL;", "differs"),
        (
            *("redo_pointers", "INSERT INTO key_values VALUES (NEW.line, 'x'); RETURN NEW;"),
            "too many rows",
        ),
    ],
)
async def test_a_copy_that_differs_is_undone(
    filled: Path, own_url: URL, table: str, damage: str, reason: str
):
    ask(own_url, DAMAGE.format(damage, table))
    with pytest.raises(StoreError, match=reason):
        await copy_database(filled, own_url)
    assert count(own_url, "scripts") == count(own_url, "lines") == 0


async def test_a_value_that_a_server_cannot_store_is_refused(filled: Path, own_url: URL):
    run_sql(filled, "UPDATE key_values SET value = 'nothing ' || char(0) || ' else'")
    with pytest.raises(StoreError, match="was not copied"):
        await copy_database(filled, own_url)


def test_copying_is_a_command(filled: Path, own_url: URL, tmp_path: Path):
    lines = count(filled, "lines")
    run_sql(filled, "INSERT INTO key_values VALUES ('synced commands', 'digest')")
    address = {"ONBOOK_DATABASE_URL": format_address(own_url)}
    code, out, err = run_onbook(tmp_path, "copy-database", str(filled), **address)
    assert (code, err) == (0, "")
    assert f"lines {lines:,}" in " ".join(out.split())
    assert len({len(row) for row in out.splitlines()[:-1]}) == 1
    assert f"Copied {filled} to" in out
    # Discord may have the commands of another version.
    assert count(own_url, "key_values") == count(filled, "key_values") - 1


def test_copying_without_a_usable_address_asks_for_one(path: Path):
    settings = RunnerSettings(database=path)
    with pytest.raises(RunnerError, match="onbook copy-database SOURCE TARGET"):
        CopyDatabase(source="scripts.db")(settings)
    with pytest.raises(RunnerError, match="not a database address") as refused:
        CopyDatabase(source="scripts.db", target="mysql://a:secret@b/c")(settings)
    assert "secret" not in str(refused.value)


def test_an_empty_name_is_not_the_bot_s_database(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    new = tmp_path / "new.db"
    with pytest.raises(StoreError):
        CopyDatabase(source=str(filled), target="")(RunnerSettings(database=new))
    with pytest.raises(StoreError):
        CopyDatabase(source="", target=str(new))(RunnerSettings(database=filled))


@pytest.mark.parametrize(("command", "instead"), [(Backup, "pg_dump"), (Restore, "pg_restore")])
def test_a_servers_backups_are_left_to_its_own_tools(
    command: type[Backup | Restore], instead: str, path: Path
):
    server = make_url("postgresql+asyncpg://a:secret@localhost/b")
    with pytest.raises(RunnerError, match=f"PostgreSQL's {instead}") as refused:
        command(file=Path("somewhere"))(on(RunnerSettings(database=path), server))
    assert "secret" not in str(refused.value)
