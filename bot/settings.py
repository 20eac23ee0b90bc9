"""Read the configuration of the bot from environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from dotenv import dotenv_values
from pydantic import (
    AliasGenerator,
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .sharding import Shards

PREFIX = "ONBOOK_"

S = TypeVar("S", bound="Settings")

SHIPPED_MODELS = Path(__file__).parent / "models"
SHIPPED_BANNED = Path(__file__).parent / "banned.txt"


POSTGRESQL_SCHEMES = ("postgresql+asyncpg", "postgresql", "postgres")
"""The schemes of the address of a PostgreSQL database."""

SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
"""The values of ``sslmode``, by which an address chooses the encryption of its connections."""

GROUP_PATTERN = r"^[-_\p{Ll}\p{Lo}\p{N}]{1,32}$"
RATES_PATTERN = r"^\d{1,12} \d{1,12} \d{1,12}$"
PATTERN_MEANINGS = {
    GROUP_PATTERN: "it must be 1 to 32 lower-case letters, digits, - or _",
    RATES_PATTERN: ("it must be three whole numbers separated by spaces, such as 60 100 1200000"),
}
"""The patterns in words, for error messages."""

RATE_DESCRIPTION = "The turns, generated lines and characters to read that one {} gets per minute."


class SettingsError(Exception):
    """A setting cannot be used: one sentence about the setting, and what to do."""


def name_variable(field: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + field.upper()


class Settings(BaseModel):
    """The configuration of the bot, from environment variables with the prefix ``ONBOOK_``.

    A plug-in reads nothing else. The runner also reads a ``.env`` file, see `read_runner_settings`.
    """

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=name_variable),
        populate_by_name=True,
        frozen=True,
    )

    group: Annotated[
        str,
        Field(
            pattern=GROUP_PATTERN,
            description="The command that groups of On in a host's bot.",
        ),
    ] = "onbook"
    mentions: Annotated[
        bool, Field(description="Whether On Book answers mentions of a host's bot, too.")
    ] = False
    database: Annotated[Path, Field(description="The SQLite file with the scripts.")] = Path(
        "onbook.db"
    )
    database_url: Annotated[
        SecretStr | None,
        Field(
            description="A PostgreSQL database instead: "
            "postgresql+asyncpg://NAME:PASSWORD@HOST/DATABASE."
        ),
    ] = None
    models: Annotated[Path, Field(description="The folder of voice files (*.onnx).")] = (
        SHIPPED_MODELS
    )
    model: Annotated[
        str, Field(description="The voice of new scripts, a file name without .onnx.")
    ] = "stage"
    temperature: Annotated[
        float, Field(ge=0.1, le=2.0, description="The temperature of temperature scripts.")
    ] = 0.75
    top_p: Annotated[
        float, Field(gt=0, le=1.0, description="Top-p: the share of probability of new scripts.")
    ] = 0.95
    min_p: Annotated[
        float,
        Field(
            ge=0,
            le=1.0,
            description="Min-p: the least probability, relative to the likeliest "
            "character; 0: off.",
        ),
    ] = 0.0
    repetition: Annotated[
        float,
        Field(ge=0, le=2.0, description="The penalty for repeating earlier passages; 0 is off."),
    ] = 0.5
    company: Annotated[
        float,
        Field(ge=0, le=2.0, description="The bias towards earlier speakers; 0 is off."),
    ] = 1.0
    recall: Annotated[
        float,
        Field(ge=0, le=2.0, description="The bias towards words that people said; 0 is off."),
    ] = 1.0
    quality: Annotated[
        Literal["quick", "good", "best"],
        Field(
            description="The candidates for each line: quick 1 (quick), good 16, best 64 (best)."
        ),
    ] = "best"
    soft_length: Annotated[
        int,
        Field(ge=0, le=1500, description="Characters after which the end of a line tends to end."),
    ] = 60
    moods: Annotated[
        str,
        Field(description="More moods, with temperature, top-p and length: dreamy 1.1 0.9 120, …"),
    ] = ""
    banned: Annotated[FilePath, Field(description="The file of banned words, one per line.")] = (
        SHIPPED_BANNED
    )
    line_length: Annotated[
        int, Field(ge=40, le=1500, description="The longest generated line, in characters.")
    ] = 600
    look: Annotated[
        Literal["characters", "cards", "typewriter"],
        Field(description="How lines stand in a channel, unless a script says otherwise."),
    ] = "characters"
    states_mb: Annotated[
        int, Field(ge=1, description="Megabytes of cached states in the database.")
    ] = 832
    departed_days: Annotated[
        int,
        Field(
            ge=0,
            le=3650,
            description="Days until the scripts of a server that removed the bot are deleted.",
        ),
    ] = 30
    threads: Annotated[int, Field(ge=1, le=64, description="Processor threads per voice.")] = 2
    rows: Annotated[int, Field(ge=1, le=1024, description="Lines written at the same time.")] = 64
    queue: Annotated[
        int, Field(ge=1, description="Lines that may wait before more are refused.")
    ] = 256
    person_limits: Annotated[
        str, Field(pattern=RATES_PATTERN, description=RATE_DESCRIPTION.format("person"))
    ] = "60 100 1200000"
    channel_limits: Annotated[
        str, Field(pattern=RATES_PATTERN, description=RATE_DESCRIPTION.format("channel"))
    ] = "180 300 2400000"
    guild_limits: Annotated[
        str, Field(pattern=RATES_PATTERN, description=RATE_DESCRIPTION.format("server"))
    ] = "1200 2000 9600000"

    @field_validator("moods")
    @classmethod
    def _check_moods(cls, given: str) -> str:
        for entry in given.split(",") if given.strip() else ():
            try:
                _, temperature, top_p, length = entry.split()
                numbers = float(temperature), float(top_p), int(length)
            except ValueError:
                numbers = (0.0, 0.0, 0)
            if not (0.1 <= numbers[0] <= 2 and 0.05 <= numbers[1] <= 1 and 0 <= numbers[2] <= 1500):
                raise ValueError(
                    "each mood must have a name, a temperature from 0.1 to 2, a top-p from 0.05 to "
                    "1 and a length to 1500, such as dreamy 1.1 0.9 120"
                )
        return given

    @model_validator(mode="after")
    def _check_one_database(self) -> Self:
        if self.database_url and "database" in self.model_fields_set:
            raise ValueError("ONBOOK_DATABASE is set, too; unset one of them")
        _ = self.database_location
        return self

    @property
    def database_location(self) -> Path | URL:
        """Return the database: a file, or an address whose password its text forms hide."""
        return (
            parse_address(self.database_url.get_secret_value())
            if self.database_url
            else self.database
        )

    @property
    def rates(self) -> dict[str, list[int]]:
        """Return the limits of turns, lines and characters in a minute, by scope."""
        limits = {
            "person": self.person_limits,
            "channel": self.channel_limits,
            "guild": self.guild_limits,
        }
        return {scope: [int(limit) for limit in text.split()] for scope, text in limits.items()}


def parse_address(text: str) -> URL:
    """Return the address of a PostgreSQL database.

    Raises:
        ValueError: The text is no such address. The message quotes none of it, since it may hold a
            password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not url.database or url.drivername not in POSTGRESQL_SCHEMES:
        raise ValueError("it must look like postgresql+asyncpg://NAME:PASSWORD@HOST/DATABASE")
    # PostgreSQL's own programs and database hosts say sslmode, asyncpg says ssl.
    mode = url.query.get("sslmode", url.query.get("ssl", "prefer"))
    if url.query.keys() - {"sslmode", "ssl", "host"} or mode not in SSL_MODES:
        raise ValueError(
            f"its query may only have host, and sslmode with one of {', '.join(sorted(SSL_MODES))}"
        )
    plain = url.difference_update_query(["sslmode", "ssl"])
    return plain.update_query_dict({"ssl": mode}) if len(plain.query) < len(url.query) else url


class RunnerSettings(Settings):
    """The settings of ``python -m bot``, with its token, shards, log level and metrics address."""

    discord_token: SecretStr | None = Field(
        default=None, validation_alias="DISCORD_TOKEN", description="The bot's token."
    )
    shards: Annotated[
        str | None,
        Field(description="The shards of this process, such as 0-3/16; by default all."),
    ] = None
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(description="The log level."),
    ] = "INFO"
    metrics_port: Annotated[
        int,
        Field(ge=0, le=65535, description="The HTTP port for metrics and health checks; 0 none."),
    ] = 0
    metrics_host: Annotated[
        str, Field(min_length=1, description="The address that the metrics port listens on.")
    ] = "127.0.0.1"

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
    return _validate(Settings, os.environ)


def read_runner_settings() -> RunnerSettings:
    """Read the settings of the runner from the environment and ``.env``; raise SettingsError."""
    return _validate(RunnerSettings, {**dotenv_values(".env"), **os.environ})


def _validate(kind: type[S], variables: Mapping[str, str | None]) -> S:
    # An empty variable counts as not set.
    values = {name.upper(): value for name, value in variables.items() if value}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # Only `_check_one_database` raises an error about several settings, which has no location.
        name = first["loc"][0] if first["loc"] else name_variable("database_url")
        # The message leaves out the value, because the value might be a secret.
        message = PATTERN_MEANINGS.get(first.get("ctx", {}).get("pattern", ""), first["msg"])
        message = message.removeprefix("Value error, ")
        raise SettingsError(f"{name} is not valid: {message}.") from None
