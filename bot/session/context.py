"""Load the script of one turn once, check permissions, and describe what the turn changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from ..errors import RequestError
from ..storage.schema import Line, Script
from ..storage.store import Store
from .permissions import check_alternation, check_cooldown, check_may_write
from .turn import Requester, TurnResult


class TurnContext:
    """One person's turn on a script, whose row was read when the turn began.

    Nothing reads the row again: the store moves the head only from where this row has it.
    """

    def __init__(
        self, store: Store, script: Script, requester: Requester, banned: tuple[str, ...]
    ) -> None:
        self.store = store
        self.script = script
        self.requester = requester
        self.banned = banned
        """The banned words that apply to the script."""

    # Permissions

    async def check_pace(self) -> None:
        """Raise RequestError for a requester who may not add a line, or not yet."""
        check_may_write(self.script, self.requester)
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
        """Return a line by its id; None for the place before the first."""
        return None if line is None else await self.store.lines.find_line(line)

    async def load_last_line(self) -> Line:
        """Return the script's last line; raise RequestError where there is none."""
        line = await self.load_line(self.script.head)
        if line is None:
            raise RequestError("The script is empty. Write a line, or use {/continue}.")
        return line

    # Results

    async def compare_paths(self, head: int | None) -> tuple[frozenset[int], frozenset[int]]:
        """Return the lines that leave the script when its head goes to a line, and that come back.

        Paths never change, so that this is as true before the head is moved as after.
        """
        before = frozenset(await self.store.lines.load_path_ids(self.script.head))
        after = frozenset(await self.store.lines.load_path_ids(head))
        return before - after, after - before

    def make_move_result(
        self,
        head: int | None,
        removed: frozenset[int] = frozenset(),
        restored: frozenset[int] = frozenset(),
    ) -> TurnResult:
        """Return the turn that has just moved the head."""
        return TurnResult(
            script=copy_with_head(self.script, head),
            moved_from=self.script.head,
            removed=removed,
            restored=restored,
        )

    async def make_append_result(self, lines: list[Line], head: int | None = None) -> TurnResult:
        """Return the turn that has just added lines, and moved the head to the last or below it."""
        head = lines[-1].id if head is None else head
        if lines[0].parent == self.script.head:  # the script just went on
            return replace(self.make_move_result(head), lines=lines)
        removed, restored = await self.compare_paths(head)
        new = {line.id for line in lines}
        return replace(self.make_move_result(head, removed, restored - new), lines=lines)


def copy_with_head(script: Script, head: int | None) -> Script:
    """Return a copy of a script's row whose head is another one, as the store has just moved it."""
    columns = {column.key: getattr(script, column.key) for column in Script.__table__.columns}
    return Script(**columns | {"head": head})
