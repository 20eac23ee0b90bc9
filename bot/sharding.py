"""Divide a bot's servers into shards, as Discord does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:  # because settings are also read where discord is not needed
    import discord

MAX_SHARDS = 16_384
"""More shards than any bot has."""


@dataclass(frozen=True)
class Shards:
    """The shards of one process, out of ``count`` in all."""

    ids: Sequence[int]
    """The numbers of the shards, ascending, each from 0 to ``count - 1``."""
    count: int

    @classmethod
    def all_of(cls, count: int) -> Self:
        return cls(range(count), count)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the shards of a setting such as ``0-3/16`` or ``5/16``; raise ValueError."""
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?/(\d{1,5})", text.strip(), re.ASCII)
        if match is None:
            raise ValueError("it must look like 0-3/16 (the first four of 16) or 5/16")
        first, last, count = (int(number) for number in (match[1], match[2] or match[1], match[3]))
        if not 0 < count <= MAX_SHARDS:
            raise ValueError(f"the total must be 1 to {MAX_SHARDS}")
        if not first <= last < count:
            raise ValueError(f"the shards must be ascending, from 0 to {count - 1}")
        return cls(range(first, last + 1), count)

    @classmethod
    def of(cls, client: discord.Client) -> Self:
        """Return the shards of any client: its ``shard_id``, its ``shard_ids`` or all."""
        count = client.shard_count or 1
        if client.shard_id is not None:
            return cls([client.shard_id], count)
        return cls(getattr(client, "shard_ids", None) or range(count), count)

    def include(self, guild: int | None) -> bool:
        """Return whether a server is on one of the shards; direct messages are on shard 0."""
        return ((guild or 0) >> 22) % self.count in self.ids

    def __len__(self) -> int:
        return len(self.ids)

    def __str__(self) -> str:
        first, last = self.ids[0], self.ids[-1]
        range_text = f"shard {first}" if first == last else f"shards {first} to {last}"
        return f"{range_text} of {self.count}"
