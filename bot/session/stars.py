"""Star the lines of all channels, and find the best lines of a script."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence

from ..errors import RequestError
from ..generation.reranking import list_content_words
from ..screenplay.elements import Kind
from ..storage.schema import ON_BOOK, Line, Script
from ..storage.store import Store

BEST_LINES, CHOSEN_LINES = 5, 3
"""The most starred lines that count as best lines, and the number that chosen lines fill up to."""


class Stars:
    """The stars that people give to lines, by reactions to their messages or otherwise."""

    def __init__(self, store: Store) -> None:
        self._stars = store.stars
        self._messages = store.messages

    async def give(self, message: int, person: int) -> None:
        """Give the line that a message shows, if any, the star of a person who has reacted."""
        if await self._messages.find_post(message):
            await self._stars.give_star(message, person)

    async def take_back(self, message: int, person: int) -> None:
        """Take a person's star back from the line that a message shows, if any."""
        if await self._messages.find_post(message):
            await self._stars.take_star(message, person)

    async def clear(self, message: int) -> None:
        """Take back all stars that were given by reactions to the message of a line."""
        if await self._messages.find_post(message):
            await self._stars.clear_stars(message)

    async def load_reactions(self, messages: Collection[int]) -> dict[int, set[int]]:
        """Return the people whose reactions to these messages gave stars, by message."""
        return await self._stars.load_reactions(messages)

    async def toggle(self, line: Line, person: int) -> int | None:
        """Give a line a person's star and return how many it has, or take the star back.

        Raises RequestError for a star that is a reaction.
        """
        star = await self._stars.find_star(line, person)
        if star and star.message and await self._messages.find_post(star.message):
            raise RequestError("Your star is a reaction. Remove the reaction to take it back.")
        if await self._stars.toggle_star(line.id, person):
            return await self._stars.count_stars(line)
        return None

    async def has_given(self, line: Line, person: int) -> bool:
        return await self._stars.find_star(line, person) is not None

    async def count(self, line: Line) -> int:
        return await self._stars.count_stars(line)

    async def load_best_lines(
        self, script: Script, lines: Sequence[Line]
    ) -> list[tuple[Line, int]]:
        """Return a script's best lines, with their stars; add chosen lines if few have any."""
        best = await self._stars.load_best_lines(script.head, BEST_LINES)
        if (missing := CHOSEN_LINES - len(best)) <= 0:
            return best
        starred = {line.id for line, _ in best}
        chosen = await asyncio.to_thread(find_best_lines, lines, missing, starred)
        return [*best, *((line, 0) for line in chosen)]


def find_best_lines(lines: Sequence[Line], most: int, starred: Collection[int] = ()) -> list[Line]:
    """Return the lines that introduced what the script went on about, in the script's order.

    For each word that it was the first to say, a line scores one for each later line with the word.
    Names of speakers and common words do not count, nor does a plural s. Lines with a link and
    repetitions of a line count as having no words. Speech ranks before action, and the later of two
    equal scores first. Lines without a score, ``starred`` ones, headings, transitions, a drawn
    opening and removed text are not candidates.
    """
    first = {line.text: place for place, line in reversed([*enumerate(lines)])}
    said = [
        frozenset(word.removesuffix("s") for word in list_content_words(line.element.text))
        if "://" not in line.text and first[line.text] == place
        else frozenset[str]()
        for place, line in enumerate(lines)
    ]
    mentions = Counter(word for words in said for word in words)
    cues = " ".join(line.element.cue or "" for line in lines)
    known = {part.removesuffix("s") for part in cues.casefold().split()}
    ranked: list[tuple[bool, int, int]] = []
    for place, (line, words) in enumerate(zip(lines, said, strict=True)):
        score = sum(mentions[word] - 1 for word in words - known)
        known |= words
        kind = line.element.kind
        is_open = line.author != ON_BOOK and not line.removed and line.id not in starred
        if score and is_open and kind in (Kind.DIALOGUE, Kind.ACTION):
            ranked.append((kind is Kind.DIALOGUE, score, place))
    best = sorted(ranked, reverse=True)[:most]
    return [lines[place] for *_, place in sorted(best, key=lambda entry: entry[-1])]
