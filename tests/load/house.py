"""House: how the bot is run, and where what it has written is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bot.model import Model
from tests.discord.processes import running_bot
from tests.kills.truth import Truth


class House(Protocol):
    """A bot, in as many processes as it takes."""

    def running(self, address: str) -> AbstractContextManager[list[int]]:
        """Runs it at a fake Discord, as long as the context lasts; its processes."""

    def truth(self) -> Truth:
        """What it has written, once it has ended."""


@dataclass(frozen=True)
class OneProcess:
    """The bot in one process, with its scripts in a file of a folder."""

    folder: Path
    voice: Path
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The file."""
        return self.folder / "onbook.db"

    @contextmanager
    def running(self, address: str) -> Iterator[list[int]]:
        """Runs it; what it logs is in the folder."""
        settings = {"models": self.voice.parent, "model": self.voice.stem} | self.settings
        with running_bot(address, self.folder, self.folder / "bot.log", **settings) as process:
            yield [process.pid]

    def truth(self) -> Truth:
        """What is in the file."""
        return Truth(self.database, Model.load(self.voice, 1))
