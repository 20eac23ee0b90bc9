"""TurnContext: the script of one turn, read once and handed down, and what the turn changes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from ..i18n.catalogue import say
from ..storage.schema import Line, Script
from ..storage.store import Store
from .permissions import check_cooldown, check_may_take, check_may_write, check_turn
from .turn import RoomError, Turn, Writer


class TurnContext:
    """One person's turn on a script, whose row was read when the turn began.

    Nothing reads the row again: the store moves the head only from where this row has it.
    """

    def __init__(self, store: Store, script: Script, writer: Writer) -> None:
        self.store = store
        self.script = script
        self.writer = writer

    # Permissions

    def check_may_write(self) -> None:
        """Raise RoomError unless the writer may write in the script."""
        check_may_write(self.script, self.writer)

    def check_may_take(self, line: Line) -> None:
        """Raise RoomError unless the writer may take a line out of the script."""
        check_may_take(self.script, line, self.writer)

    async def check_pace(self) -> None:
        """Raise RoomError for a writer who may not add a line, or not yet."""
        self.check_may_write()
        if self.script.cooldown:
            last = await self.store.lines.find_last_request_time(self.script.id, self.writer.id)
            check_cooldown(self.script, last, dt.datetime.now(dt.UTC))

    async def check_alternation(self) -> None:
        """Raise RoomError for who wrote the last line, where nobody may write twice in a row."""
        if self.script.alternate:
            check_turn(self.script, await self.line_at(self.script.head), self.writer)

    # Lines

    async def line_at(self, line: int | None) -> Line | None:
        """Return a line by its id; None for the place before the first."""
        return None if line is None else await self.store.lines.find_line(line)

    async def last_line(self) -> Line:
        """Return the script's last line; raises RoomError where there is none."""
        line = await self.line_at(self.script.head)
        if line is None:
            raise RoomError(say("The script is empty. Write a line, or use {/continue}."))
        return line

    # Results

    async def difference(self, head: int | None) -> tuple[frozenset[int], frozenset[int]]:
        """Return the lines that leave the script when its head goes to a line, and that come back.

        Paths never change, so that this is as true before the head is moved as after.
        """
        was = frozenset(await self.store.lines.load_path_ids(self.script.head))
        now = frozenset(await self.store.lines.load_path_ids(head))
        return was - now, now - was

    def moved(
        self,
        head: int | None,
        left: frozenset[int] = frozenset(),
        returned: frozenset[int] = frozenset(),
    ) -> Turn:
        """Return the turn that has just moved the head."""
        return Turn(
            script=with_head(self.script, head),
            moved_from=self.script.head,
            left=left,
            returned=returned,
        )

    async def added(self, lines: list[Line], head: int | None = None) -> Turn:
        """Return the turn that has just added lines, and moved the head to the last or below it."""
        head = lines[-1].id if head is None else head
        if lines[0].parent == self.script.head:  # the script just went on
            return replace(self.moved(head), lines=lines)
        left, returned = await self.difference(head)
        new = {line.id for line in lines}
        return replace(self.moved(head, left, returned - new), lines=lines)


def with_head(script: Script, head: int | None) -> Script:
    """Return a copy of a script's row whose head is another one, as the store has just moved it."""
    columns = {one.key: getattr(script, one.key) for one in Script.__table__.columns}
    return Script(**columns | {"head": head})
