"""Test kills and power cuts: a part of ``python -m tests.soak.kills``."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.inference.model import Model
from tests.soak.kills import crowd, power, rooms
from tests.soak.kills.truth import Truth, table
from tests.tools.postgres_server import Server


async def test_a_bot_that_is_killed_has_all_that_was_shown(
    voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crowd, "AT_MOST", 4)
    # The other points of a transaction are visited below, without Discord.
    points = [*crowd.OUTSIDE, "before COMMIT", "after COMMIT"]
    found = await crowd.kills(voices / "tiny.onnx", tmp_path, points, 6, {"line_length": 40})
    assert crowd.counted(found, points), table(found)


def test_a_database_that_is_killed_has_all_that_was_shown(voices: Path, tmp_path: Path):
    found = rooms.kills(voices / "tiny.onnx", tmp_path, 8)
    assert all(one.fine for one in found.values()), table(found)
    assert sum(one.shown for one in found.values()) > 8


def test_so_has_one_on_a_server(voices: Path, tmp_path: Path, postgres: Server):
    found = rooms.kills(voices / "tiny.onnx", tmp_path, 6, postgres)
    assert all(one.fine for one in found.values()), table(found)
    assert sum(one.shown for one in found.values()) > 6


COPY = """
    CREATE TEMP TABLE one AS SELECT * FROM lines WHERE id = {last};
    UPDATE one SET id = NULL, text = text || '!', ordinal = ordinal + 9;
    INSERT INTO lines SELECT * FROM one;
"""


@pytest.fixture(scope="module")
def killed(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a child that was killed several times, with its record."""
    folder = tmp_path_factory.mktemp("killed")
    rooms.kills(voices / "tiny.onnx", folder, 5)
    return folder / "0"


@pytest.mark.parametrize(
    ("harm", "counted"),
    [
        ("UPDATE lines SET text = 'Snow.' WHERE id = {last}", "lost"),
        ("UPDATE lines SET delivery = 'x' WHERE id = {last}", "lost"),
        ("UPDATE lines SET text = (SELECT text FROM lines WHERE author = 1)", "doubled"),
        (COPY, "halves"),
        ("UPDATE scripts SET head = 9999", "halves"),
        ("UPDATE states SET state = zeroblob(length(state)) WHERE line = {last}", "wrong"),
        ("DELETE FROM states WHERE line = {last}", "wrong"),
    ],
)
def test_the_comparison_sees_what_is_not_as_it_was(
    model: Model, killed: Path, tmp_path: Path, harm: str, counted: str
):
    here = shutil.copytree(killed, tmp_path / "copy")
    told = rooms.shown_in((here / "shown").read_text())
    assert Truth(here / "scripts.db", model).look(*told).fine
    with closing(sqlite3.connect(here / "scripts.db")) as database:
        question = "SELECT max(id) FROM lines WHERE delivery = ?"
        (last,) = database.execute(question, [list(told[0])[-1]]).fetchone()
        database.executescript(harm.format(last=last))
        database.commit()
    assert getattr(Truth(here / "scripts.db", model).look(*told), counted)


@pytest.mark.skipif(
    sys.platform != "linux", reason="it loads a library before SQLite by LD_PRELOAD"
)
def test_what_was_shown_survives_a_power_cut(voices: Path, tmp_path: Path):
    found = power.cuts(voices / "tiny.onnx", tmp_path, 10, transactions=80)
    assert found["FULL"].fine, table(found)
    # The weaker setting loses lines, so the test can see a loss.
    assert found["NORMAL"].lost, table(found)
