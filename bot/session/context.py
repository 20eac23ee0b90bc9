"""Load the script of one turn once, check permissions, and make its result."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import RequestError, VoteOpen
from ..i18n.catalogue import Count
from ..storage.schema import ROOT_LINE, Line, Rotation, Script, utc_now
from ..storage.store import Store
from .permissions import check_may_write, check_turn
from .preferences import ALTERNATE, COOLDOWN
from .rate_limits import Cost, RateLimits
from .turn import Requester, TurnResult


@dataclass(frozen=True)
class TurnContext:
    """One person's turn on a script, whose row was read when the turn began.

    Nothing reads the row again: the store moves the head only from where this row has it.
    """

    store: Store
    script: Script
    requester: Requester
    banned: tuple[str, ...]
    """The banned words that apply to the script."""
    rotation: Rotation | None
    """The order in which people write, or None where everybody may."""
    vote_ends: dt.datetime | None
    """When the vote ends on how the script goes on from here; None without a vote."""
    limits: RateLimits

    def charge_lines(self, lines: int) -> None:
        """Charge lines that the model will write; raise RateLimited at a limit.

        Candidates cost nothing, because a busy engine writes few of them.
        """
        script = self.script
        self.limits.charge(self.requester.id, script.channel, script.guild, Cost(lines=lines))

    def check_vote(self) -> None:
        """Raise VoteOpen while people vote, unless the requester has said to go on even so."""
        if self.vote_ends and not self.requester.ignores_vote:
            line = self.script.head or ROOT_LINE
            raise VoteOpen(self.vote_ends, script=self.script.id, line=line)

    async def check_may_add(self) -> None:
        """Raise RequestError for a requester who may not add a line, or not yet.

        The script may be kept to a role, let people write in order, or have a cooldown.
        """
        check_may_write(self.script, self.requester)
        check_turn(self.rotation, self.script, self.requester)
        cooldown = COOLDOWN.of(self.script)
        if not cooldown:
            return
        last = await self.store.lines.find_last_request_time(self.script.id, self.requester.id)
        if last is None:
            return
        passed = (utc_now() - last).total_seconds()
        left = math.ceil(cooldown - passed)
        # The last request is in the future if the machine's clock was put back since.
        if passed >= 0 and left > 0:
            raise RequestError(
                "This script has a cooldown. Try again in {seconds}.", seconds=Count(left, "second")
            )

    async def check_alternation(self) -> None:
        """Raise RequestError if the requester wrote the last line and the script alternates."""
        if not ALTERNATE.of(self.script):
            return
        last = await self.store.lines.find_line(self.script.head or ROOT_LINE)
        if last is not None and last.author == self.requester.id:
            raise RequestError(
                "Nobody writes twice in a row here. Wait for someone else, or use {/continue}."
            )

    async def load_last_line(self) -> Line:
        """Return the script's last line; raise RequestError where there is none."""
        line = await self.store.lines.find_line(self.script.head or ROOT_LINE)
        if line is None:
            raise RequestError("The script is empty. Write a line, or use {/continue}.")
        return line

    def make_result(self, head: int | None, lines: Sequence[Line] = ()) -> TurnResult:
        """Return the turn that has just moved the head, with the lines that it added."""
        return TurnResult(self.copy_script(head), list(lines))

    def copy_script(self, head: int | None) -> Script:
        """Return the script as it is once the head has moved, without reading its row again."""
        columns = {
            column.key: getattr(self.script, column.key) for column in Script.__table__.columns
        }
        return Script(**columns | {"head": head})
