"""Test settings: where they come from, and how a refusal keeps secrets."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest
from sqlalchemy import URL

from bot.errors import SettingsError
from bot.settings import (
    SHIPPED_MODELS,
    Settings,
    parse_address,
    read_runner_settings,
    read_settings,
)

ROOT = Path(__file__).parents[2]

TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.secret"  # noqa: S105 - nobody's


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Clear all settings but those of the test."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith(("ONBOOK_", "DISCORD_")):
            monkeypatch.delenv(name)


def test_without_an_environment_everything_has_a_value():
    chosen = read_settings()
    assert chosen.models == SHIPPED_MODELS
    assert (chosen.temperature, chosen.top_p, chosen.rows) == (0.65, 0.95, 64)
    assert read_runner_settings().discord_token is None


def test_the_example_has_each_with_its_default():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, Path) and default.is_absolute():
            default = default.relative_to(ROOT)
        default = "" if default is None else default
        assert f"\n#ONBOOK_{name.upper()}={default}\n" in example


def test_settings_are_read_from_variables_with_the_prefix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_TEMPERATURE", "1.5")
    monkeypatch.setenv("ONBOOK_DATABASE", "/somewhere/else.db")
    monkeypatch.setenv("TOP_P", "0.5")
    for chosen in (read_settings(), read_runner_settings()):
        assert chosen.temperature == 1.5
        assert chosen.database == Path("/somewhere/else.db")
        assert chosen.top_p == 0.95


def test_only_the_runner_reads_a_file(monkeypatch: pytest.MonkeyPatch):
    lines = ["ONBOOK_MODEL=clown", "ONBOOK_ROWS=3", f"DISCORD_TOKEN={TOKEN}", "OTHER=1"]
    Path(".env").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("ONBOOK_ROWS", "4")
    assert (read_settings().model, read_settings().rows) == ("stage", 4)
    chosen = read_runner_settings()
    assert (chosen.model, chosen.rows) == ("clown", 4)
    assert chosen.discord_token is not None
    assert chosen.discord_token.get_secret_value() == TOKEN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ONBOOK_TEMPERATURE", "0.05"),
        ("ONBOOK_TEMPERATURE", "2.1"),
        ("ONBOOK_TEMPERATURE", "nan"),
        ("ONBOOK_TOP_P", "0"),
        ("ONBOOK_TOP_P", "1.01"),
        ("ONBOOK_LINE_LENGTH", "39"),
        ("ONBOOK_LINE_LENGTH", "1501"),
        ("ONBOOK_THREADS", "0"),
        ("ONBOOK_ROWS", "many"),
        ("ONBOOK_QUEUE", "0"),
        ("ONBOOK_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_a_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_runner_settings()
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} is not valid: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("name", ["ONBOOK_ROWS", "ONBOOK_LOG_LEVEL"])
def test_a_token_in_the_wrong_place_is_not_repeated(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, TOKEN)
    with pytest.raises(SettingsError) as refused:
        read_runner_settings()
    assert TOKEN not in "".join(traceback.format_exception(refused.value))


def test_a_secret_of_docker_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.settings.SECRETS_FOLDER", tmp_path)
    (tmp_path / "discord_token").write_text(f"{TOKEN}\n", encoding="utf-8")
    token = read_runner_settings().discord_token
    assert token is not None
    assert token.get_secret_value() == TOKEN
    assert read_settings().model == "stage"


def test_the_token_is_in_nothing_that_is_printed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    chosen = read_runner_settings()
    printed = f"{chosen} {chosen!r} {chosen.model_dump()} {chosen.model_dump_json()}"
    assert TOKEN not in printed
    assert "discord_token" in printed


ADDRESS = "postgresql+asyncpg://ann:se%40cret@localhost:5433/scripts"


def test_an_address_takes_the_place_of_the_file(monkeypatch: pytest.MonkeyPatch):
    assert read_settings().database_location == Path("onbook.db")
    monkeypatch.setenv("ONBOOK_DATABASE_URL", "")
    assert read_settings().database_location == Path("onbook.db")
    monkeypatch.setenv("ONBOOK_DATABASE_URL", ADDRESS)
    chosen = read_runner_settings()
    assert isinstance(chosen.database_location, URL)
    assert (chosen.database_location.host, chosen.database_location.password) == (
        "localhost",
        "se@cret",
    )
    location = chosen.database_location
    printed = f"{chosen} {chosen!r} {chosen.model_dump()} {location} {location!r}"
    assert "cret" not in printed.replace("SecretStr", "")
    assert chosen.secrets() == [ADDRESS, "se@cret"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("secret", "it must look like postgresql+asyncpg://"),
        ("mysql://a:secret@b/c", "it must look like postgresql+asyncpg://"),
        ("postgresql://a:secret@b", "it must look like postgresql+asyncpg://"),
        ("postgresql://a:secret@b:port/c", "it must look like postgresql+asyncpg://"),
        ("postgresql://a:secret@b/c?sslmode=always", "its query may only have host, and sslmode"),
        ("postgresql://a:secret@b/c?channel_binding=require", "its query may only have host, and"),
        ("postgresql://a:secret@b/c", "ONBOOK_DATABASE is set, too; unset one of them"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(
    address: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ONBOOK_DATABASE_URL", address)
    if "is set, too" in said:
        monkeypatch.setenv("ONBOOK_DATABASE", "scripts.db")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value).startswith(f"ONBOOK_DATABASE_URL is not valid: {said}")
    assert "secret" not in "".join(traceback.format_exception(refused.value))


def test_an_address_says_how_its_connection_is_encrypted():
    url = parse_address(f"{ADDRESS}?sslmode=require&host=/run/postgresql")
    # asyncpg calls the option ``ssl``.
    assert dict(url.query) == {"ssl": "require", "host": "/run/postgresql"}
    assert parse_address(ADDRESS).query == {}


def test_what_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch):
    for name in ("SHARDS", "ROWS", "BANNED", "GROUP"):
        monkeypatch.setenv(f"ONBOOK_{name}", "")
    chosen = read_runner_settings()
    assert (chosen.shards, chosen.rows, chosen.group) == (None, 64, "onbook")
