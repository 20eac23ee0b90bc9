"""Test ``onbook write`` in a pipe and in a terminal."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import pytest

from bot import settings
from bot.__main__ import main
from bot.app.terminal import TERMINAL_CHANNEL, Terminal, write
from bot.errors import Overloaded, RunnerError
from bot.settings import RunnerSettings
from bot.ui.delivery.responses import format_error
from bot.ui.markdown import to_plain_text
from tests.bot.session_harness import SessionHarness, run_sql
from tests.bot.storage.scripts import opened

from .program import in_new_interpreter, python_m_bot


@pytest.fixture
def environment(chosen: RunnerSettings) -> dict[str, str]:
    names = ("models", "model", "database", "threads", "quality")
    return {f"ONBOOK_{name.upper()}": str(getattr(chosen, name)) for name in names}


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Return `python_m_bot` with a folder and an environment."""
    return partial(python_m_bot, tmp_path, **environment)


TYPED = """\
/start int. diner - night
/cast add MAYA, JONAS
MAYA: Where is the letter?
/continue 2 JONAS
/undo
/redo
/Export pdf
/export pdf
/export untitled.pdf
/contniue
/nonsense
/quti
/cast lock
/cast unlock
/continue 99
/undo
/undo
/undo
/undo
/undo
/quit now
Never written.
"""


def test_script_is_written_in_a_pipe(tmp_path: Path, run: Run):
    code, out, err = run("write", typed=TYPED)
    assert (code, err) == (0, "")
    assert out.startswith("“Untitled” has no line yet.\n")
    assert re.search(r"^INT\. DINER - NIGHT$", out, re.MULTILINE)
    assert "- MAYA\n- JONAS\n" in out
    assert re.search(r"^ +JONAS$", out, re.MULTILINE)
    assert "Restored:" in out
    assert "Saved untitled.pdf.\nSaved untitled-2.pdf.\n" in out
    assert "untitled.pdf already exists. Name a new file." in out
    assert "There is no command /contniue. Did you mean /continue? /help shows all." in out
    assert "Did you mean /quit?" in out
    assert (tmp_path / "untitled.pdf").read_bytes().startswith(b"%PDF")
    assert "There is no command /nonsense. /help shows all." in out
    assert "The voice writes only for the cast." in out
    assert "The voice may write for others, too." in out
    assert "The voice writes 1 to 10 lines at a time." in out
    assert out.endswith("The script is empty. Write a line, or use /continue.\n")


def test_a_pipe_that_starts_a_script_leaves_no_other_one(run: Run):
    _, out, _ = run("write", typed="/start int. diner - night\n/script list\n")
    assert out.endswith("\n1  Untitled: INT. DINER - NIGHT\n")
    assert run("export", "untitled", "diner.txt") == (0, "Exported diner.txt.\n", "")


def test_a_pipe_of_other_bytes_is_read_and_one_that_closes_ends_the_program(
    tmp_path: Path, environment: dict[str, str]
):
    with subprocess.Popen(
        **in_new_interpreter(tmp_path, "write", **environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdin.write(b"Maya: caf\xe9\n")
        program.stdin.flush()
        line = next(line for line in program.stdout if b"caf" in line)
        assert line.strip().decode() == "caf\ufffd"
        program.stdout.close()
        program.stdin.write(b"Tom: No.\n")
        program.stdin.close()
        assert (program.stderr.read(), program.wait(60)) == (b"", 1)


COMMANDS = {
    "/help": "/help, /quit              show this, or leave; the script is kept\n",
    "/HELP me": "/take                     get another take of the voice's last line\n",
    "/retry": "There is no command /retry. /help shows all.\n",
    "/cast add MAYA, JO\n/cast remove Maya": "- JO\nThe voice may write for others, too.\n",
    "/cast add MAYA\n/cast Remove maya": "The cast is empty.",
    "/cast remove ZED": "“ZED” is not in the cast. See /cast.\n",
    "/cast remove": "Name a character to remove, such as MAYA.\n",
    "/start roof\n/script 2": "“Untitled” has no line yet.\n",
    "/script 1": "That script is already running here.",
    "/script 3": "There is no script 3. Choose one of these by its number:\n1  Untitled: ",
    "/script list": "explains the rest.\n1  Untitled: ",
}
"""What somebody types in an empty script, and what they are told at the end."""


@pytest.mark.parametrize("typed", COMMANDS)
async def test_each_command_does_or_says_what_it_should(
    typed: str,
    harness: SessionHarness,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr("sys.stdin", StringIO(f"{typed}\n"))
    await Terminal(harness.session).run()
    assert COMMANDS[typed] in capsys.readouterr().out


async def test_a_closed_input_is_explained(chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(RunnerError, match=r"^The input is closed\."):
        await write(chosen)


def test_an_export_says_what_the_file_leaves_out(run: Run):
    _, out, _ = run("write", typed="Привет 🎉\n/export pdf\n/export txt\n")
    assert re.search(r"^Saved untitled\.pdf\. The PDF's font lacks “.*🎉”", out, re.MULTILINE)
    assert out.endswith("\nSaved untitled.txt.\n")
    _, out, _ = run("export", "untitled", "party.pdf")
    assert out.startswith("Exported party.pdf. The PDF's font lacks “")


async def test_a_turn_says_why_it_broke_off_and_what_the_writer_must_know(
    harness: SessionHarness, capsys: pytest.CaptureFixture[str]
):
    begun = await harness.start()
    result = replace(begun, lines=[], failure=Overloaded(), new_model="other", unreadable=True)
    Terminal(harness.session).show_result(result)
    broken, changed, unreadable = capsys.readouterr().out.splitlines()
    assert broken == to_plain_text(format_error(Overloaded()))
    assert changed.startswith("The voice has changed: “other”")
    assert "cannot read some of these letters" in unreadable


def test_a_chosen_voice_writes_below_any_heading(
    tmp_path: Path, run: Run, chosen: RunnerSettings, models: Path
):
    own = Path(shutil.copytree(models, tmp_path / "models"))
    shutil.copy(own / "tiny.onnx", own / "screen.onnx")  # suggested by the heading
    run("write", typed="/start int. diner - night\n", ONBOOK_MODELS=str(own))
    [[preferences]] = run_sql(chosen.database, "SELECT preferences FROM scripts WHERE running")
    assert json.loads(preferences)["voice"] == "tiny"


async def test_a_user_without_a_name_can_write(
    chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    nobody = KeyError("getpwuid(): uid not found: 10001")
    monkeypatch.setattr("getpass.getuser", Mock(side_effect=nobody))
    monkeypatch.setattr("sys.stdin", StringIO("Rain on the window.\n"))
    await write(chosen)
    assert run_sql(chosen.database, "SELECT credit FROM lines") == [["You"]]


async def test_no_channel_of_discord_is_to_show_the_script(run: Run, chosen: RunnerSettings):
    run("write", typed="Rain on the window.\n")
    async with opened(chosen.database) as store:
        [script] = await store.scripts.list_scripts(TERMINAL_CHANNEL)
        assert script.head is not None
        assert await store.messages.list_unshown_scripts() == []


def test_ctrl_c_in_a_terminal_stops_the_line(tmp_path: Path, environment: dict[str, str]):
    ours, its = pty.openpty()
    environment |= {"ONBOOK_LINE_LENGTH": "1500", "ONBOOK_SOFT_LENGTH": "0"}
    how = in_new_interpreter(tmp_path, "write", PROMPT_TOOLKIT_NO_CPR="1", **environment)
    with subprocess.Popen(**how, stdin=its, stdout=its, stderr=its) as program:

        def read_until(awaited: str) -> None:
            shown = b""
            while awaited.encode() not in shown:
                shown += os.read(ours, 4096)

        read_until("/help explains the rest")
        os.write(ours, b"Rain on the window.\r")
        read_until("Rain on the window.\r\r\n")  # after the prompt, whose text has more behind it
        os.write(ours, b"/continue 10\r")
        read_until("…")
        program.send_signal(signal.SIGINT)
        read_until("Stopped before the first line. Nothing was added.")
        os.write(ours, b"/quit\r")
        assert program.wait(20) == 0


def test_ctrl_c_while_the_program_loads_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(
        settings, "read_runner_settings", lambda *_, **__: signal.raise_signal(signal.SIGINT)
    )
    assert main(["write"]) == 130
    assert capfd.readouterr() == ("", "")
