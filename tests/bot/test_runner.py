"""Test ``python -m bot``: what the program needs, and what it says when that is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import discord
import pytest
import yarl
from aiohttp import web
from pydantic import SecretStr

from bot.app import client
from bot.app.client import RunnerError
from bot.settings import RunnerSettings
from tests.fake_discord.addresses import at
from tests.fake_discord.people import Discord
from tests.fake_discord.processes import fake_discord
from tests.fake_discord.state import TOKEN

ROOT = Path(__file__).parents[2]


def python_m_bot(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run the bot in a folder; return the exit code, the output, and the errors without the log."""
    kept = {k: v for k, v in os.environ.items() if k != "DISCORD_TOKEN" and "ONBOOK" not in k}
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    return done.returncode, done.stdout, "\n".join(lines)


def test_without_a_token_it_says_how_to_go_on(tmp_path: Path):
    code, out, err = python_m_bot(tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("DISCORD_TOKEN is not set. Put the bot's token into .env")
    assert err.count("\n") == 0


@pytest.mark.parametrize("content", [None, b"", b"no voice at all", b"\x08\x08" * 50])
def test_without_a_voice_it_says_which_is_missing(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "mine.onnx").write_bytes(content)
    code, _, err = python_m_bot(
        tmp_path, "--local", ONBOOK_MODELS=str(tmp_path), ONBOOK_MODEL="mine"
    )
    assert code == 1
    assert "mine" in err
    assert err.count("\n") == 0
    assert not (tmp_path / "onbook.db").exists()


def test_a_setting_out_of_range_is_named(tmp_path: Path):
    (tmp_path / ".env").write_text("ONBOOK_TEMPERATURE=9\nDISCORD_TOKEN=s3cret\n")
    code, _, err = python_m_bot(tmp_path)
    assert code == 1
    assert err.startswith("ONBOOK_TEMPERATURE is not valid:")
    assert "s3cret" not in err


def test_a_second_process_is_refused(chosen: RunnerSettings, tmp_path: Path):
    from filelock import FileLock

    with FileLock(f"{chosen.database}.lock"):
        code, _, err = python_m_bot(
            tmp_path,
            "--local",
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
            await client.run_on_discord(chosen.model_copy(update={"discord_token": token}))
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
            await client.run_on_discord(chosen.model_copy(update=token))


def test_the_invitation_asks_for_just_what_is_needed():
    needed = discord.Permissions.none()
    needed.update(
        view_channel=True,
        send_messages=True,
        send_messages_in_threads=True,
        create_public_threads=True,
        attach_files=True,
        manage_webhooks=True,
        read_message_history=True,
    )
    assert needed == client.INVITE_PERMISSIONS
