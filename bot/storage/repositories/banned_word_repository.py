"""Read and write the words that models must not say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, tuple_

from ..schema import BannedWords
from .repository import Repository


class BannedWordRepository(Repository):
    """The lists of banned words, one for each ``channel`` and each ``guild``."""

    async def list_banned_words(self, channel: int, guild: int | None) -> list[str]:
        """Return the words that are banned in a channel, by its own list and its guild's."""
        lists = tuple_(BannedWords.scope, BannedWords.place)
        here = lists.in_([("channel", channel), ("guild", guild)])
        found = await self._scalars(select(BannedWords.words).where(here))
        return sorted({word for words in found for word in words})

    async def load_word_list(self, scope: str, place: int) -> list[str]:
        """Load one list; ``scope`` is ``channel`` or ``guild``."""
        row = await self._get(BannedWords, (scope, place))
        return list(row.words) if row else []

    async def replace_word_list(
        self, scope: str, place: int, words: Sequence[str], guild: int | None = None
    ) -> None:
        """Replace the list of a ``channel`` or ``guild``; the list is deleted with ``guild``."""
        row = BannedWords(scope=scope, place=place, words=list(words), guild=guild)
        async with self._database.writing() as session:
            await session.merge(row)
