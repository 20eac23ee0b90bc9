"""Run the bot in one or more processes, and read what it has written."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.inference.model import Model
from tests.fake_discord.processes import running_bot
from tests.soak.kills.database_check import DatabaseCheck

from .databases import Database


@dataclass(frozen=True)
class House:
    """A bot in one or more processes, which divide the shards."""

    folder: Path
    voice: Path
    database: Database
    settings: Mapping[str, Any] = field(default_factory=dict)
    processes: int = 1
    first: Callable[[], object] | None = None
    """Called in each process before the bot starts."""

    @contextmanager
    def running(self, address: str) -> Iterator[list[int]]:
        """Run the bot at a fake Discord, and yield its process ids by shard."""
        settings = {"models": self.voice.parent, "model": self.voice.stem}
        settings |= {**self.database.settings, **self.settings}
        with ExitStack() as stack:
            yield [
                stack.enter_context(
                    running_bot(
                        *(address, self.folder, self.folder / f"bot {shard}.log"),
                        first=self.first,
                        shards=f"{shard}/{self.processes}",
                        **settings,
                    )
                ).pid
                for shard in range(self.processes)
            ]

    def shard_of(self, guild: int) -> int:
        return (guild >> 22) % self.processes

    async def database_check(self) -> DatabaseCheck:
        """Return the bot's database for comparison, after the bot has stopped."""
        return DatabaseCheck(await self.database.as_file(), Model.load(self.voice, 1))
