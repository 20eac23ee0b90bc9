"""Test ``python -m bot``: what the program needs, and what it says when that is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import discord
import pytest
import yarl
from aiohttp import web
from pydantic import SecretStr

import bot
from bot.app import runner, voice_cards
from bot.errors import RunnerError
from bot.inference.model import ModelError
from bot.settings import RunnerSettings
from tests.fake_discord.bot import at
from tests.fake_discord.people import Discord
from tests.fake_discord.processes import fake_discord, run_onbook
from tests.fake_discord.state import TOKEN

ROOT = Path(__file__).parents[3]


def python_m_bot(
    folder: Path, *arguments: str, typed: str = "", **environment: str
) -> tuple[int, str, str]:
    """Run the bot in a folder; return the exit code, the output, and the errors without the log."""
    kept = {k: v for k, v in os.environ.items() if k != "DISCORD_TOKEN" and "ONBOOK" not in k}
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout, without_log(done.stderr)


def without_log(errors: str) -> str:
    """Return the errors of a process without its log."""
    return "\n".join(line for line in errors.splitlines() if not line.startswith("["))


def onbook(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command as `python_m_bot`, in a process that need not import everything."""
    code, out, errors = run_onbook(folder, *arguments, **environment)
    return code, out, without_log(errors)


@pytest.mark.parametrize("program", ["bot", "training", "export"])
def test_help_and_the_version_import_nothing_large(tmp_path: Path, program: str):
    large = "{'discord', 'numpy', 'pydantic', 'sqlalchemy', 'torch'}"
    code = (
        f"import sys, runpy; sys.argv = ['{program}.py', '--help']\n"
        f"try: runpy.run_module('{program}', run_name='__main__')\n"
        f"finally: assert not {large} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {program}")


def test_it_has_a_version(tmp_path: Path):
    code, out, err = python_m_bot(tmp_path, "--version")
    assert (code, out, err) == (0, f"On Book {bot.__version__}\n", "")
    code, out, err = python_m_bot(tmp_path)
    assert (code, err) == (2, "")
    assert out.startswith("usage: python -m bot")


async def test_a_voice_is_listed_and_shown(
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


def test_without_a_token_it_says_how_to_go_on(tmp_path: Path):
    code, out, err = onbook(tmp_path, "run")
    assert (code, out) == (1, "")
    assert err.startswith("DISCORD_TOKEN is not set. Put the bot's token into .env")
    assert err.count("\n") == 0


@pytest.mark.parametrize("content", [None, b"no voice at all"])
def test_without_a_voice_it_says_which_is_missing(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "mine.onnx").write_bytes(content)
    code, _, err = onbook(tmp_path, "play", ONBOOK_MODELS=str(tmp_path), ONBOOK_MODEL="mine")
    assert code == 1
    assert "mine" in err
    assert err.count("\n") == 0
    assert not (tmp_path / "onbook.db").exists()


def test_a_setting_out_of_range_is_named(tmp_path: Path):
    (tmp_path / ".env").write_text("ONBOOK_TEMPERATURE=9\nDISCORD_TOKEN=s3cret\n")
    code, _, err = onbook(tmp_path, "run")
    assert code == 1
    assert err.startswith("ONBOOK_TEMPERATURE is not valid:")
    assert "s3cret" not in err


def test_a_second_process_is_refused(chosen: RunnerSettings, tmp_path: Path):
    from filelock import FileLock

    with FileLock(f"{chosen.database}.lock"):
        code, _, err = onbook(
            tmp_path,
            "play",
            ONBOOK_DATABASE=str(chosen.database),
            ONBOOK_MODELS=str(chosen.models),
            ONBOOK_MODEL=chosen.model,
        )
    assert code == 1
    assert "is in use by another On Book" in err
    assert err.count("\n") == 0


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "Discord refused DISCORD_TOKEN"), (400, "Discord cannot be reached")],
)
async def test_a_refused_token_and_a_discord_out_of_reach_are_sentences(
    status: int, sentence: str, chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"message": "no", "code": 0}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    server = web.AppRunner(app)
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    port = server.addresses[0][1]
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{port}/api/v10")
    monkeypatch.setattr(
        discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(f"ws://127.0.0.1:{port}/")
    )
    token = SecretStr("not.a.token")
    try:
        with pytest.raises(RunnerError, match=sentence) as raised:
            await runner.run_on_discord(chosen.model_copy(update={"discord_token": token}))
    finally:
        await server.cleanup()
    assert "not.a.token" not in str(raised.value)


async def test_too_few_shards_are_told_of(chosen: RunnerSettings):
    with fake_discord(guilds_a_shard=1) as address:
        async with Discord(address) as people:
            await people.guild("The Playhouse")
            await people.guild("The Globe")
        token = {"discord_token": SecretStr(TOKEN)}
        with (
            at(address),
            pytest.raises(RunnerError, match=r"^Discord requires more shards"),
        ):
            await runner.run_on_discord(chosen.model_copy(update=token))
