"""Test ``python -m bot``: its commands, and what it says when something is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from filelock import FileLock
from pydantic import SecretStr

import bot
from bot.app import runner, voice_cards
from bot.errors import RunnerError
from bot.inference.model import ModelError
from bot.settings import RunnerSettings
from tests.fake_discord.bot import at
from tests.fake_discord.people import Discord
from tests.fake_discord.processes import ROOT, fake_discord, run_onbook
from tests.fake_discord.state import TOKEN

from .program import python_m_bot, without_log


def onbook(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command in a forked process; return its exit code, output and errors."""
    code, out, errors = run_onbook(folder, *arguments, **environment)
    return code, out, without_log(errors)


@pytest.mark.parametrize("program", ["bot", "training", "export"])
def test_help_and_the_version_import_nothing_large(tmp_path: Path, program: str):
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


def test_version_and_usage(tmp_path: Path):
    code, out, err = python_m_bot(tmp_path, "--version")
    assert (code, out, err) == (0, f"On Book {bot.__version__}\n", "")
    code, out, err = python_m_bot(tmp_path)
    assert (code, out) == (2, "")
    assert "Expected one of {play, run, " in err


async def test_voice_is_listed_and_described(
    chosen: RunnerSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    await voice_cards.show(chosen, None)
    row = r"  tiny +\d\.\d MB  a few scenes of Shakespeare \(for new scripts\)"
    assert re.search(row, capsys.readouterr().out)
    await voice_cards.show(chosen, str(chosen.models / "tiny.onnx"))
    assert "Styles to start a script in: storm, ghost story" in capsys.readouterr().out
    (tmp_path / "mine.onnx").write_bytes(b"no voice at all")
    with pytest.raises(ModelError, match=r"mine\.onnx is damaged, or not an ONNX file"):
        await voice_cards.show(chosen, str(tmp_path / "mine.onnx"))


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ("run", {}, "DISCORD_TOKEN is not set. Put the bot's token into .env"),
        (
            "run",
            {"ONBOOK_TEMPERATURE": "9", "DISCORD_TOKEN": "s3cret"},
            "ONBOOK_TEMPERATURE is not",
        ),
        ("play", {"ONBOOK_MODELS": ".", "ONBOOK_MODEL": "missing"}, "missing"),
        ("play", {"ONBOOK_MODELS": ".", "ONBOOK_MODEL": "damaged"}, "damaged"),
    ],
)
def test_what_is_missing_is_explained_in_a_sentence(
    tmp_path: Path, command: str, environment: dict[str, str], said: str
):
    (tmp_path / "damaged.onnx").write_bytes(b"no voice at all")
    code, out, err = onbook(tmp_path, command, **environment)
    assert (code, out, err.count("\n")) == (1, "", 0)
    assert said in err
    assert "s3cret" not in err
    assert not (tmp_path / "onbook.db").exists()


def test_second_process_is_refused(chosen: RunnerSettings, tmp_path: Path):
    settings = {
        f"ONBOOK_{name.upper()}": str(getattr(chosen, name)) for name in ("models", "model")
    }
    with FileLock(f"{chosen.database}.lock"):
        code, _, err = onbook(tmp_path, "play", ONBOOK_DATABASE=str(chosen.database), **settings)
    assert code == 1
    assert "is in use by another On Book" in err
    assert err.count("\n") == 0


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "Discord refused DISCORD_TOKEN"), (400, "Discord cannot be reached")],
)
async def test_failed_login_is_explained_without_the_token(
    status: int, sentence: str, chosen: RunnerSettings
):
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"message": "no", "code": 0}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        address = f"http://127.0.0.1:{server.port}"
        token = {"discord_token": SecretStr("not.a.token")}
        with at(address), pytest.raises(RunnerError, match=sentence) as raised:
            await runner.run_on_discord(chosen.model_copy(update=token))
    assert "not.a.token" not in str(raised.value)


async def test_too_few_shards_are_refused(chosen: RunnerSettings):
    with fake_discord(guilds_a_shard=1) as address:
        async with Discord(address) as people:
            await people.guild("The Playhouse")
            await people.guild("The Globe")
        token = {"discord_token": SecretStr(TOKEN)}
        with at(address), pytest.raises(RunnerError, match=r"^Discord requires more shards"):
            await runner.run_on_discord(chosen.model_copy(update=token))
