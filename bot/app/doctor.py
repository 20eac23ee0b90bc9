"""Check everything that the bot needs, and say of each part that it is ok or what to do."""

from __future__ import annotations

import asyncio
import errno
import json
import platform
import socket
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile

import aiohttp
import discord
from filelock import FileLock, Timeout
from sqlalchemy import URL, NullPool

from .. import __version__
from ..audio.table_read import is_installed
from ..errors import ModelError, RunnerError, StoreError
from ..inference.registry import ModelRegistry
from ..settings import ENV_FILE, RunnerSettings, explain_mistakes
from ..storage.postgres.connections import connect
from ..storage.postgres.error_codes import raising_store_error
from ..storage.postgres.tables import check_tables
from ..storage.sqlite.files import open_to_read
from ..storage.sqlite.sqlite_database import SMALLEST_CHANGE, explain_failure
from ..ui.markdown import to_plain_text
from . import LOCAL_PORT
from .client import INVITE_PERMISSIONS, METRICS_MISSING, make_invite_link
from .runner import CONTENT_REFUSED, read_token, translate_discord_errors

MARKS = {"ok": "ok", "note": "--", "fault": "!!"}
"""The marks of findings by their grades."""

PRIVILEGED = ("gateway_presence", "gateway_guild_members", "gateway_message_content")
"""The privileged intents, as the flags of an application name them."""

ROOM = 65_536
"""The least free space that a database needs, in bytes."""


@dataclass(frozen=True)
class Finding:
    """Hold the finding on one part: that it works, or what to do."""

    part: str
    text: str
    is_ok: bool = True
    needed_by: tuple[str, ...] = ("run", "play", "write")
    """The commands that do not work until the part is ok."""


async def check_all(
    settings: RunnerSettings,
    command: str = "all",
    env_file: Path | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Print a line for each part; return the exit code, which is 1 if there is something to do.

    There is something to do about a part that is not ok and that ``command``, or every command,
    needs; other such parts are noted.
    """
    grades = Counter[str]()
    found = []
    if not as_json:
        print(f"ok  On Book {__version__}, Python {platform.python_version()}", flush=True)
    for check in (
        _check_names(env_file),
        *(run(settings) for run in (_check_discord, _check_database, _check_models, _check_ports)),
    ):
        async for finding in check:
            grade = _grade(finding, command)
            grades[grade] += 1
            if as_json:
                found.append({"part": finding.part, "grade": grade, "text": finding.text})
            else:
                print(f"{MARKS[grade]}  {finding.part}: {finding.text}", flush=True)
    to_do = grades["fault"]
    if as_json:
        print(json.dumps({"version": __version__, "findings": found}, indent=2))
    else:
        everything = "Nothing needs to be done." if grades["note"] else "Everything is ok."
        print(f"Problems to fix: {to_do}." if to_do else everything)
    return 1 if to_do else 0


def _grade(finding: Finding, command: str) -> str:
    if finding.is_ok:
        return "ok"
    everywhere = len(finding.needed_by) == len(Finding.needed_by)
    return "fault" if everywhere or command in finding.needed_by else "note"


async def _check_names(env_file: Path | None) -> AsyncIterator[Finding]:
    for text in explain_mistakes(env_file or ENV_FILE):
        yield Finding("Settings", text, is_ok=False)


async def _check_discord(settings: RunnerSettings) -> AsyncIterator[Finding]:
    """Check the token, and what it reveals about intents, commands and permissions."""
    try:
        token = read_token(settings)
        if not token:
            text = "DISCORD_TOKEN is not set. To run on Discord, put the bot's token in .env."
            yield Finding("Token", text, is_ok=False, needed_by=("run",))
            return
        with translate_discord_errors():
            async with (
                asyncio.timeout(20.0),
                discord.Client(intents=discord.Intents(guilds=True)) as client,
            ):
                await client.login(token)
                assert client.application_id is not None  # known since the login
                link = make_invite_link(client.application_id)
                yield Finding("Token", f"Discord knows it as {client.user}")
                yield _check_intents(client.application_flags, settings)
                commands = await client.http.get_global_commands(client.application_id)
                known = f"{len(commands)} are registered" if commands else "the first run adds them"
                yield Finding("Commands", known)
                last = None
                # 200 is the most that one request returns.
                while guilds := await client.http.get_guilds(200, after=last, with_counts=False):
                    for guild in guilds:
                        yield _check_permissions(guild["name"], int(guild["permissions"]), link)
                    last = guilds[-1]["id"]
                if last is None:
                    text = f"none. Invite the bot: {link}"
                    yield Finding("Servers", text, is_ok=False, needed_by=("run",))
    except RunnerError as error:
        yield Finding("Token", str(error), is_ok=False, needed_by=("run",))


def _check_intents(flags: discord.ApplicationFlags, settings: RunnerSettings) -> Finding:
    on = [
        name.removeprefix("gateway_").replace("_", " ")
        for name in PRIVILEGED
        if getattr(flags, name) or getattr(flags, f"{name}_limited")
    ]
    needed = "message content" if settings.message_content else "none"
    if settings.message_content:
        if needed not in on:
            return Finding("Privileged intents", CONTENT_REFUSED, is_ok=False, needed_by=("run",))
        on.remove(needed)
    text = f"{', '.join(on)} can be switched off" if on else "no other is on"
    return Finding("Privileged intents", f"On Book needs {needed}; {text}")


def _check_permissions(name: str, permissions: int, link: str) -> Finding:
    granted = discord.Permissions(permissions)
    missing = [
        needed.replace("_", " ").title()
        for needed, is_needed in INVITE_PERMISSIONS
        if is_needed and not (granted.administrator or getattr(granted, needed))
    ]
    if not missing:
        return Finding(f"Server “{name}”", "the bot has all the permissions that it needs")
    lacks = f"the bot lacks {', '.join(missing)}"
    text = f"{lacks}. Grant these to the bot's role, or invite it again: {link}"
    return Finding(f"Server “{name}”", text, is_ok=False, needed_by=("run",))


async def _check_database(settings: RunnerSettings) -> AsyncIterator[Finding]:
    location = settings.database_location
    try:
        if isinstance(location, URL):
            with raising_store_error():
                engine = connect(location, poolclass=NullPool)
                async with engine.connect() as connection:
                    await check_tables(connection)
            yield Finding("Database", f"{location} answers")
        else:
            yield Finding("Database", await asyncio.to_thread(_check_file, location))
    except StoreError as error:
        yield Finding("Database", str(error), is_ok=False)


def _check_file(path: Path) -> str:
    """Describe a SQLite file, without changing what it says; raise StoreError if it is unusable."""
    folder = path.absolute().parent
    try:
        # SQLite leaves an empty file if the first start was cut short.
        is_new = not path.exists() or not path.stat().st_size
        if is_new and not folder.is_dir():
            raise StoreError(f"There is no folder {path.parent}. Create it, or name another file.")
        with TemporaryFile(dir=folder) as file:  # as the bot makes files beside the database
            file.write(bytes(ROOM))
        if is_new:
            return f"{path} will be created"
        if _is_in_use(path):
            return f"{path} is in use by a running On Book"
    except OSError as error:
        is_full = error.errno == errno.ENOSPC
        advice = "Free some space." if is_full else "Make its folder writable."
        raise StoreError(f"{path} cannot be opened ({error.strerror}). {advice}") from error
    try:
        with open_to_read(path) as connection:
            (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (scripts,) = connection.execute("SELECT count(*) FROM scripts").fetchone()
            for statement in ("PRAGMA query_only = OFF", "BEGIN IMMEDIATE", SMALLEST_CHANGE):
                connection.execute(statement)  # rolled back at the end
    except sqlite3.Error as error:
        raise StoreError(explain_failure(path, error)) from error
    if damage != "ok":
        raise StoreError(f"{path} is damaged. Restore a backup.")
    return f"{path} is in order (scripts: {scripts:,})"


def _is_in_use(path: Path) -> bool:
    """Return whether an On Book has locked a SQLite file; raise OSError if that cannot be told."""
    lock = Path(f"{path}.lock")
    try:
        # The lock is not created, because the database may be another program's file.
        if lock.exists():
            with FileLock(lock, timeout=0):
                pass
    except Timeout:
        return True
    return False


async def _check_models(settings: RunnerSettings) -> AsyncIterator[Finding]:
    registry = ModelRegistry(settings.models, settings.threads, settings.rows)
    try:
        await registry.engine(settings.model)
        yield Finding("Voice of new scripts", f"{settings.model} works")
    except ModelError as error:
        text = to_plain_text(str(error))
        if registry.names():
            text += f" Set ONBOOK_MODEL to a voice in {settings.models}."
        elif not settings.models.is_dir():
            text = f"There is no folder {settings.models}. Set ONBOOK_MODELS to that of the voices."
        yield Finding("Voice of new scripts", text, is_ok=False)
    finally:
        registry.close()
    for file in await registry.examine_all():
        if file.refusal and file.name != settings.model:
            yield Finding(f"Voice {file.name}", to_plain_text(str(file.refusal)), is_ok=False)


async def _check_ports(settings: RunnerSettings) -> AsyncIterator[Finding]:
    if find_spec("simcord") is None:
        text = "not installed. In On Book's folder, run make play."
        yield Finding("Local page", text, is_ok=False, needed_by=("play",))
    else:
        otherwise = "Use `onbook play --port 0`, unless On Book is already running."
        yield _check_port("Local page", "127.0.0.1", LOCAL_PORT, otherwise, "play")
    if not is_installed():
        text = 'not installed. In On Book\'s folder, run pip install --editable ".[audio]"'
        yield Finding("Table reads", text, is_ok=False, needed_by=())
    if not settings.metrics_port:
        yield Finding("Metrics", "off")
    elif find_spec("prometheus_client") is None:
        yield Finding("Metrics", METRICS_MISSING, is_ok=False, needed_by=("run",))
    elif await _is_served(settings.metrics_host, settings.metrics_port):
        yield _check_server(settings.database_location, settings.metrics_port)
    else:
        otherwise = (
            "Set ONBOOK_METRICS_PORT to a free port and ONBOOK_METRICS_HOST to an address of this "
            "machine."
        )
        host, port = settings.metrics_host, settings.metrics_port
        yield _check_port("Metrics", host, port, otherwise, "run")


async def _is_served(host: str, port: int) -> bool:
    """Return whether a running On Book serves its health at an address."""
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5.0)) as session,
            session.get(f"{address}/healthz") as answer,
        ):
            return await answer.read() == b"alive\n"
    except (aiohttp.ClientError, TimeoutError, UnicodeError):  # the last for a name such as a..b
        return False


def _check_server(location: Path | URL, port: int) -> Finding:
    """Return a finding on the On Book that serves a port: this bot locks its SQLite file."""
    text = f"On Book serves port {port}"
    with suppress(OSError):
        if isinstance(location, Path) and not _is_in_use(location):
            text += ". If it is another bot, set ONBOOK_METRICS_PORT to a free port."
            return Finding("Metrics", text, is_ok=False, needed_by=())
    return Finding("Metrics", text)


def _check_port(part: str, host: str, port: int, otherwise: str, command: str) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except (OSError, UnicodeError) as error:
        # Without the address, which Python adds.
        why = str(getattr(error, "strerror", error)).partition(" (")[0]
        text = f"port {port} cannot be opened ({why}). {otherwise}"
        return Finding(part, text, is_ok=False, needed_by=(command,))
    return Finding(part, f"port {port} is free")
