"""Read and write lines, and move the heads of scripts among them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import CompoundSelect, bindparam, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ...errors import HeadMoved
from ...screenplay.drafts import Draft
from ...screenplay.elements import Element, Kind
from .. import line_tree
from ..dialects import insert
from ..schema import ROOT_LINE, Base, Int64, Line, RedoPointer, Script
from .repository import Repository
from .rotation_repository import follow_copies, pass_after_lines, return_turn


class LineRepository(Repository):
    """The trees of lines of all scripts, and the heads and redo pointers on them.

    A path is the lines from the first one down to a head. For a head of None, the path is empty.
    """

    # Lines

    async def find_line(self, line: int) -> Line | None:
        """Return a line by its id, or None if it was deleted."""
        return await self._get(Line, line)

    async def load_lines(self, lines: Iterable[int]) -> list[Line]:
        """Load lines by their ids, in the order in which they were written.

        Many lines are loaded in batches, so that other units of work get their turn in between.
        """
        found = list[Line]()
        for ids in _batches(lines):
            batch = select(Line).where(Line.id.in_(ids)).order_by(Line.id)
            found += await self._scalars(batch)
        return found

    async def find_last_request_time(self, script: int, person: int) -> dt.datetime | None:
        """Return when a person last wrote or requested a line of a script, or None."""
        latest = select(func.max(Line.written)).where(Line.script == script, Line.asker == person)
        return await self._scalar(latest)

    async def find_people_since(self, script: int, since: dt.datetime) -> set[int]:
        """Return the ids of the people who wrote or requested lines of a script since a time."""
        people = select(Line.asker).where(Line.script == script, Line.written >= since)
        return {person for person in await self._scalars(people) if person is not None}

    async def is_delivered(self, delivery: str) -> bool:
        """Return whether an interaction has written lines or begun a script that still exist."""
        lines = select(Line.id).where(Line.delivery == delivery).exists()
        begun = select(Script.id).where(Script.delivery == delivery).exists()
        return bool(await self._scalar(select(or_(lines, begun))))

    # Paths

    async def load_path(self, head: int | None) -> list[Line]:
        """Load the lines of a path, in batches."""
        return await self.load_lines(await self.load_path_ids(head))

    async def load_elements(self, head: int | None) -> list[Element]:
        """Load the elements of a path in batches, several times faster than its lines."""
        found = list[Element]()
        for ids in _batches(await self.load_path_ids(head)):
            batch = select(Line.kind, Line.text).where(Line.id.in_(ids)).order_by(Line.id)
            found += [Element(Kind(kind), text) for kind, text in await self._rows(batch)]
        return found

    async def load_path_ids(self, head: int | None, since: int = ROOT_LINE) -> list[int]:
        """Load the ids of a path, from ``since`` on; the fewer, the faster."""
        return await self._scalars(line_tree.query_path_ids(), head=head or ROOT_LINE, since=since)

    async def load_path_originals(self, head: int | None) -> list[int]:
        """Load the ids of a path, with the id of each copy replaced by that of its original."""
        above = line_tree.query_path(head or ROOT_LINE)
        originals = select(func.coalesce(Line.copy_of, Line.id)).join(above, Line.id == above.c.id)
        return await self._scalars(originals.order_by(above.c.id))

    async def find_copy(self, line: int, head: int | None) -> int | None:
        """Return the line of a path that is this line or a copy of the same original, or None."""
        above = line_tree.query_path(head or ROOT_LINE)
        original = func.coalesce(Line.copy_of, Line.id)
        wanted = select(original).where(Line.id == line).scalar_subquery()
        copies = select(func.max(above.c.id)).join(Line, Line.id == above.c.id)
        return await self._scalar(copies.where(original == wanted))

    async def load_lines_after(self, head: int | None, line: int) -> list[Line]:
        """Load the lines of a path that were written after a line, without copies of older ones."""
        lines = await self.load_lines(await self.load_path_ids(head, line + 1))
        return [other for other in lines if other.original > line]

    async def load_last_lines(self, head: int | None, characters: int) -> list[Line]:
        """Load the fewest last lines of a path with at least this many characters, or all."""
        last = line_tree.query_last_lines()
        return await self._scalars(last, head=head or ROOT_LINE, characters=characters)

    async def count_lines(self, head: int | None) -> int:
        """Count the lines of a path without loading them."""
        above = line_tree.query_path(head or ROOT_LINE)
        return await self._scalar(select(func.count()).select_from(above)) or 0

    async def count_characters(self, head: int | None) -> int:
        """Count the characters of a path's lines without loading them."""
        above = line_tree.query_path(head or ROOT_LINE)
        counted = select(func.sum(func.length(Line.text))).join(above, Line.id == above.c.id)
        return await self._scalar(counted) or 0

    async def list_speech_cues(self, head: int | None) -> list[str]:
        """Return the first line of each speech on a path without repetitions, the latest first."""
        cues = line_tree.query_speech_cues(head or ROOT_LINE).subquery()
        return await self._scalars(select(cues.c.cue).order_by(cues.c.latest.desc()))

    # Trees

    async def load_history(self, script: Script, begin: int, end: int) -> list[Line]:
        """Load a slice of a script's history, in the order in which the lines were written."""
        listed = select(Line).where(line_tree.is_in_history(script))
        return await self._scalars(listed.order_by(Line.id).slice(begin, end))

    async def count_history(self, script: Script, before: int | None = None) -> int:
        """Count the lines of a script's history, or those that were written ``before`` a line."""
        counted = select(func.count()).select_from(Line).where(line_tree.is_in_history(script))
        if before is not None:
            counted = counted.where(Line.id < before)
        return await self._scalar(counted) or 0

    async def list_sibling_texts(self, script: Script, parent: int | None) -> list[str]:
        """Return the texts of the lines of a script's tree that stand right below ``parent``."""
        texts = select(Line.text).where(line_tree.is_in_tree(script), Line.parent == parent)
        return await self._scalars(texts)

    async def list_model_texts(self, channel: int, most: int) -> list[str]:
        """Return the texts of the last lines that a model wrote in a channel, in any script."""
        texts = select(Line.text).join(Script, Script.id == Line.script)
        texts = texts.where(Script.channel == channel, Line.provenance.is_not(None))
        return await self._scalars(texts.order_by(Line.id.desc()).limit(most))

    # Heads

    async def find_redo_line(self, script: int, head: int | None) -> int | None:
        """Return the line to which redo moves a script's ``head``, or None.

        Ask this only for the current head: the pointers of lines above it are missing or outdated.
        """
        pointer = await self._get(RedoPointer, (script, head or ROOT_LINE))
        return pointer.child if pointer else None

    async def append_lines(
        self,
        script: Script,
        parent: int | None,
        drafts: Sequence[Draft],
        delivery: str,
        asker: int | None = None,
        passed_at: dt.datetime | None = None,
        written: int = 0,
    ) -> list[Line]:
        """Add lines below ``parent``, one below the other, and move the head to the last one.

        All or nothing, in a transaction that several channels share. Lines by the person whose turn
        it is pass the turn on at ``passed_at``.

        Raises HeadMoved if the head is no longer where ``script`` has it, and AlreadyWritten if the
        interaction ``delivery`` has already written more lines than ``written``.
        """

        async def change(session: AsyncSession) -> list[Line]:
            lines = await line_tree.insert_lines(
                session, script, parent, drafts, delivery, asker, written=written
            )
            head = lines[-1].id if lines else parent
            await swap_head(session, script, head, goes_on=parent == script.head)
            if passed_at:
                await pass_after_lines(session, script.id, lines[-1:], passed_at)
            return lines

        return await self._database.commit(change)

    async def rewrite_line(
        self, script: Script, line: Line, drafts: Sequence[Draft], delivery: str, asker: int
    ) -> tuple[list[Line], int | None]:
        """Replace a line with others or none, copy what followed it, and move the head there.

        All or nothing. Return the new lines, and the new head; raise what `append_lines` raises.
        """
        async with self._database.writing() as session:
            lines = await line_tree.insert_lines(
                session, script, line.parent, drafts, delivery, asker
            )
            for new in lines:
                new.rewrite_of = line.id
                new.former_writers = _list_former_writers(line, new)
                # Speech that became action, or action that became speech, is still credited as in
                # its file.
                is_same = (new.author, new.credit) == (line.author, line.credit)
                new.imported = line.imported and is_same
            above = lines[-1].id if lines else line.parent
            head = await line_tree.copy_following(
                session, script, line, above, delivery, len(lines)
            )
            # Undo returns from the last line.
            edited = update(Line).where(Line.id == head).values(edit_of=script.head)
            await session.execute(edited)
            await swap_head(session, script, head)
            replaced = {line.id: lines[-1].id} if lines else {}
            await follow_copies(session, script.id, delivery, replaced)
        return lines, head

    async def move_head(
        self,
        script: Script,
        head: int | None,
        removed: Collection[int],
        moved_at: dt.datetime,
    ) -> None:
        """Move a script's head; raise HeadMoved if it is no longer where ``script`` has it.

        If lines that passed the turn on are ``removed``, the author of the first one has the turn
        again at ``moved_at``; lines that are restored pass it on again.
        """
        async with self._database.writing() as session:
            await swap_head(session, script, head)
            await return_turn(session, script.id, head, removed, moved_at)
            if not removed:
                since = literal((script.head or ROOT_LINE) + 1, Int64)
                path = line_tree.query_path(head or ROOT_LINE, since=since)
                restored = select(Line).join(path, Line.id == path.c.id).order_by(path.c.id)
                turns = groupby(
                    await session.scalars(restored), lambda line: (line.delivery, line.author)
                )
                ends = [list(lines)[-1] for _, lines in turns]
                await pass_after_lines(session, script.id, ends, moved_at)


async def swap_head(
    session: AsyncSession, script: Script, head: int | None, *, goes_on: bool = False
) -> None:
    """Move the head by compare-and-swap; ``goes_on`` means that it moves below the old head.

    Raises HeadMoved if the head is not where ``script`` has it, or if text above it has been
    removed since ``script`` was read.
    """
    moved = await session.scalar(
        update(Script)
        .where(
            Script.id == script.id,
            Script.head.is_not_distinct_from(script.head),
            Script.erased == script.erased,
        )
        .values(head=head)
        .returning(Script.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise HeadMoved
    if not goes_on:
        await _record_abandoned_path(session, script.id, script.head, head)


async def _record_abandoned_path(
    session: AsyncSession, script: int, old: int | None, head: int | None
) -> None:
    """Record the path to the old head for redo to follow, unless the new head is below it.

    Redo also follows the edit that made the old head out of the new one.
    """
    if old is None:
        return
    # Ids grow along every path, so the walk may stop at the old head.
    parameters = {"script": script, "old": old, "since": old, "head": head or ROOT_LINE}
    if old not in list(await session.scalars(line_tree.query_path_ids(), parameters)):
        steps = insert(session, Base.metadata.tables[RedoPointer.__tablename__]).from_select(
            ["script", "line", "child"], _query_abandoned_steps()
        )
        pointers = steps.on_conflict_do_update(
            index_elements=["script", "line"], set_={"child": steps.excluded.child}
        )
        await session.execute(pointers, parameters)


@cache
def _query_abandoned_steps() -> CompoundSelect[int, int, int]:
    """Build a query of each step to ``old`` that is not on the path to ``head``, and of an edit."""
    abandoned = line_tree.query_path(bindparam("old", type_=Int64), "abandoned")
    standing = line_tree.query_path(bindparam("head", type_=Int64), "standing")
    script = bindparam("script", type_=Int64)
    steps = select(script, func.coalesce(abandoned.c.parent, ROOT_LINE), abandoned.c.id)
    steps = steps.where(abandoned.c.id.not_in(select(standing.c.id)))
    edits = select(script, Line.edit_of, Line.id)
    edited = edits.where(Line.id == bindparam("old"), Line.edit_of == bindparam("head"))
    return steps.union_all(edited)


def _list_former_writers(line: Line, new: Line) -> list[Any] | None:
    """Return the pairs of author and credit of all who wrote a line, except the new writer."""
    writers = [*(line.former_writers or ()), (line.author, line.credit)]
    # A model has no id, and a person's name may change.
    by_id = {author or credit: [author, credit] for author, credit in writers}
    by_id.pop(new.author or new.credit, None)
    return list(by_id.values()) or None


def _batches(lines: Iterable[int]) -> Iterator[list[int]]:
    """Yield distinct ids in ascending order, in batches that are loaded together."""
    ids = sorted(set(lines))
    for start in range(0, len(ids), line_tree.BATCH):
        yield ids[start : start + line_tree.BATCH]
