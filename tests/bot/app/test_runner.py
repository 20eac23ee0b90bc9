"""Test ``python -m bot``: its commands, and what it says when something is missing."""

import asyncio
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args
from unittest.mock import Mock

import pytest

import bot
from bot.__main__ import main as bot_program
from bot.app import LOCAL_GUILD, doctor, model_listing, runner, script_files
from bot.app.commands import NAMES
from bot.errors import RunnerError, StoreError
from bot.inference.model import ModelError
from bot.settings import SHIPPED_MODELS, RunnerSettings, read_runner_settings
from bot.storage.copying import copy_database
from export.__main__ import main as export_program
from tests.bot.session_harness import run_sql
from tests.bot.storage.scripts import make_draft, make_script, opened
from tests.fake_discord import faults
from tests.fake_discord.bot import at
from tests.fake_discord.people import Discord
from tests.fake_discord.processes import ROOT, fake_discord, run_onbook
from training.cli import COMMANDS
from training.cli import main as training_program
from training.cli.corpus import Corpus

from .program import python_m_bot, with_token, without_log


def onbook(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command in a forked process; return its exit code, output and errors."""
    code, out, errors = run_onbook(folder, *arguments, **environment)
    return code, out, without_log(errors)


@pytest.mark.parametrize("program", ["bot", "training", "export"])
def test_help_and_the_version_import_nothing_large(program: str):
    large = "{'discord', 'numpy', 'pydantic', 'sqlalchemy', 'torch'}"
    code = (
        f"import sys, runpy; sys.argv = ['{program}.py', '--help']\n"
        f"try: runpy.run_module('{program}', run_name='__main__', alter_sys=True)\n"
        f"finally: assert not {large} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {program}")


@pytest.mark.parametrize("given", [["--version"], ["-V"], ["voices", "-V"]])
def test_version_is_printed_wherever_it_is_asked_for(
    given: list[str], capsys: pytest.CaptureFixture[str]
):
    for program in (bot_program, training_program, export_program):
        assert program(given) == 0
        assert capsys.readouterr().out == f"On Book {bot.__version__}\n"


@pytest.mark.parametrize(
    ("program", "given", "meant"),
    [
        (bot_program, ["voicse"], "voices"),
        (bot_program, ["copy-databse", "--help"], "copy-database"),
        (training_program, ["trian", "scripts"], "train"),
    ],
)
def test_misspelt_command_is_answered_with_the_one_that_was_meant(
    program: Callable[[list[str]], int],
    given: list[str],
    meant: str,
    capsys: pytest.CaptureFixture[str],
):
    assert program(given) == 2
    assert capsys.readouterr().err == (f"There is no command {given[0]}: did you mean {meant}?\n")


@pytest.mark.parametrize("given", [["doctor", "backup"], ["doctor", "None"]])
def test_only_the_choices_of_an_argument_are_offered(
    given: list[str], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        bot_program(given)
    words = re.sub(r"[│\s]+", " ", capsys.readouterr().err)
    assert "Expected one of ('all', 'run', 'play', 'write')." in words


def test_an_option_before_the_command_is_no_misspelt_command(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        bot_program(["--database", "x.db", "write"])
    assert "--database" in (err := capsys.readouterr().err)
    assert "did you mean" not in err


@pytest.mark.parametrize(
    ("program", "given"),
    [
        *((bot_program, [name]) for name in NAMES),
        *((training_program, [name]) for name in COMMANDS),
        *((training_program, ["corpus", corpus.__name__.lower()]) for corpus in get_args(Corpus)),
        (export_program, []),
    ],
    # Without the addresses of the functions, by which processes that share the tests would differ.
    ids=lambda given: given.__module__ if callable(given) else " ".join(given),
)
def test_help_has_no_marks_of_the_code(
    program: Callable[[list[str]], int], given: list[str], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        program([*given, "--help"])
    text = capsys.readouterr().out
    assert text.startswith("usage: ")
    assert not re.search(r"``|\(default: (None|'')?\)", text)


def test_usage(tmp_path: Path):
    code, out, err = python_m_bot(tmp_path)
    assert (code, out) == (2, "")
    assert "Expected one of {play, run, " in err


async def test_voice_is_listed_and_described(
    chosen: RunnerSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    await model_listing.show(chosen, None)
    row = r"  tiny +\d\.\d MB  a few scenes of Shakespeare \(for new scripts\)"
    assert re.search(row, capsys.readouterr().out)
    await model_listing.show(chosen.model_copy(update={"models": SHIPPED_MODELS}), None)
    shown = re.findall(r"^  (\S+) ", capsys.readouterr().out, re.MULTILINE)
    assert {"screen", "stage"} <= set(shown)  # the names that `onbook voices NAME` takes
    await model_listing.show(chosen, None, as_json=True)
    voices = {voice["name"]: voice for voice in json.loads(capsys.readouterr().out)}
    assert voices["tiny"]["refusal"] is None
    assert voices["tiny"]["metadata"]["onbook.name"] == "tiny"
    await model_listing.show(chosen, str(chosen.models / "tiny.onnx"))
    assert "Styles for starting a script: storm, ghost story" in capsys.readouterr().out
    (tmp_path / "mine.onnx").write_bytes(b"no voice at all")
    with pytest.raises(ModelError, match=r"mine\.onnx is damaged, or not an ONNX file"):
        await model_listing.show(chosen, str(tmp_path / "mine.onnx"))
    with pytest.raises(RunnerError, match=r"^There is no file nope\.onnx\."):
        await model_listing.show(chosen, "nope.onnx")


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ("run", {}, "DISCORD_TOKEN is not set. Put the bot's token in .env"),
        (
            "run",
            {"ONBOOK_TEMPERATURE": "9", "DISCORD_TOKEN": "s3cret"},
            "ONBOOK_TEMPERATURE is not",
        ),
        ("run", {"DISCORD_TOKEN": "a\x01b"}, "DISCORD_TOKEN is not a valid token."),
        ("run --log-level None", {}, "ONBOOK_LOG_LEVEL is not valid: it must be 'DEBUG'"),
        ("run --log-level info", {}, "DISCORD_TOKEN is not set."),
        ("voices", {"ONBOOK_MODELS": "no"}, "No voice is in no. Put one there, or change"),
        ("backup a.db", {"ONBOOK_MODELS": "no"}, "There is no database onbook.db"),
        ("play", {"ONBOOK_MODELS": ".", "ONBOOK_MODEL": "missing"}, "missing"),
        ("play", {"ONBOOK_MODELS": ".", "ONBOOK_MODEL": "damaged"}, "damaged"),
    ],
)
def test_what_is_missing_is_explained_in_a_sentence(
    tmp_path: Path, command: str, environment: dict[str, str], said: str
):
    (tmp_path / "damaged.onnx").write_bytes(b"no voice at all")
    code, out, err = onbook(tmp_path, *command.split(), **environment)
    assert (code, out, err.count("\n")) == (1, "", 0)
    assert said in err
    assert "s3cret" not in err
    assert not (tmp_path / "onbook.db").exists()


def test_run_warns_of_a_setting_that_is_none(tmp_path: Path):
    _, _, err = run_onbook(tmp_path, "run", ONBOOK_TEMPRATURE="1")
    assert err.count("There is no setting ONBOOK_TEMPRATURE: did you mean ONBOOK_TEMPERATURE?") == 1


def test_a_machine_reads_the_doctor_s_refusal_of_a_setting(tmp_path: Path):
    code, out, err = onbook(tmp_path, "doctor", "--json", ONBOOK_ROWS="many")
    assert (code, err) == (1, "")
    [finding] = json.loads(out)["findings"]
    assert finding["text"].startswith("ONBOOK_ROWS is not valid")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "DISCORD_TOKEN is not a valid token"), (400, "Discord cannot be reached")],
)
async def test_failed_login_is_explained_without_the_token(
    status: int, sentence: str, chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    limit = Mock()
    monkeypatch.setattr(runner, "limit_allocator", limit)
    with fake_discord() as address, at(address):
        async with Discord(address) as people:
            await people.fail(faults.Kind.STATUS, "GET", "/users/@me", status=status)
        with pytest.raises(RunnerError, match=sentence) as raised:
            await runner.run_on_discord(with_token(chosen, "not.a.token"))
    assert "not.a.token" not in str(raised.value)
    limit.assert_called_once_with()  # before anything is loaded


async def test_a_refused_intent_is_one_sentence_and_costs_no_session(
    chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "Bot", Mock(side_effect=AssertionError))
    with fake_discord() as address:
        sentence = r"^Discord refuses the message-content intent\. Enable it on the bot's page"
        with at(address), pytest.raises(RunnerError, match=sentence):
            await runner.run_on_discord(with_token(chosen, message_content=True))


async def test_the_database_of_the_local_page_is_refused(chosen: RunnerSettings):
    key = f"guild-voice {LOCAL_GUILD}"
    run_sql(chosen.database, f"INSERT INTO key_values VALUES ('{key}', 'tiny')")  # noqa: S608 - a constant
    sentence = r"^This database belongs to the local page\."
    with fake_discord() as address, at(address), pytest.raises(RunnerError, match=sentence):
        await runner.run_on_discord(with_token(chosen))


async def test_too_few_shards_are_refused(chosen: RunnerSettings):
    with fake_discord(guilds_a_shard=1) as address:
        async with Discord(address) as people:
            await people.guild("The Playhouse")
            await people.guild("The Globe")
        with at(address), pytest.raises(RunnerError, match=r"^Discord requires more shards"):
            await runner.run_on_discord(with_token(chosen))


def test_settings_can_be_given_with_a_command(tmp_path: Path):
    file = tmp_path / "settings.env"
    file.write_text("ONBOOK_DATABASE_URL=postgresql://a:b@c/d\nONBOOK_LOG_LEVEL=ERROR\n")
    settings = read_runner_settings(file, database=tmp_path / "own.db", log_level="DEBUG")
    assert settings.database_location == tmp_path / "own.db"
    assert settings.log_level == "DEBUG"
    assert read_runner_settings(file).log_level == "ERROR"
    code, _, err = onbook(tmp_path, "voices", "--env-file", "none.env")
    assert (code, err) == (
        1,
        "There is no file none.env. Name the file of settings, or leave --env-file out.",
    )


def test_only_run_reads_the_shards(tmp_path: Path):
    address = "postgresql://a:b@c/d"
    (tmp_path / ".env").write_text(f"ONBOOK_DATABASE_URL={address}\nONBOOK_SHARDS=0-3/16\n")
    for command, said in (
        (["export", "T", "t.pdf"], "There is no database old.db."),
        (["run"], "ONBOOK_SHARDS is not valid: several processes need ONBOOK_DATABASE_URL"),
        (["doctor", "run"], "ONBOOK_SHARDS is not valid: several processes need"),
    ):
        code, _, err = onbook(tmp_path, *command, "--database", "old.db")
        assert code == 1
        assert err.startswith(said)


def test_reading_a_database_leaves_no_file_beside_it(chosen: RunnerSettings, tmp_path: Path):
    with pytest.raises(RunnerError, match="There is no script yet"):
        asyncio.run(script_files.export(chosen, "The Heist", tmp_path / "heist.txt", "letter"))
    asyncio.run(doctor.check_all(chosen, "write"))
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["scripts.db"]


async def test_an_error_names_the_operator_s_file_instead_of_its_copy(
    chosen: RunnerSettings, tmp_path: Path
):
    ours = re.escape(str(chosen.database))
    lost = "DELETE FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    run_sql(chosen.database, "PRAGMA writable_schema = ON", lost)
    with pytest.raises(StoreError, match=f"^{ours} is damaged"):
        await script_files.export(chosen, "x", tmp_path / "x.txt", "letter")
    run_sql(chosen.database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=f"^{ours} is from a newer On Book"):
        await script_files.export(chosen, "x", tmp_path / "x.txt", "letter")
    with pytest.raises(StoreError, match=f"^{ours} is from a newer On Book"):
        await copy_database(chosen.database, tmp_path / "new.db")


async def test_script_is_exported_beside_a_bot_that_runs(chosen: RunnerSettings, tmp_path: Path):
    async with opened(chosen.database) as store:
        first, second = [
            await store.scripts.create_script(make_script(channel), drafts)
            for channel, drafts in ((1, [make_draft("The vault is empty.")]), (2, []))
        ]
        for name, ending, why in (
            (
                "the diner",
                "txt",
                (
                    rf"(?s)2 scripts are called “the diner”. Give the id of one: "
                    rf"\n  {second.id}  The Diner, [\d-]+ \d\d:\d\d: \(empty\)"
                    rf"\n  {first.id}  The Diner, [\d-]+ \d\d:\d\d: The vault is empty\.$"
                ),
            ),
            (str(second.id), "txt", "has no lines yet"),
            ("x", "txt", r"(?s)No script is called “x”.*The Diner"),
            ("x", "doc", r"ends with \.fountain"),
        ):
            with pytest.raises(RunnerError, match=why):
                await script_files.export(chosen, name, tmp_path / f"diner.{ending}", "letter")
        for ending in ("fountain", "pdf"):
            file = tmp_path / f"diner.{ending}"
            await script_files.export(chosen, str(first.id), file, "a4")
            assert file.stat().st_size
            with pytest.raises(RunnerError, match="already exists"):
                await script_files.export(chosen, str(first.id), file, "a4")
        assert "The vault is empty." in (tmp_path / "diner.fountain").read_text()
        lines = await store.lines.load_path(first.head)
    file = tmp_path / "full.txt"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(RunnerError, match=r"File too large.* Check its folder"):
            script_files.write_script(first, lines, file, script_files.find_format(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not file.exists()
