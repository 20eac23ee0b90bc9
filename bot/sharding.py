"""Shards: into which Discord divides the servers of a bot, and which of them one process has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:  # settings are read also where nobody speaks to Discord
    import discord

MOST = 16_384
"""As many shards as nobody has."""


@dataclass(frozen=True)
class Shards:
    """Some of a bot's shards, by their numbers, and how many there are in all."""

    ids: Sequence[int]
    """Ascending, each from 0 to ``count - 1``."""
    count: int

    @classmethod
    def all_of(cls, count: int) -> Self:
        """All of them."""
        return cls(range(count), count)

    @classmethod
    def read(cls, text: str) -> Self:
        """Those that a setting names, such as ``0-3/16`` or ``5/16``; raises ValueError."""
        found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?/(\d{1,5})", text.strip(), re.ASCII)
        if found is None:
            raise ValueError("it must be like 0-3/16, which are the first four of 16, or like 5/16")
        first, last, count = (int(one) for one in (found[1], found[2] or found[1], found[3]))
        if not 0 < count <= MOST:
            raise ValueError(f"there are 1 to {MOST} shards in all")
        if not first <= last < count:
            raise ValueError(f"of {count} shards, it must be some from 0 to {count - 1}, in order")
        return cls(range(first, last + 1), count)

    @classmethod
    def of(cls, client: discord.Client) -> Self:
        """Those of a client, whoever has made it: one of a single shard knows which, or it has
        several, or all."""
        count = client.shard_count or 1
        if client.shard_id is not None:
            return cls([client.shard_id], count)
        return cls(getattr(client, "shard_ids", None) or range(count), count)

    def have(self, guild: int | None) -> bool:
        """Whether a server is on one of them; direct messages are on the first of all shards."""
        return ((guild or 0) >> 22) % self.count in self.ids

    def __len__(self) -> int:
        return len(self.ids)

    def __str__(self) -> str:
        first, last = self.ids[0], self.ids[-1]
        few = f"shard {first}" if first == last else f"shards {first} to {last}"
        return f"{few} of {self.count}"
