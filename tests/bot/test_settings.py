"""Test where settings come from, and that a refusal repeats no secret."""

import errno
import os
import re
import traceback
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import URL

from bot.errors import SettingsError
from bot.settings import (
    POSTGRESQL_SCHEMES,
    Settings,
    parse_address,
    read_runner_settings,
    read_settings,
)
from bot.storage.postgres.postgres_database import PostgresDatabase
from bot.storage.store import find_backend
from tests.fake_discord.processes import ROOT

TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.secret"  # noqa: S105 - nobody's


@pytest.fixture(autouse=True)
def empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run each test in an empty folder, without variables of the bot."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith(("ONBOOK_", "DISCORD_")):
            monkeypatch.delenv(name)


def test_example_file_lists_every_default():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, Path) and default.is_absolute():
            default = default.relative_to(ROOT)
        default = "" if default is None else default
        assert f"\n#ONBOOK_{name.upper()}={default}\n" in example


def test_variables_need_the_prefix(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("ONBOOK_TEMPERATURE", "1.5")
    monkeypatch.setenv("ONBOOK_QUALITTY", "good")
    monkeypatch.setenv("ONBOOK_DATABASE", "/somewhere/else.db")
    monkeypatch.setenv("TOP_P", "0.5")
    for chosen in (read_settings(), read_runner_settings()):
        assert chosen.temperature == 1.5
        assert chosen.database == Path("/somewhere/else.db")
        assert chosen.top_p == 0.95
    # Once, for a plug-in: the runner's log is not set up when it reads settings.
    assert caplog.messages == ["There is no setting ONBOOK_QUALITTY: did you mean ONBOOK_QUALITY?"]


def test_only_the_runner_reads_the_env_file(monkeypatch: pytest.MonkeyPatch):
    lines = ["ONBOOK_MODEL=clown", "ONBOOK_ROWS=3", f"DISCORD_TOKEN={TOKEN}", "OTHER=1"]
    Path(".env").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("ONBOOK_ROWS", "4")
    assert (read_settings().model, read_settings().rows) == ("stage", 4)
    chosen = read_runner_settings()
    assert (chosen.model, chosen.rows) == ("clown", 4)
    assert chosen.discord_token is not None
    assert chosen.discord_token.get_secret_value() == TOKEN


def test_env_file_must_be_a_text_in_utf_8():
    file, lines = Path(".env"), f"DISCORD_TOKEN={TOKEN}\nONBOOK_MODEL=blöd\n"
    for encoding in ("utf-16", "latin-1"):  # PowerShell writes the first
        file.write_text(lines, encoding=encoding)
        with pytest.raises(SettingsError, match=r"^\.env must be a text file") as refused:
            read_runner_settings()
        assert TOKEN not in "".join(traceback.format_exception(refused.value))
    file.write_text(lines, encoding="utf-8-sig")
    assert read_runner_settings().secrets() == [TOKEN]


def test_env_file_must_be_a_readable_file(monkeypatch: pytest.MonkeyPatch):
    Path(".env").mkdir()
    with pytest.raises(SettingsError, match=r"^\.env is a folder"):
        read_runner_settings()
    Path(".env").rmdir()
    denied = PermissionError(errno.EACCES, "Permission denied", ".env")
    monkeypatch.setattr("bot.settings.RunnerSettings", Mock(side_effect=denied))  # as for no root
    with pytest.raises(SettingsError, match=r"^\.env cannot be read \(Permission denied\)\."):
        read_runner_settings()


INVALID = ["TEMPERATURE=0.05", "TEMPERATURE=2.1", "TEMPERATURE=nan", "TOP_P=0", "TOP_P=1.01",
           "LINE_LENGTH=39", "LINE_LENGTH=1501", "THREADS=0", "QUEUE=0", "ROWS=many",
           f"ROWS={TOKEN}", f"LOG_LEVEL={TOKEN}"]  # fmt: skip


@pytest.mark.parametrize("setting", INVALID)
def test_invalid_value_is_refused_without_repeating_it(
    setting: str, monkeypatch: pytest.MonkeyPatch
):
    name, _, value = f"ONBOOK_{setting}".partition("=")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_runner_settings()
    assert re.fullmatch(rf"{name} is not valid: .*\.", str(refused.value))
    assert TOKEN not in "".join(traceback.format_exception(refused.value))


def test_banned_words_that_cannot_be_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "banned.txt"
    file.write_text("blöd", encoding="latin-1")
    for path in (file, tmp_path, tmp_path / "none.txt"):
        monkeypatch.setenv("ONBOOK_BANNED", str(path))
        with pytest.raises(SettingsError, match=rf"^ONBOOK_BANNED is not valid: {path} is "):
            read_settings()
    file.write_text("blöd", encoding="utf-8")
    monkeypatch.setenv("ONBOOK_BANNED", str(file))
    assert read_settings().banned == file


def test_docker_secret_is_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.settings.SECRETS_FOLDER", tmp_path)
    (tmp_path / "discord_token").write_text(f"{TOKEN}\n", encoding="utf-8")
    token = read_runner_settings().discord_token
    assert token is not None
    assert token.get_secret_value() == TOKEN
    assert read_settings().model == "stage"


ADDRESS = "postgresql+asyncpg://ann:se%40cret@localhost:5433/scripts"


def test_database_address_replaces_the_file_and_printed_settings_hide_secrets(
    monkeypatch: pytest.MonkeyPatch,
):
    assert read_settings().database_location == Path("onbook.db")
    monkeypatch.setenv("ONBOOK_DATABASE_URL", ADDRESS)
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    chosen = read_runner_settings()
    location = chosen.database_location
    assert isinstance(location, URL)
    assert (location.host, location.password) == ("localhost", "se@cret")
    printed = f"{chosen} {chosen!r} {chosen.model_dump()} {location} {location!r}"
    printed += chosen.model_dump_json()
    assert "cret" not in printed.replace("SecretStr", "")
    assert chosen.secrets() == [TOKEN, ADDRESS, "se@cret"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("secret", "it must look like postgresql+asyncpg://"),
        ("mysql://a:secret@b/c", "it must look like postgresql+asyncpg://"),
        ("postgresql://a:secret@b", "it must look like postgresql+asyncpg://"),
        ("postgresql://a:secret@b:port/c", "it must look like postgresql+asyncpg://"),
        ("postgresql://a:a@secret@b/c", "write @ in the password as %40, and / as %2F"),
        ("postgresql://a:a@b/secret@b/c", "write @ in the password as %40, and / as %2F"),
        ("postgresql://a:secret@b/c?sslmode=always", "its query may only have host, and sslmode"),
        ("postgresql://a:secret@b/c?channel_binding=require", "its query may only have host, and"),
        ("postgresql://a:secret@b/c", "ONBOOK_DATABASE is set, too; unset one of them"),
    ],
)
def test_invalid_database_address_is_refused_without_repeating_it(
    address: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ONBOOK_DATABASE_URL", address)
    if "is set, too" in said:
        monkeypatch.setenv("ONBOOK_DATABASE", "scripts.db")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value).startswith(f"ONBOOK_DATABASE_URL is not valid: {said}")
    assert "secret" not in "".join(traceback.format_exception(refused.value))


def test_database_address_has_one_scheme():
    for scheme in POSTGRESQL_SCHEMES:
        assert find_backend(parse_address(f"{scheme}://a:secret@b/c")) is PostgresDatabase


def test_database_address_chooses_its_encryption():
    url = parse_address(f"{ADDRESS}?sslmode=require&host=/run/postgresql")
    # asyncpg calls the option ``ssl``.
    assert dict(url.query) == {"ssl": "require", "host": "/run/postgresql"}
    assert parse_address(ADDRESS).query == {}


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch):
    for name in ("SHARDS", "ROWS", "BANNED", "GROUP", "DATABASE_URL"):
        monkeypatch.setenv(f"ONBOOK_{name}", "")
    chosen = read_runner_settings()
    assert (chosen.shards, chosen.rows, chosen.group) == (None, 64, "onbook")
    assert chosen.database_location == Path("onbook.db")
