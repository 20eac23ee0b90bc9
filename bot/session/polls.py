"""Choose one of several takes, by a pick or by a vote."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random

from ..errors import RequestError, StaleLine
from ..storage.schema import Line, Poll, Script
from .library import Library
from .permissions import check_may_pick, check_may_write
from .presence import PRESENT, Presence
from .turn import PollResult, Requester, TurnResult

FEWEST_VOTERS = 2
"""The number of people who must have voted before a vote may end early."""


@dataclass(frozen=True)
class PollBoard:
    """What the message of a poll shows."""

    poll: Poll
    takes: dict[int, list[Line]]
    """The lines of each take, from 0."""
    votes: dict[int, int]
    """The take that each person voted for, by the person's id."""


class Polls:
    """Pick takes, and count votes for them; the takes that lose stay in the tree."""

    def __init__(self, library: Library, presence: Presence) -> None:
        self.library = library
        self.store = library.store
        self.presence = presence
        self._voting = asyncio.Lock()
        """Held while a vote is recorded or votes are counted, but never while the model writes."""

    async def find(self, poll: int) -> Poll:
        """Return an open poll; raise RequestError if it is closed or deleted."""
        row = await self.store.polls.find_poll(poll)
        if row is None:
            raise RequestError("These takes were deleted. Get new ones with {/continue}.")
        if row.closed:
            raise RequestError("These takes are closed. See them in {/script history}.")
        return row

    async def find_by_message(self, message: int) -> Poll | None:
        """Return the poll that a message shows, open or closed, or None."""
        return await self.store.polls.find_poll_by_message(message)

    async def load_takes(self, poll: Poll) -> dict[int, list[Line]]:
        """Return the lines of each take, from 0."""
        return await self.store.polls.load_takes(poll)

    async def load_board(self, poll: int) -> PollBoard | None:
        """Return what the message of a poll shows, or None if the poll is gone."""
        row = await self.store.polls.find_poll(poll)
        if row is None:
            return None
        votes = await self.store.polls.load_votes(poll)
        return PollBoard(row, await self.load_takes(row), votes)

    async def find_unshown(self, poll: int) -> Poll | None:
        """Return a poll if no message shows it yet and its takes can still be chosen, else None."""
        row = await self.store.polls.find_poll(poll)
        if row is None or row.closed or row.message is not None:
            return None
        is_over = row.ends is not None and row.ends <= self.library.clock()
        script = await self.store.scripts.get_script(row.script)
        return row if not is_over and _stands(row, script) else None

    async def record_message(self, poll: int, message: int) -> None:
        await self.store.polls.record_message(poll, message)

    async def claim_message(self, poll: int, message: int) -> bool:
        """Record the message of a poll that was posted, or whose button was pressed, if nobody has.

        Return whether the message must be redrawn, because its buttons outlived the poll.
        """
        row = await self.store.polls.find_poll(poll)
        if row is None:
            return True
        script = await self.store.scripts.get_script(row.script)
        if script.channel != self.library.channel:
            return False
        if row.message is None:
            await self.store.polls.record_message(poll, message)
            row = await self.store.polls.find_poll(poll)  # it may have been closed meanwhile
        return row is None or row.closed

    async def mark_announced(self, poll: int) -> None:
        """Record that the outcome of a vote was announced."""
        await self.store.polls.mark_announced(poll)

    async def pick(self, requester: Requester, poll: int, take: int) -> TurnResult:
        """Continue the script with a take, from 0; raise VoteOpen while people vote on others."""
        async with self.library.open_turn(requester) as context:
            lines = await self.load_pickable_take(requester, poll, take, context.script)
            context.check_vote()
            await self.store.polls.close_poll(poll, take, context.script, lines[-1].id)
            return replace(context.make_result(lines[-1].id, lines), picked=poll)

    async def close_passed(self, script: int) -> list[int]:
        """Close the takes without a vote that a script has passed; return the ids of their polls.

        These are all takes that are not at the script's head, so any missed once are closed later.
        """
        return await self.store.polls.close_passed(script)

    async def list_passed_votes(self, script: int) -> list[int]:
        """Return the open votes that a script has passed, whose takes it will not add."""
        return await self.store.polls.list_passed_votes(script)

    async def load_pickable_take(
        self, requester: Requester, poll: int, take: int, script: Script | None = None
    ) -> list[Line]:
        """Return the lines of a take, if the requester may pick it now; raise RequestError."""
        script = script or await self.library.load_script()
        row = await self.find(poll)
        await self.library.check_is_running(script, row.script)
        check_may_write(script, requester)
        check_may_pick(row, requester)
        lines = await self._load_take(row, take)
        if script.head != row.parent:
            raise StaleLine(
                "The script has moved on since these takes were written.",
                script=script.id,
                line=lines[-1].id,
            )
        return lines

    async def vote(self, requester: Requester, poll: int, take: int) -> bool:
        """Record a person's vote for a take, from 0, in place of any earlier vote.

        Votes count until the poll is closed, because the machine's clock may have been put forward.
        Return whether the poll may end early, because at least `FEWEST_VOTERS` have voted, and
        among them everybody who is present, as far back as that is known.
        """
        async with self._voting:
            row = await self.find(poll)
            script = await self.library.find(row.script)
            check_may_write(script, requester)
            await self._load_take(row, take)
            await self.store.polls.record_vote(poll, requester.id, take)
            voters = (await self.store.polls.load_votes(poll)).keys()
            if len(voters) < FEWEST_VOTERS:
                return False
            first_begun = await self.store.scripts.find_first_begun(script.channel)
            if first_begun is None or not self.presence.is_complete(first_begun):
                return False
            # What an earlier process knew of who is present is lost, except the lines they wrote.
            since = self.library.clock() - PRESENT
            writers = await self.store.lines.find_people_since(row.script, since)
            return writers.union(self.presence.find_present(self.library.channel)) <= voters

    async def close(self, poll: int, *, is_passed: bool = False) -> PollResult | None:
        """Close a vote, and continue with the winning take if the script has not moved on.

        A vote that ``is_passed`` adds no take, even if an undo has moved the script back since.

        Returns the outcome on every call until it has been announced. After that, or if the poll is
        gone, returns None.
        """
        async with self.library.lock:
            async with self._voting:
                row = await self.store.polls.find_poll(poll)
                if row is None or row.announced:
                    return None
                takes = await self.store.polls.load_takes(row)
                counts = count_votes(takes, (await self.store.polls.load_votes(poll)).values())
                won = row.chosen
                if won is None:
                    won = find_winner(counts, takes[min(takes)][0].origin.get("seed", 0))
                lines = takes[won]
                if not row.closed:
                    before = await self.store.scripts.get_script(row.script)
                    chosen, head = None, before.head
                    if _stands(row, before) and not is_passed:
                        chosen, head = won, lines[-1].id
                    await self.store.polls.close_poll(poll, chosen, before, head)
            script, last = await self.store.scripts.get_script(row.script), lines[-1].id
            taken = last in await self.store.lines.load_path_ids(script.head, last)
            return PollResult(poll, script, counts, won, lines, taken)

    async def _load_take(self, poll: Poll, take: int) -> list[Line]:
        """Return the lines of a take, from 0; raise RequestError."""
        takes = await self.store.polls.load_takes(poll)
        if take not in takes:
            raise RequestError("There is no such take. Press a button below the takes.")
        return takes[take]


def _stands(poll: Poll, script: Script) -> bool:
    """Return whether a script can go on with a take: nothing else has happened in it."""
    return script.running and script.head == poll.parent


def count_votes(takes: Iterable[int], votes: Iterable[int]) -> dict[int, int]:
    """Return the number of votes for each take, in the order in which the takes were written."""
    counter = Counter(votes)
    return {take: counter[take] for take in sorted(takes)}


def find_leaders(counts: Mapping[int, int]) -> list[int]:
    """Return the takes with the most votes: several if the vote is tied."""
    most = max(counts.values())
    return [take for take, votes in counts.items() if votes == most]


def find_winner(counts: Mapping[int, int], seed: int) -> int:
    """Return the take with the most votes. The seed breaks a tie; without votes, the first wins."""
    leaders = find_leaders(counts)
    return Random(seed).choice(leaders) if any(counts.values()) else leaders[0]
