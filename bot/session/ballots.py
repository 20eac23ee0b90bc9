"""Ballots: choose one of several takes, by who asked for them or by a vote."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping

from ..i18n.catalogue import phrase, say
from ..storage.schema import Line, Poll, Script
from .continuation import Clock
from .library import Library
from .permissions import check_may_pick, check_may_write
from .turn import LineIsOld, Outcome, Place, RoomError, Turn, Writer


class Ballots:
    """Pick takes, and count votes for them; the takes that lose stay in the tree."""

    def __init__(self, library: Library, clock: Clock) -> None:
        self.library = library
        self.store = library.store
        self.clock = clock
        self._voting = asyncio.Lock()
        """Held while a vote is noted or all are counted, but never while the model writes."""

    async def find(self, ballot: int) -> Poll:
        """Return a ballot that is open; raises RoomError."""
        found = await self.store.polls.find_poll(ballot)
        if found is None:
            raise RoomError(say("These takes were deleted. Get others with {/continue}."))
        if found.closed:
            raise RoomError(
                say("One of these takes was already chosen. See the others in {/history}.")
            )
        return found

    async def check_pick(self, writer: Writer, ballot: int, take: int) -> None:
        """Raise RoomError for who may not pick a take, as `pick` will."""
        await self._lines_to_pick(await self.library.script(), writer, ballot, take)

    async def pick(self, writer: Writer, ballot: int, take: int) -> Turn:
        """Go on with a take, from 0."""
        async with self.library.turn(writer) as turn:
            lines = await self._lines_to_pick(turn.script, writer, ballot, take)
            await self.store.polls.close_poll(ballot, take, turn.script, lines[-1].id)
            return await turn.added(lines)

    async def _lines_to_pick(
        self, script: Script, writer: Writer, ballot: int, take: int
    ) -> list[Line]:
        """Return the lines of a take, if the writer may pick it now."""
        found = await self.find(ballot)
        await self.library.check_runs(script, found.script)
        check_may_write(script, writer)
        check_may_pick(found, writer)
        lines = await self._lines_of(found, take)
        if script.head != found.parent:
            sentence = phrase("The script has moved on since these takes were written.")
            raise LineIsOld(Place(script.id, lines[-1].id), sentence)
        return lines

    async def vote(self, writer: Writer, ballot: int, take: int) -> None:
        """Note that a person votes for a take, from 0, and for no other any more."""
        async with self._voting:
            found = await self.find(ballot)
            if found.ends is not None and self.clock() >= found.ends:
                raise RoomError(say("Voting has ended. The votes are being counted."))
            check_may_write(await self.library.find(found.script), writer)
            await self._lines_of(found, take)
            await self.store.polls.record_vote(ballot, writer.id, take)

    async def close(self, ballot: int) -> Outcome | None:
        """End a vote: the script goes on with the take that won, if it stands where it stood.

        Returns the outcome, again and again until it was announced, and None from then on, or for a
        ballot that is gone.
        """
        async with self.library.lock:
            async with self._voting:
                found = await self.store.polls.find_poll(ballot)
                if found is None or found.announced:
                    return None
                takes = await self.store.polls.load_takes(found)
                counts = count_votes(takes, (await self.store.polls.load_votes(ballot)).values())
                won = winner(counts) if found.chosen is None else found.chosen
                lines = takes[won]
                if not found.closed:
                    before = await self.store.scripts.get_script(found.script)
                    stands = before.running and before.head == found.parent
                    await self.store.polls.close_poll(
                        ballot, won, before, lines[-1].id if stands else before.head
                    )
            script, last = await self.store.scripts.get_script(found.script), lines[-1].id
            taken = last in await self.store.lines.load_path_ids(script.head, last)
            turn = Turn(script, lines, moved_from=found.parent) if taken else None
            return Outcome(found, script, counts, won, lines, turn)

    async def _lines_of(self, ballot: Poll, take: int) -> list[Line]:
        """Return the lines of a take, from 0; raises RoomError."""
        takes = await self.store.polls.load_takes(ballot)
        if take not in takes:
            raise RoomError(say("There is no such take. Press a button below the takes."))
        return takes[take]


def count_votes(takes: Iterable[int], votes: Iterable[int]) -> dict[int, int]:
    """Return the number of votes for each take, in the order in which the takes were written."""
    counter = Counter(votes)
    return {take: counter[take] for take in sorted(takes)}


def winner(counts: Mapping[int, int]) -> int:
    """Return the take with the most votes; the first written of several."""
    return max(counts, key=lambda take: (counts[take], -take))
