"""Read and write the words that models must not say."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select

from ..schema import BannedWords
from .repository import Repository


class BannedWordRepository(Repository):
    """The lists of banned words, one for each ``channel`` and each ``guild``."""

    async def list_banned_words(self, channel: int, guild: int | None) -> list[str]:
        """Return the words that are banned in a channel, by its own list and its guild's."""
        wanted = select(BannedWords.words).where(
            or_(
                and_(BannedWords.scope == "channel", BannedWords.place == channel),
                and_(BannedWords.scope == "guild", BannedWords.place == guild),
            )
        )
        return sorted({word for words in await self._scalars(wanted) for word in words})

    async def load_word_list(self, scope: str, place: int) -> list[str]:
        """Load one list; ``scope`` is ``channel`` or ``guild``."""
        row = await self._get(BannedWords, (scope, place))
        return list(row.words) if row else []

    async def replace_word_list(
        self, scope: str, place: int, words: Sequence[str], guild: int | None = None
    ) -> None:
        """Replace the list of a ``channel`` or ``guild``; it is deleted with ``guild``."""
        async with self._database.writing() as session:
            await session.merge(
                BannedWords(scope=scope, place=place, words=list(words), guild=guild)
            )
