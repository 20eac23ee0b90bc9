"""Test ``onbook backup`` and ``restore``: a copy while the bot writes, and the way back."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.session.turn import ContinueRequest
from bot.storage.sqlite.backup import backup, restore
from bot.storage.store import Store
from tests.bot.app.test_runner import onbook
from tests.bot.conftest import AddRevision
from tests.bot.session_harness import SessionHarness, texts


def run(harness: SessionHarness, *arguments: str) -> tuple[int, str, str]:
    folder = harness.settings.database.parent
    return onbook(folder, *arguments, ONBOOK_DATABASE=str(harness.settings.database))


async def written(path: Path) -> list[str]:
    """Return the texts of the lines in a file."""
    with closing(sqlite3.connect(path)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM lines ORDER BY id")]


async def test_a_copy_that_is_made_while_lines_are_written_is_whole(harness: SessionHarness):
    await harness.start()
    folder = harness.settings.database.parent

    async def write() -> None:
        for n in range(20):
            await harness.write(f"Rain {n}.\n\nWind {n}.")

    async def copy() -> None:
        for n in range(5):
            await asyncio.to_thread(backup, harness.settings.database, folder / f"copy{n}.db")

    await asyncio.gather(write(), copy())
    assert len(await harness.lines()) == 41
    for n in range(5):
        lines = await written(folder / f"copy{n}.db")
        assert len(lines) % 2 == 1  # no turn is half there
        assert lines == texts(await harness.lines())[: len(lines)]
        with closing(sqlite3.connect(folder / f"copy{n}.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not list(folder.glob("*.part"))


async def test_the_way_there_and_back(harness: SessionHarness):
    await harness.start()
    await harness.write("Rain.")
    database = harness.settings.database
    copy = database.parent / "copy.db"
    code, out, err = await asyncio.to_thread(run, harness, "backup", str(copy))
    assert (code, err) == (0, "")
    assert out == f"Backed up 1 scripts from {database} to {copy}.\n"
    await harness.write("Snow.")
    # A running bot would go on writing to a file that is no longer there.
    with pytest.raises(StoreError, match="is in use by another On Book"):
        restore(database, copy)
    await harness.close()
    code, out, err = await asyncio.to_thread(run, harness, "restore", str(copy))
    assert (code, err) == (0, "")
    await harness.open()
    assert texts(await harness.lines()) == ["INT. DINER - NIGHT", "Rain."]
    assert await harness.state((await harness.lines())[-1]) is not None
    [old] = database.parent.glob(f"{database.name}.2*")
    assert str(old) in out
    assert await written(old) == ["INT. DINER - NIGHT", "Rain.", "Snow."]


async def test_what_cannot_be_copied_or_used_changes_nothing(
    harness: SessionHarness, tmp_path: Path
):
    await harness.start()
    database = harness.settings.database
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    there = folder / "there.db"
    there.write_text("mine")
    for to, said in [
        (there, "already exists"),
        (folder / "no" / "copy.db", "There is no folder"),
    ]:
        with pytest.raises(StoreError, match=said):
            backup(database, to)
    with pytest.raises(StoreError, match="There is no database"):
        backup(folder / "nothing.db", folder / "copy.db")
    await harness.close()
    newer = folder / "newer.db"
    backup(database, newer)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'f00'")
        connection.commit()
    damaged = folder / "damaged.db"
    damaged.write_bytes(newer.read_bytes()[:5000])
    for source, said in [
        (there, "cannot be used as a backup"),
        (folder / "nothing.db", "There is no file"),
        (newer, "is from a newer On Book"),
        (damaged, "cannot be used as a backup|is damaged"),
    ]:
        with pytest.raises(StoreError, match=said):
            restore(database, source)
    assert sorted(one.name for one in folder.iterdir()) == ["damaged.db", "newer.db", "there.db"]
    assert not [one for one in database.parent.iterdir() if one.suffix == ".part"]
    await harness.open()
    assert texts(await harness.lines()) == ["INT. DINER - NIGHT"]


async def test_an_earlier_backup_is_upgraded(tmp_path: Path, add_revision: AddRevision):
    source, database = tmp_path / "old.db", tmp_path / "scripts.db"
    await (await Store.open(source)).close()
    add_revision("op.execute(\"INSERT INTO key_values VALUES ('a', 'b')\")")
    assert restore(database, source) is None
    store = await Store.open(database)
    assert await store.key_values.find_value("a") == "b"
    await store.close()


async def test_what_was_there_is_kept_however_soon_one_restore_follows_another(
    harness: SessionHarness,
):
    await harness.start()
    database = harness.settings.database
    copy = database.parent / "copy.db"
    backup(database, copy)
    await harness.write("Snow.")
    await harness.close()
    first, second = restore(database, copy), restore(database, copy)
    assert first != second
    assert (await written(first))[-1] == "Snow."
    await harness.open()


async def test_what_is_written_after_a_restore_never_has_the_id_of_something_else(
    harness: SessionHarness,
):
    await harness.start()
    database = harness.settings.database
    copy = database.parent / "copy.db"
    backup(database, copy)
    known = set[int]()
    for _ in range(3):
        lines = [await harness.continue_script(), (await harness.write("Snow.")).lines]
        ballot = (
            await harness.session.continuation.generate(harness.writer(), ContinueRequest(takes=2))
        ).poll
        begun = (await harness.start(harness.sessions.get(2))).script
        ids = {ballot.id, begun.id, *(line.id for some in lines for line in some)}
        assert not ids & known
        known |= ids
        await harness.close()
        restore(database, copy)
        await harness.open()
