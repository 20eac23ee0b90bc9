"""Load the script of one turn once, check permissions, and make its result."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import RequestError
from ..storage.schema import Line, Script, TurnOrder
from ..storage.store import Store
from .permissions import check_alternation, check_cooldown, check_may_write, check_turn
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
    order: TurnOrder | None = None
    """The order in which people write, or None where everybody may."""

    # Permissions

    async def check_pace(self) -> None:
        """Raise RequestError for a requester who may not add a line, or not yet."""
        check_may_write(self.script, self.requester)
        check_turn(self.order, self.script, self.requester)
        if self.script.cooldown:
            last_request = await self.store.lines.find_last_request_time(
                self.script.id, self.requester.id
            )
            check_cooldown(self.script, last_request, dt.datetime.now(dt.UTC))

    async def check_alternation(self) -> None:
        """Raise RequestError if the requester wrote the last line and the script alternates."""
        if self.script.alternate:
            check_alternation(await self.load_line(self.script.head), self.requester)

    # Lines

    async def load_line(self, line: int | None) -> Line | None:
        """Return a line by its id; None for the position before the first."""
        return None if line is None else await self.store.lines.find_line(line)

    async def load_last_line(self) -> Line:
        """Return the script's last line; raise RequestError where there is none."""
        line = await self.load_line(self.script.head)
        if line is None:
            raise RequestError("The script is empty. Write a line, or use {/continue}.")
        return line

    # Results

    async def list_removed(self, head: int | None) -> list[Line]:
        """Return the lines that leave the script when its head goes to a line, the first first."""
        after = set(await self.store.lines.load_path_ids(head))
        before = await self.store.lines.load_path_ids(self.script.head)
        return await self.store.lines.load_lines(line for line in before if line not in after)

    def make_result(self, head: int | None, lines: Sequence[Line] = ()) -> TurnResult:
        """Return the turn that has just moved the head, with the lines that it added."""
        return TurnResult(copy_with_head(self.script, head), list(lines))


def copy_with_head(script: Script, head: int | None) -> Script:
    """Return a copy of a script's row whose head is another one, as the store has just moved it."""
    columns = {column.key: getattr(script, column.key) for column in Script.__table__.columns}
    return Script(**columns | {"head": head})
