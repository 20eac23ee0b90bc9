"""Read the configuration of the bot from environment variables."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv.parser import parse_stream
from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .errors import SettingsError
from .i18n.catalogue import phrase
from .sharding import Shards

PREFIX = "ONBOOK_"

MAX_MOOD_NAME = 100
"""The longest name of a mood, in characters, because Discord shows no longer choice."""

SHIPPED_MODELS = Path(__file__).parent / "models"
SHIPPED_BANNED = Path(__file__).parent / "banned.txt"

ENV_FILE, ENCODING = Path(".env"), "utf-8-sig"
"""The file of settings, to which editors on Windows may add a byte order mark."""

SECRETS_FOLDER = Path("/run/secrets")
"""The folder where Docker puts secrets, one file each."""

POSTGRESQL_SCHEMES = ("postgresql+asyncpg", "postgresql", "postgres")
"""The schemes of the address of a PostgreSQL database."""

SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
"""The values of ``sslmode``, by which an address chooses the encryption of its connections."""

GROUP_PATTERN = r"^[-_\p{Ll}\p{Lo}\p{N}]{1,32}$"
RATES_PATTERN = r"^\d{1,12} \d{1,12} \d{1,12}$"
PATTERN_MEANINGS = {
    GROUP_PATTERN: "it must be 1 to 32 lower-case letters, digits, - or _",
    RATES_PATTERN: "it must be three whole numbers separated by spaces, such as 60 100 1200000",
}
"""The patterns in words, for error messages."""

log = logging.getLogger("onbook.settings")

Bias = Annotated[float, Field(ge=0.0, le=2.0)]
"""The strength of a bias or a penalty; 0 is off."""

Rates = Annotated[str, Field(pattern=RATES_PATTERN)]
"""Requests, generated lines and characters to read, per minute."""


class Quality(StrEnum):
    """Name the numbers of candidates that lines are chosen from; the values are stored."""

    QUICK = phrase("quick")
    """The first candidate is the line."""
    GOOD = phrase("good")
    BEST = phrase("best")


class Look(StrEnum):
    """Name the looks of lines in a channel; the values are stored."""

    CHARACTERS = phrase("characters")
    """Each character speaks under a name and with a face, by a webhook."""
    CARDS = phrase("cards")
    """Each line is a card with the colour of the character."""
    TYPEWRITER = phrase("typewriter")
    """Each line is a code block, laid out as on a page."""


def name_variable(field: str) -> str:
    """Return the environment variable of a setting."""
    alias = RunnerSettings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else PREFIX + field.upper()


class Settings(BaseSettings):
    """The configuration of the bot, from environment variables with the prefix ``ONBOOK_``.

    A plug-in reads nothing else. The runner also reads files: see `read_runner_settings`. The text
    below each field appears in the table in docs/hosting.md.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    group: Annotated[str, Field(pattern=GROUP_PATTERN)] = "onbook"
    """Only in a plug-in: the command that groups all others, as in /onbook start."""
    mentions: bool = False
    """Only in a plug-in: whether On Book reads mentions, replies and direct messages."""
    database: Path = Path("onbook.db")
    """The SQLite file with the scripts."""
    database_url: SecretStr | None = None
    """A PostgreSQL database instead: postgresql+asyncpg://NAME:PASSWORD@HOST/DATABASE."""
    models: Path = SHIPPED_MODELS
    """The folder of voice files (*.onnx)."""
    model: str = "stage"
    """The voice of new scripts, without .onnx. Until you set it, INT. or EXT. selects `screen`."""
    temperature: Annotated[float, Field(ge=0.1, le=2.0)] = 0.65
    """The temperature of new scripts."""
    top_p: Annotated[float, Field(ge=0.05, le=1.0)] = 0.95
    """Top-p: the share of probability that characters are chosen from."""
    min_p: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Min-p: the least probability, relative to the likeliest character; 0 is off."""
    repetition: Bias = 0.5
    """The penalty for repeating earlier passages; 0 is off."""
    company: Bias = 1.0
    """The bias towards earlier speakers; 0 is off."""
    quality: Quality = Quality.BEST
    """How many candidates each line is chosen from: 1, 16 or 64, but at most ONBOOK_ROWS."""
    soft_length: Annotated[int, Field(ge=0, le=1500)] = 60
    """Characters after which a line tends to end; 0 is off."""
    moods: str = ""
    """More moods, with temperature, top-p and length: dreamy 1.1 0.9 120, …"""
    banned: Path = SHIPPED_BANNED
    """The file of banned words, one per line."""
    line_length: Annotated[int, Field(ge=40, le=1500)] = 600
    """The longest generated line, in characters."""
    look: Look = Look.CHARACTERS
    """How lines look in a channel, unless a script says otherwise."""
    states_mb: Annotated[int, Field(ge=1)] = 832
    """Megabytes of cached states in the database."""
    departed_days: Annotated[int, Field(ge=0, le=3650)] = 30
    """Days until the scripts of a server that removed the bot are deleted."""
    threads: Annotated[int | None, Field(ge=1, le=64)] = None
    """Processor threads per voice; by default 2, or 1 if the bot has one core."""
    rows: Annotated[int, Field(ge=1, le=1024)] = 64
    """Lines and candidates written at once. With 16 or fewer, `best` is no better than `good`."""
    queue: Annotated[int, Field(ge=1)] = 128
    """Requests that are answered at the same time; more are refused."""
    person_limits: Rates = "60 100 1200000"
    """The requests, generated lines and characters to read that one person gets per minute."""
    channel_limits: Rates = "180 300 2400000"
    """The requests, generated lines and characters to read that one channel gets per minute."""
    guild_limits: Rates = "1200 2000 9600000"
    """The requests, generated lines and characters to read that one server gets per minute."""

    @field_validator("banned")
    @classmethod
    def _check_banned(cls, given: Path) -> Path:
        try:
            given.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"{given} is not a readable text file in UTF-8") from None
        return given

    @field_validator("moods")
    @classmethod
    def _check_moods(cls, given: str) -> str:
        ranges = [find_range(field) for field in ("temperature", "top_p", "soft_length")]
        names = set[str]()
        for entry in given.split(",") if given.strip() else ():
            try:
                name, temperature, top_p, length = entry.split()
                numbers = float(temperature), float(top_p), int(length)
            except ValueError:
                numbers = (math.nan, math.nan, 0)
            pairs = zip(numbers, ranges, strict=True)
            if not all(least <= number <= most for number, (least, most) in pairs):
                bounds = [f"from {least} to {most}" for least, most in ranges]
                raise ValueError(
                    f"each mood must have a name, a temperature {bounds[0]}, a top-p {bounds[1]} "
                    f"and a length {bounds[2]}, such as dreamy 1.1 0.9 120"
                )
            if name in names or len(name) > MAX_MOOD_NAME:
                raise ValueError(
                    f"each mood must have a name of its own of at most {MAX_MOOD_NAME} characters"
                )
            names.add(name)
        return given

    @model_validator(mode="after")
    def _check_one_database(self) -> Self:
        if self.database_url and "database" in self.model_fields_set:
            raise ValueError("ONBOOK_DATABASE is set, too; unset one of them")
        _ = self.database_location
        return self

    @property
    def database_location(self) -> Path | URL:
        """Return the database: a file, or an address whose text forms hide its password."""
        url = self.database_url
        return parse_address(url.get_secret_value()) if url else self.database

    @property
    def rates(self) -> dict[str, list[int]]:
        """Return the limits of requests, lines and characters per minute, by scope."""
        limits = {
            "person": self.person_limits,
            "channel": self.channel_limits,
            "guild": self.guild_limits,
        }
        return {scope: [int(limit) for limit in text.split()] for scope, text in limits.items()}


def find_range(field: str) -> tuple[float, float]:
    """Return the smallest and the largest value of a setting that has both."""
    bounds = Settings.model_fields[field].metadata
    least, most = (
        next(getattr(bound, name) for bound in bounds if hasattr(bound, name))
        for name in ("ge", "le")
    )
    return least, most


def parse_address(text: str) -> URL:
    """Return the address of a PostgreSQL database.

    Raises ValueError with a message that quotes none of the text, which may contain a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not url.database or url.drivername not in POSTGRESQL_SCHEMES:
        raise ValueError("it must look like postgresql+asyncpg://NAME:PASSWORD@HOST/DATABASE")
    if "@" in f"{url.host}{url.database}":  # where SQLAlchemy puts the rest of a password
        raise ValueError("write @ in the password as %40, and / as %2F")
    # PostgreSQL's own programs and database hosts say sslmode, asyncpg says ssl.
    mode = url.query.get("sslmode", url.query.get("ssl", "prefer"))
    if url.query.keys() - {"sslmode", "ssl", "host"} or mode not in SSL_MODES:
        raise ValueError(
            f"its query may only have host, and sslmode with one of {', '.join(sorted(SSL_MODES))}"
        )
    url = url.set(drivername="postgresql")
    plain = url.difference_update_query(["sslmode", "ssl"])
    return plain.update_query_dict({"ssl": mode}) if len(plain.query) < len(url.query) else url


class RunnerSettings(Settings):
    """The settings of ``onbook run``, with its token, shards, log level and metrics address."""

    discord_token: SecretStr | None = Field(default=None, validation_alias="DISCORD_TOKEN")
    """The bot's token."""
    message_content: bool = False
    """Whether to ask for the message-content intent, so that scripts can read plain messages."""
    shards: str | None = None
    """The shards of this process, such as 0-3/16; by default all."""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)
    ] = "INFO"
    """The log level; DEBUG also logs what people write."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """The HTTP port for metrics and health checks; 0 opens none."""
    metrics_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address that the metrics port listens on."""

    @field_validator("shards")
    @classmethod
    def _check_shards(cls, given: str | None, others: ValidationInfo) -> str | None:
        if given is not None:
            shards = Shards.parse(given)
            if len(shards) < shards.count and not others.data.get("database_url"):
                raise ValueError(
                    "several processes need ONBOOK_DATABASE_URL, because a SQLite file belongs to "
                    "one"
                )
        return given

    @property
    def own_shards(self) -> Shards | None:
        """Return the shards of this process, or None for all that Discord recommends."""
        return None if self.shards is None else Shards.parse(self.shards)

    def secrets(self) -> list[str]:
        """Return the secrets that no log may contain: the token, and the database's password."""
        token, url = self.discord_token, self.database_url
        secrets = [token.get_secret_value().strip()] if token else []
        if url and isinstance(self.database_location, URL) and self.database_location.password:
            secrets += [url.get_secret_value(), str(self.database_location.password)]
        return secrets


def read_settings() -> Settings:
    """Read the settings of a plug-in from the environment; raise SettingsError."""
    warn_of_mistakes(None)
    with _one_sentence():
        return Settings()


def read_runner_settings(env_file: Path | None = None, **changes: Any) -> RunnerSettings:  # noqa: ANN401 - values of any field
    """Read the settings of a runner: the environment, a file (by default ``.env``) and secrets.

    ``changes`` are values of fields, which take precedence over those; a ``database`` also replaces
    the address of a database. The secrets are Docker's. Raises SettingsError.
    """
    if env_file and not env_file.is_file():
        raise SettingsError(
            f"There is no file {env_file}. Name the file of settings, or leave --env-file out."
        )
    if "database" in changes:
        changes["database_url"] = None
    file = env_file or ENV_FILE
    if file.is_dir():  # which Docker creates if it mounts a file that does not exist
        raise SettingsError(f"{file} is a folder. Put a file of settings in its place.")
    try:
        with _one_sentence():
            folder = SECRETS_FOLDER if SECRETS_FOLDER.is_dir() else None
            # mypy assumes that the fields are all the arguments.
            return RunnerSettings(  # type: ignore[call-arg]
                _env_file=file, _env_file_encoding=ENCODING, _secrets_dir=folder, **changes
            )
    except OSError as error:
        name = error.filename or file
        raise SettingsError(
            f"{name} cannot be read ({error.strerror}). Check its owner and mode."
        ) from None
    except UnicodeDecodeError:
        # The cause holds the content, which is secret.
        raise SettingsError(f"{file} must be a text file. Save it in UTF-8.") from None


def explain_mistakes(file: Path | None) -> list[str]:
    """Return a sentence on each line of a file, and variable with our prefix, that sets nothing."""
    names = [name_variable(field) for field in RunnerSettings.model_fields]
    # Without the prefix, which makes ONBOOK_TOKEN more similar to ONBOOK_TOP_P than DISCORD_TOKEN.
    known = {name.removeprefix(PREFIX): name for name in names}
    source = DotEnvSettingsSource(RunnerSettings, file, ENCODING)
    valued = (name for name, value in source.env_vars.items() if value is not None)
    given = {name.upper() for name in (*os.environ, *valued)}
    text = file.read_text(ENCODING) if file and file.is_file() else ""
    # The parser counts blank lines as part of the next one.
    text = re.sub(r"^[^\S\n]*$", "#", text, flags=re.MULTILINE)
    return [
        f"Line {line.original.line} of {file} sets nothing. Write NAME=VALUE, with quotation marks "
        "on both sides of the value or on none."
        for line in parse_stream(StringIO(text))
        if line.error or (line.value is None and (line.key or "").upper() in names)
    ] + [
        f"There is no setting {name}: did you mean {known[near]}?"
        for name in sorted(given - {*names})
        if name.startswith(PREFIX)
        for near in get_close_matches(name.removeprefix(PREFIX), known, 1, 0.0)
    ]


def warn_of_mistakes(file: Path | None) -> None:
    """Log what `explain_mistakes` returns."""
    for mistake in explain_mistakes(file):
        log.warning("%s", mistake)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Raise SettingsError instead of ValidationError."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # Only `_check_one_database` raises an error about several settings, which has no location.
        field = str(first["loc"][0]) if first["loc"] else "database_url"
        # The message leaves out the value, because the value might be a secret.
        message = PATTERN_MEANINGS.get(first.get("ctx", {}).get("pattern", ""), first["msg"])
        message = message.removeprefix("Value error, ").replace("Input should", "it must", 1)
        raise SettingsError(f"{name_variable(field)} is not valid: {message}.") from None
