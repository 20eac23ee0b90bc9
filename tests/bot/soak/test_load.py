"""Test that the scenarios of ``python -m tests.soak.load`` run, as short as can be."""

import re
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from tests.soak.load import command, filling, scenarios, stored
from tests.soak.load.databases import OneFile
from tests.soak.load.findings import Finding, Report
from tests.soak.load.house import House
from tests.soak.load.scenarios import Scale

PATIENT = Scale(channels=6, guilds=2, seed=1, to_answer=60.0)
"""Long waits, because these tests are not about time."""

SETTINGS = {"threads": 1, "line_length": 200}

PLACES = [(100 + number, 10 + number // 2) for number in range(5)]


@pytest.fixture
def house(voices: Path, tmp_path: Path) -> House:
    """Return a bot with the tiny voice."""
    return House(tmp_path, voices / "tiny.onnx", OneFile(tmp_path), SETTINGS)


def wrong(report: Report) -> list[Finding]:
    """Return the counts that miss their bounds."""
    counted = [finding for finding in report.findings if finding.is_count]
    assert counted
    return [finding for finding in counted if not finding.met]


async def test_steady_commands_are_answered_once(house: House):
    report = await scenarios.steady(house, PATIENT, rate=15, minutes=0.02)
    assert wrong(report) == [], str(report)
    # Both the first answers and the ends were measured, and include Discord's own latencies.
    for name in ("acknowledged", "finished"):
        row = rf"^{name} +([\d,]+) +([\d,]+)"
        [count, half] = re.findall(row, str(report), re.MULTILINE)[-1]
        assert int(count) > 5
        assert int(half.replace(",", "")) > 1000 * scenarios.NEAR


async def test_a_shared_core_serves_all_voices(house: House):
    report = await scenarios.shared(house, PATIENT, rate=15, minutes=0.02)
    assert wrong(report) == [], str(report)
    assert "by 2 voices" in report.title


async def test_unused_channels_continue_with_the_same_line(house: House):
    report = await stored.stored(house, channels=6, lines=2, pairs=1)
    assert wrong(report) == [], str(report)


def test_several_processes_need_a_server():
    with pytest.raises(ValueError, match="A file belongs to one process: add --postgres"):
        command.Options(processes=2)


def test_the_command_prints_its_findings(
    voices: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "whole_interpreters", nullcontext)
    voice = voices / "tiny.onnx"
    options = command.Options(("burst",), commands=4, voice=voice, threads=1, cores=99)
    code = command.main(options)
    printed = capsys.readouterr().out
    assert "4 commands within one second" in printed
    assert code == (" NO\n" in printed)


async def test_copied_plays_are_as_the_store_writes_them(voices: Path, tmp_path: Path):
    voice, copied, written = voices / "tiny.onnx", tmp_path / "copied.db", tmp_path / "written.db"
    await filling.fill(copied, voice, PLACES, lines=4)
    await filling.write(written, voice, PLACES, lines=4)
    assert everything(copied) == everything(written)


async def test_a_line_needs_little_more_than_its_text(voices: Path, tmp_path: Path):
    path, count = tmp_path / "scripts.db", 200
    places = [(100 + number, 10) for number in range(count)]
    # With room for the heads alone, because a head's state is as large as its voice.
    await filling.fill(path, voices / "tiny.onnx", places, lines=20, room=1)
    with closing(sqlite3.connect(path)) as database:
        [states] = database.execute("SELECT sum(length(state)) FROM states").fetchone()
        [text] = database.execute("SELECT avg(length(text)) FROM lines").fetchone()
        taken, free, size = (
            database.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("page_count", "freelist_count", "page_size")
        )
    beside = ((taken - free) * size - states) / (20 * count) - text
    assert beside < 450, "bytes of a line beside its text, in all tables and indexes"


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables, without the times at which they were written."""
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        found: dict[str, list[tuple[object, ...]]] = {}
        for (table,) in tables.fetchall():
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            names = ", ".join(f'"{name}"' for name in columns if name not in ("begun", "written"))
            rows = database.execute(f"SELECT {names} FROM {table} ORDER BY {names}")  # noqa: S608
            found[table] = rows.fetchall()
        return found
