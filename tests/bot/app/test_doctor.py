"""Test ``onbook doctor`` at the fake Discord and without a network."""

import errno
import json
import re
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import discord
import pytest
from filelock import FileLock

from bot.app import doctor
from bot.app.client import INVITE_PERMISSIONS
from bot.app.health import serve_pages
from bot.app.metrics import Metrics
from bot.errors import StoreError
from bot.settings import RunnerSettings
from bot.storage.store import open_database
from tests.bot.conftest import on
from tests.bot.session_harness import run_sql
from tests.bot.storage.disk_faults import make_file_read_only
from tests.fake_discord.bot import at
from tests.fake_discord.people import Discord
from tests.fake_discord.processes import fake_discord
from tests.tools.postgres_server import Server, ask, find_free_port

from .program import with_token

Check = Callable[..., Awaitable[str]]
"""Check everything with these arguments of `doctor.check_all`; return what is printed."""


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Return a function that also compares the exit code with its first argument."""

    async def check_all(code: int, *arguments: Any, **how: Any) -> str:
        assert await doctor.check_all(*arguments, **how) == code
        return capsys.readouterr().out

    return check_all


async def test_doctor_checks_discord(chosen: RunnerSettings, check: Check):
    with fake_discord() as address, at(address):
        async with Discord(address) as people:
            out = await check(1, with_token(chosen), "run")
            assert "!!  Servers: none. Invite the bot: https://" in out
            await people.guild("The Playhouse", INVITE_PERMISSIONS.value)
            out = await check(0, with_token(chosen))
            assert "ok  Token: Discord knows it as " in out
            assert "ok  Privileged intents: On Book needs none; no other is on" in out
            assert "ok  Commands: the first run adds them" in out
            assert (
                "ok  Server “The Playhouse”: the bot has all the permissions that it needs" in out
            )
            assert "ok  Voice of new scripts: tiny works" in out
            assert out.endswith("Everything is ok.\n")
            await people.guild("The Globe", discord.Permissions(send_messages=True).value)
            out = await check(1, with_token(chosen), "run")
            assert re.search("!!  Server “The Globe”: the bot lacks .*Attach Files", out)
            for number in range(200):  # a page, so that one request does not return all servers
                await people.guild(f"Stage {number}", INVITE_PERMISSIONS.value)
            assert (await check(0, with_token(chosen))).count("  Server “") == 202
        for wrong in ("not.a.token", "not\x01a\ntoken"):  # the second in no header
            out = await check(1, with_token(chosen, wrong), "run")
            assert "!!  Token: DISCORD_TOKEN is not a valid token" in out


async def test_doctor_checks_the_intent_for_content(chosen: RunnerSettings, check: Check):
    asking = with_token(chosen, message_content=True)
    for is_granted, finding in (
        (False, "--  Privileged intents: Discord refuses the message-content intent. Enable it on"),
        (True, "ok  Privileged intents: On Book needs message content; no other is on"),
    ):
        with fake_discord(may_read_content=is_granted) as address, at(address):
            assert finding in await check(0, asking)
            await check(1, asking, "run")  # as no server has the bot


async def test_doctor_works_without_a_network(chosen: RunnerSettings, tmp_path: Path, check: Check):
    chosen.database.touch()
    with FileLock(f"{chosen.database}.lock"), at("http://127.0.0.1:1"):
        out = await check(1, with_token(chosen), "run")
    assert "!!  Token: Discord cannot be reached (ClientConnectorError)." in out
    assert f"ok  Database: {chosen.database} is in use by a running On Book" in out
    assert "ok  Voice of new scripts: tiny works" in out

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        nowhere = {"database": tmp_path / "no" / "scripts.db", "model": "gone"}
        wrong = chosen.model_copy(update={"metrics_port": port, **nowhere})
        out = await check(1, wrong, "run")
    assert "!!  Token: DISCORD_TOKEN is not set." in out
    assert "!!  Database: There is no folder" in out
    assert "!!  Voice of new scripts: There is no voice “gone”" in out
    assert f" Set ONBOOK_MODEL to a voice in {chosen.models}.\n" in out
    assert f"!!  Metrics: port {port} cannot be opened (Address already in use)." in out
    assert out.endswith("Problems to fix: 4.\n")
    for host in ("256.0.0.1", "metrics..local"):
        out = await check(1, wrong.model_copy(update={"metrics_host": host}), "run")
        assert "and ONBOOK_METRICS_HOST to an address of this machine." in out
    for said in ("There is no folder .* the voices", "The folder ONBOOK_MODELS .* Put one there"):
        empty = wrong.model_copy(update={"models": tmp_path / "empty"})
        out = await check(1, empty, "run")
        assert re.search(rf"!!  Voice of new scripts: {said}\.\n", out)
        empty.models.mkdir(exist_ok=True)
    chosen.database.write_bytes(b"no database" * 500)
    assert "is not a usable database" in await check(1, chosen)


async def test_doctor_tells_its_own_bot_from_another_one_at_the_port(
    chosen: RunnerSettings, check: Check
):
    port = find_free_port()
    served = chosen.model_copy(update={"metrics_port": port})
    async with serve_pages("127.0.0.1", port, Metrics(dict), Mock()):
        with FileLock(f"{served.database}.lock"):
            out = await check(1, served, "run")
        assert f"ok  Metrics: On Book serves port {port}\n" in out
        out = await check(1, served, "run")
        assert f"--  Metrics: On Book serves port {port}. If" in out


async def test_doctor_finds_a_read_only_a_damaged_and_a_newer_file(
    chosen: RunnerSettings, tmp_path: Path, check: Check, monkeypatch: pytest.MonkeyPatch
):
    (begun := tmp_path / "begun.db").touch()
    out = await check(0, on(chosen, begun), "write")
    assert f"ok  Database: {begun} will be created" in out
    with monkeypatch.context() as patched:  # as no folder's mode stops root
        denied = PermissionError(errno.EACCES, "Permission denied")
        patched.setattr(doctor, "TemporaryFile", Mock(side_effect=denied))
        out = await check(1, on(chosen, begun), "write")
    said = f"!!  Database: {begun} cannot be opened (Permission denied). Make its folder writable."
    assert said in out
    with monkeypatch.context() as patched:
        full = Path("/dev/full")
        patched.setattr(doctor, "TemporaryFile", lambda **_: full.open("wb"))
        out = await check(1, on(chosen, chosen.database), "write")
    assert "cannot be opened (No space left on device). Free some space." in out
    frozen = Path(shutil.copy(chosen.database, tmp_path / "frozen.db"))
    make_file_read_only(frozen)
    out = await check(1, on(chosen, frozen), "write")
    assert f"!!  Database: {frozen} cannot be opened or written." in out
    newer = Path(shutil.copy(chosen.database, tmp_path / "newer.db"))
    run_sql(newer, "UPDATE alembic_version SET version_num = '9999'")
    out = await check(1, on(chosen, newer), "write")
    assert f"!!  Database: {newer} is from a newer On Book" in out
    lost = "DELETE FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    run_sql(chosen.database, "PRAGMA writable_schema = ON", lost)
    out = await check(1, chosen, "write")
    assert f"!!  Database: {chosen.database} is damaged." in out


async def test_doctor_finds_a_server_without_rights_and_one_with_a_newer_database(
    chosen: RunnerSettings, postgres: Server, check: Check
):
    url = postgres.create()
    ask(url, "CREATE ROLE visitor LOGIN PASSWORD 'as a guest'")
    visitor = url.set(username="visitor", password="as a guest")  # noqa: S106 - opens nothing else
    said = f"make its tables. Run ALTER DATABASE {url.database} OWNER TO visitor."
    assert said in await check(1, on(chosen, visitor), "write")
    with pytest.raises(StoreError, match=re.escape(said)):
        await open_database(visitor)
    ask(url, f"ALTER DATABASE {url.database} OWNER TO visitor")
    await check(0, on(chosen, visitor), "write")
    ask(url, f"REASSIGN OWNED BY visitor TO {url.username}", "DROP ROLE visitor")
    await (await open_database(url)).close()
    assert f"ok  Database: {url} answers" in await check(0, on(chosen, url), "write")
    ask(url, "UPDATE alembic_version SET version_num = '9999'")
    out = await check(1, on(chosen, url), "write")
    assert "!!  Database: The PostgreSQL database is from a newer On Book" in out


async def test_doctor_notes_what_the_command_does_not_need(chosen: RunnerSettings, check: Check):
    for command, code, mark in (("all", 0, "--"), ("write", 0, "--"), ("run", 1, "!!")):
        out = await check(code, chosen, command)
        assert f"{mark}  Token: DISCORD_TOKEN is not set." in out
    findings = json.loads(await check(1, chosen, "run", as_json=True))["findings"]
    assert [finding["grade"] for finding in findings if finding["part"] == "Token"] == ["fault"]


async def test_doctor_finds_settings_that_set_nothing(
    chosen: RunnerSettings, tmp_path: Path, check: Check, monkeypatch: pytest.MonkeyPatch
):
    meant = {"TEMPRATURE": "ONBOOK_TEMPERATURE", "TOKEN": "DISCORD_TOKEN", "DB": "ONBOOK_DATABASE"}
    for name in meant:
        monkeypatch.setenv(f"ONBOOK_{name}", "9")
    file = tmp_path / "wrong.env"
    file.write_text(
        "# A comment\n\nONBOOK_MODEL: screen\nexport ONBOOK_ROWS = 3\nONBOOK_LOOK\nONBOOK_SEED='9\n"
    )
    out = await check(1, chosen, "write", file)
    for name, near in meant.items():
        assert f"!!  Settings: There is no setting ONBOOK_{name}: did you mean {near}?" in out
    for number in (3, 5, 6):
        assert f"!!  Settings: Line {number} of {file} sets nothing. Write NAME=VALUE, with" in out
    assert out.endswith("Problems to fix: 6.\n")
