"""Test ``onbook backup`` and ``restore``: a copy while the bot writes, and the way back."""

import asyncio
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path
from stat import ST_GID, ST_MODE, ST_UID

import pytest

from bot.app.commands import Backup
from bot.errors import StoreError
from bot.session.turn import ContinueRequest
from bot.settings import RunnerSettings
from bot.storage.repositories.key_value_repository import SYNCED_COMMANDS
from bot.storage.sqlite import backup as backup_module
from bot.storage.sqlite.backup import backup, restore
from tests.bot.conftest import AddRevision, run_sql
from tests.bot.session_harness import SessionHarness, texts
from tests.fake_discord.processes import ROOT, run_onbook

from .scripts import opened


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the path of a backup that was not made yet."""
    return tmp_path / "copy.db"


def load_texts(file: Path) -> list[str]:
    """Return the texts of the lines in a file."""
    return [text for [text] in run_sql(file, "SELECT text FROM lines ORDER BY id")]


async def test_a_backup_while_lines_are_written_is_whole(harness: SessionHarness, tmp_path: Path):
    await harness.start()
    copies = [tmp_path / f"copy{n}.db" for n in range(4)]

    async def write() -> None:
        for n in range(10):
            await harness.write(f"Rain {n}.\n\nWind {n}.")

    async def copy() -> None:
        for file in copies:
            await asyncio.to_thread(backup, harness.settings.database, file)

    await asyncio.gather(write(), copy())
    written = texts(await harness.lines())
    assert len(written) == 21
    for file in copies:
        lines = load_texts(file)
        assert len(lines) % 2 == 1  # each turn is there as a whole or not at all
        assert lines == written[: len(lines)]
        assert run_sql(file, "PRAGMA integrity_check") == [["ok"]]
    assert not [file for file in os.scandir(tmp_path) if file.name.endswith(".part")]


async def test_backup_and_restore_are_commands(harness: SessionHarness, copy: Path):
    async def onbook(*arguments: str) -> str:
        environment = {"ONBOOK_DATABASE": str(database)}
        code, out, err = await asyncio.to_thread(run_onbook, copy.parent, *arguments, **environment)
        assert (code, err) == (0, "")
        return out

    await harness.start()
    await harness.write("Rain.")
    database = harness.settings.database
    assert await onbook("backup", str(copy)) == f"Backed up {database} to {copy} (scripts: 1).\n"
    await harness.write("Snow.")
    # A running bot would go on writing to a file that is no longer there.
    with pytest.raises(StoreError, match="is in use by another On Book"):
        restore(database, copy)
    await harness.close()
    out = await onbook("restore", str(copy))
    [old] = database.parent.glob(f"{database.name}.2*")
    assert str(old) in out
    assert load_texts(old) == ["INT. DINER - NIGHT", "Rain.", "Snow."]
    # A second restore in the same moment keeps the files of both.
    assert restore(database, copy) != restore(database, copy)
    await harness.open()
    assert texts(await harness.lines()) == ["INT. DINER - NIGHT", "Rain."]
    assert await harness.state((await harness.lines())[-1]) is not None


async def test_only_the_bot_s_user_reads_its_files(tmp_path: Path, copy: Path):
    database = tmp_path / "new.db"
    async with opened(database) as store:
        await store.key_values.save_value("a", "b")
        files = [database, Path(f"{database}-wal")]
        backup(database, copy)
        assert [file.stat().st_mode & 0o777 for file in (*files, copy)] == [0o600] * 3
    database.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(database, 10, 20)
    before = database.stat()
    old = restore(database, copy)
    assert old is not None
    assert database.stat()[ST_MODE] == before[ST_MODE]
    assert (database.stat()[ST_UID], database.stat()[ST_GID]) == (before[ST_UID], before[ST_GID])
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert any(fnmatch(old.name, pattern) for pattern in ignored)


async def test_an_unusable_backup_changes_nothing(harness: SessionHarness, tmp_path: Path):
    await harness.start()
    database = harness.settings.database
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    foreign, missing, newer, damaged = (
        folder / f"{name}.db" for name in ("foreign", "missing", "newer", "damaged")
    )
    foreign.write_text("mine")
    (blocker := folder / "blocked.db.part").mkdir()
    for source, to, reason in (
        (database, foreign, "already exists"),
        (database, folder / "no" / "copy.db", "There is no folder"),
        (missing, folder / "copy.db", "There is no database"),
        (database, folder / "blocked.db", f"Nothing was copied: {folder} cannot be written"),
    ):
        with pytest.raises(StoreError, match=reason):
            backup(source, to)
    blocker.rmdir()
    await harness.close()
    with pytest.raises(StoreError, match="is the database itself"):
        restore(database, database)
    with pytest.raises(StoreError, match=f"{folder} is a folder"):
        restore(folder, database)
    backup(database, newer)
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'f00'")
    damaged.write_bytes(newer.read_bytes()[:5000])
    for source, reason in (
        (foreign, "cannot be used as a backup"),
        (missing, "There is no file"),
        (newer, "is from a newer On Book"),
        (damaged, "cannot be used as a backup|is damaged"),
    ):
        with pytest.raises(StoreError, match=reason):
            restore(database, source)
        with pytest.raises(StoreError, match=reason):
            restore(folder / "fresh.db", source)
    assert set(folder.iterdir()) == {damaged, newer, foreign}
    assert not list(database.parent.glob("*.part"))
    await harness.open()
    assert texts(await harness.lines()) == ["INT. DINER - NIGHT"]


def test_a_full_disk_is_blamed_on_the_folder_of_the_new_file(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fill(_source: Path, to: Path) -> None:
        with closing(sqlite3.connect(to)) as copy:
            copy.execute("PRAGMA max_page_count = 1")
            copy.execute("CREATE TABLE films (title)")

    monkeypatch.setattr(backup_module, "copy_file", fill)
    (folder := tmp_path / "full").mkdir()
    with pytest.raises(StoreError, match=f"{folder} cannot be written .*full.* free some space"):
        backup(empty_database, folder / "copy.db")
    assert not list(folder.iterdir())


def test_a_damaged_database_is_replaced_and_kept(path: Path, empty_database: Path):
    damaged = b"INT. DINER - NIGHT\n" * 500
    path.write_bytes(damaged)
    old = restore(path, empty_database)
    assert old.read_bytes() == damaged
    assert run_sql(path, "SELECT count(*) FROM scripts") == [["0"]]


def test_a_database_that_another_program_reads_is_not_replaced(path: Path, empty_database: Path):
    shutil.copy(empty_database, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM key_values").fetchall()
        run_sql(path, "INSERT INTO key_values VALUES ('a', 'b')")
        with pytest.raises(StoreError, match="is in use by another program"):
            restore(path, empty_database)
    assert run_sql(path, "SELECT value FROM key_values") == [["b"]]


async def test_an_earlier_backup_is_upgraded_and_its_commands_are_synced_again(
    copy: Path, path: Path, empty_database: Path, add_revision: AddRevision
):
    shutil.copy(empty_database, copy)
    run_sql(copy, "INSERT INTO key_values VALUES ('synced commands', 'digest')")
    add_revision("op.execute(\"INSERT INTO key_values VALUES ('a', 'b')\")")
    assert restore(path, copy) is None
    async with opened(path) as store:
        assert await store.key_values.find_value("a") == "b"
        assert await store.key_values.find_value(SYNCED_COMMANDS) is None


async def test_a_restored_database_reuses_no_id(harness: SessionHarness, copy: Path):
    await harness.start()
    backup(harness.settings.database, copy)
    known = set[int]()
    for _ in range(3):
        lines = [*await harness.continue_script(), *(await harness.write("Snow.")).lines]
        takes = ContinueRequest(takes=2)
        poll = (await harness.session.continuation.generate(harness.writer(), takes)).poll
        script = (await harness.start(harness.sessions.get(2))).script
        ids = {poll.id, script.id, *(line.id for line in lines)}
        assert not ids & known
        known |= ids
        await harness.close()
        restore(harness.settings.database, copy)
        await harness.open()


def test_ctrl_c_ends_a_backup_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    steps = []

    def interrupt(*_: object) -> int:
        steps.append("begun")
        signal.raise_signal(signal.SIGINT)
        steps.append("went on")
        return 0

    monkeypatch.setattr(backup_module, "backup", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Backup(file=tmp_path / "copy.db")(RunnerSettings(database=tmp_path / "scripts.db"))
    assert steps == ["begun"]
