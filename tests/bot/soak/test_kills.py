"""Test kills and power cuts: a part of ``python -m tests.soak.kills``."""

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.inference.model import Model
from tests.soak.kills import crowd, power, sessions
from tests.soak.kills.database_check import DatabaseCheck, Found, table
from tests.tools.postgres_server import Server


async def test_killing_the_bot_loses_nothing_shown(
    voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crowd, "AT_MOST", 2)
    # The other points of a transaction are visited below, without Discord.
    points = [*crowd.OUTSIDE, "before COMMIT", "after COMMIT"]
    found = await crowd.kill_bot(voices / "tiny.onnx", tmp_path, points, 3, line_length=40)
    assert crowd.is_complete(found, points), table(found)


Killed = tuple[Path, dict[str, Found]]


@pytest.fixture(scope="module")
def killed(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Return the folder of a child that was killed at each point, and the comparisons."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "AT_MOST", 16)
        return folder / "0", sessions.kill_sessions(voices / "tiny.onnx", folder, 7)


def test_killing_sessions_loses_nothing_shown(killed: Killed):
    _, found = killed
    assert all(finding.fine for finding in found.values()), table(found)
    assert sum(finding.shown for finding in found.values()) > 3


def test_killing_sessions_on_a_server_loses_nothing_shown(
    voices: Path, tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "AT_MOST", 16)
    found = sessions.kill_sessions(voices / "tiny.onnx", tmp_path, 6, postgres)
    assert all(finding.fine for finding in found.values()), table(found)
    assert sum(finding.shown for finding in found.values()) > 3


COPY = """
    CREATE TEMP TABLE one AS SELECT * FROM lines WHERE id = {last};
    UPDATE one SET id = NULL, text = text || '!', ordinal = ordinal + 9;
    INSERT INTO lines SELECT * FROM one;
"""


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
def test_the_comparison_finds_harm(
    model: Model, killed: Killed, tmp_path: Path, harm: str, counted: str
):
    here = shutil.copytree(killed[0], tmp_path / "copy")
    told = sessions.shown_in((here / "shown").read_text())
    assert DatabaseCheck(here / "scripts.db", model).compare(*told).fine
    with closing(sqlite3.connect(here / "scripts.db")) as database:
        question = "SELECT max(id) FROM lines WHERE delivery = ?"
        (last,) = database.execute(question, [list(told[0])[-1]]).fetchone()
        database.executescript(harm.format(last=last))
        database.commit()
    assert getattr(DatabaseCheck(here / "scripts.db", model).compare(*told), counted)


@pytest.mark.skipif(
    sys.platform != "linux", reason="it loads a library before SQLite by LD_PRELOAD"
)
def test_a_power_cut_loses_nothing_shown(voices: Path, tmp_path: Path):
    found = power.cut_power(voices / "tiny.onnx", tmp_path, 6, transactions=30)
    assert found["FULL"].fine, table(found)
    # The weaker setting loses lines, so the test can see a loss.
    assert found["NORMAL"].lost, table(found)
