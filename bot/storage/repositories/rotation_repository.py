"""Read and write the orders in which people write, and the sprints in which all write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from .. import line_tree
from ..schema import ROOT_LINE, Line, Rotation, Script, Sprint
from .repository import Repository

MAX_PASSES = 100
"""How many of the latest passes of a turn can be undone, one after the other."""


class RotationRepository(Repository):
    """The orders of all scripts. Methods that depend on a ``turn`` do nothing in a later one."""

    async def find_rotation(self, script: int) -> Rotation | None:
        """Return the order of a script, or None if everybody may write."""
        return await self._get(Rotation, script)

    async def list_scripts_with_deadlines(self) -> list[Script]:
        """Return the scripts with a deadline or a ping for writers, or with a sprint."""
        may_ping = Script.preferences["ping"].as_boolean()
        due = or_(Rotation.hours.is_not(None), and_(Rotation.must_ping, may_ping))
        wanted = select(Script).outerjoin(Rotation).outerjoin(Sprint)
        wanted = wanted.where(or_(due, Sprint.script.is_not(None)))
        return await self._scalars(wanted.order_by(Script.id))

    async def add_writer(self, script: int, person: int, now: dt.datetime) -> None:
        """Add a person at the end of an order, which the first person begins."""
        async with self._database.writing() as session:
            rotation = await session.get(Rotation, script)
            if rotation is None:
                session.add(Rotation(script=script, writers=[person], since=now))
            elif person not in rotation.writers:
                if len(rotation.writers) == 1:  # a person who writes alone is never skipped
                    rotation.since, rotation.reminded = now, None
                rotation.writers, rotation.skips = [*rotation.writers, person], 0

    async def remove_writer(self, script: int, person: int, now: dt.datetime) -> bool:
        """Remove a person from an order, which is deleted with its last writer.

        Return whether the person was in it.
        """
        async with self._database.writing() as session:
            rotation = await session.get(Rotation, script)
            if rotation is None or person not in rotation.writers:
                return False
            await remove_writer(session, rotation, person, now)
            return True

    async def set_deadline(self, script: int, hours: int | None, now: dt.datetime) -> None:
        """Set the hours of a turn, or None for no deadline, and let the present turn begin now."""
        await self._update(script, hours=hours, since=now, reminded=None, skips=0)

    async def extend_turn(self, script: int, now: dt.datetime) -> None:
        """Let the present turn begin now, as after a time in which nobody could write."""
        await self._update(script, since=now, reminded=None)

    async def delete_rotation(self, script: int) -> None:
        """Delete an order, so that everybody may write."""
        await self._write(delete(Rotation).where(Rotation.script == script))

    async def pass_turn(self, script: int, turn: int, now: dt.datetime) -> None:
        """Begin the next turn after a turn."""
        async with self._database.writing() as session:
            rotation = await session.get(Rotation, script)
            if rotation is not None and rotation.turn == turn:
                _begin_next_turn(rotation, now)
                rotation.skips = 0

    async def record_reminder(self, script: int, turn: int, now: dt.datetime, message: int) -> None:
        """Record that the writer was reminded in a turn, by a message."""
        reminded = update(Rotation).where(Rotation.script == script, Rotation.turn == turn)
        await self._write(reminded.values(reminded=now, announcement=message))

    async def record_ping(self, script: int, turn: int, message: int) -> None:
        """Record that the writer was pinged in a turn, by a message."""
        pinged = update(Rotation).where(Rotation.script == script, Rotation.turn == turn)
        await self._write(pinged.values(must_ping=False, ping=message, announcement=message))

    async def skip_turn(self, script: int, turn: int, now: dt.datetime, announcement: int) -> None:
        """Begin the next turn after a turn whose writer was skipped, as a message says."""
        async with self._database.writing() as session:
            rotation = await session.get(Rotation, script)
            if rotation is not None and rotation.turn == turn:
                _begin_next_turn(rotation, now)
                rotation.skips, rotation.announcement = rotation.skips + 1, announcement
                rotation.must_ping = False

    async def record_shown(self, script: int, announcement: int) -> None:
        """Record that the panel now stands below an announcement."""
        shown = Rotation.script == script, Rotation.announcement == announcement
        await self._write(update(Rotation).where(*shown).values(announcement=None))

    async def _update(self, script: int, **columns: object) -> None:
        await self._write(update(Rotation).where(Rotation.script == script).values(**columns))


class SprintRepository(Repository):
    """The sprints of all scripts. Each script has at most one."""

    async def find_sprint(self, script: int) -> Sprint | None:
        return await self._get(Sprint, script)

    async def start_sprint(self, script: int, starter: int, ends: dt.datetime) -> Sprint:
        """Store a sprint of a script that has none."""
        async with self._database.writing() as session:
            after = await session.scalar(select(func.max(Line.id))) or ROOT_LINE
            sprint = Sprint(script=script, starter=starter, ends=ends, after=after)
            session.add(sprint)
        return sprint

    async def end_sprint(self, script: int, now: dt.datetime) -> None:
        """Set the end of a sprint to now; it is deleted once everybody has been told."""
        await self._write(update(Sprint).where(Sprint.script == script).values(ends=now))

    async def delete_sprint(self, script: int) -> None:
        """Delete a sprint of whose end everybody has been told."""
        await self._write(delete(Sprint).where(Sprint.script == script))


# Within a unit of work


def _begin_turn(rotation: Rotation, writers: Sequence[int], now: dt.datetime) -> None:
    """Begin the turn of the first of these writers."""
    rotation.writers = list(writers)
    rotation.turn += 1
    rotation.since, rotation.reminded, rotation.passed_by = now, None, []
    rotation.must_ping = True


def _begin_next_turn(rotation: Rotation, now: dt.datetime) -> None:
    """Begin the turn of the second writer, and put the first one at the end of the order."""
    _begin_turn(rotation, [*rotation.writers[1:], rotation.writers[0]], now)


def _forget_skips(rotation: Rotation, now: dt.datetime) -> None:
    """Reset the count of skips; after a round of skips, begin the present turn now."""
    if rotation.skips >= len(rotation.writers):
        rotation.since = now
    rotation.skips = 0


async def pass_after_lines(
    session: AsyncSession, script: int, lines: Iterable[Line], now: dt.datetime
) -> None:
    """Pass the turn on after each line by the person whose turn it is, unless there is a sprint."""
    rotation = await session.get(Rotation, script)
    if rotation is None:
        return
    has_sprint = await session.get(Sprint, script) is not None
    for line in lines:
        if line.author is not None:
            _forget_skips(rotation, now)
        if not has_sprint and rotation.writers[0] == await _find_writer(session, line):
            passed_by = [*rotation.passed_by, line.id][-MAX_PASSES:]
            _begin_next_turn(rotation, now)
            rotation.passed_by = passed_by


async def follow_copies(
    session: AsyncSession, script: int, delivery: str, rewritten: Mapping[int, int]
) -> None:
    """Let the copies that an interaction has made return the turns that their originals passed on.

    ``rewritten`` maps the ids of rewritten lines to those of the new ones, which return turns too.
    """
    rotation = await session.get(Rotation, script)
    if rotation is None:
        return
    copied = aliased(Line)
    is_copy = Line.copy_of == func.coalesce(copied.copy_of, copied.id)
    copies = select(copied.id, Line.id).join(Line, is_copy & (Line.delivery == delivery))
    found = await session.execute(copies.where(copied.id.in_(rotation.passed_by)))
    new_ids = {**rewritten, **dict(found.all())}
    rotation.passed_by = [new_ids.get(line, line) for line in rotation.passed_by]


async def return_turn(
    session: AsyncSession, script: int, head: int | None, removed: Collection[int], now: dt.datetime
) -> None:
    """Give the turn back to the writers whose ``removed`` lines passed it on, the last one first.

    If an earlier version of such a line stands above the new ``head``, because a rewrite is undone,
    the turn stays passed on.
    """
    rotation = await session.get(Rotation, script)
    if rotation is None:
        return
    kept = list(rotation.passed_by)
    for place, passed_by in reversed(list(enumerate(kept))):
        if passed_by not in removed:
            continue
        line = await session.get_one(Line, passed_by)
        if earlier := await _find_earlier_version(session, line, head):
            kept[place] = earlier
            continue
        del kept[place]
        writer = await _find_writer(session, line)
        if writer in rotation.writers:
            others = [other for other in rotation.writers if other != writer]
            _begin_turn(rotation, [writer, *others], now)
            rotation.must_ping = False
    rotation.passed_by = kept


async def _find_writer(session: AsyncSession, line: Line) -> int | None:
    """Return the id of the first writer of a line, despite rewrites, if that person added it."""
    while line.rewrite_of and (older := await session.get(Line, line.rewrite_of)):
        line = older
    if line.former_writers:
        first: int | None = line.former_writers[0][0]
        return first
    return line.author if line.asker in (None, line.author) else None


async def _find_earlier_version(session: AsyncSession, line: Line, head: int | None) -> int | None:
    """Return the line above a head that ``line`` replaced or copies, or None."""
    versions = [line.copy_of] if line.copy_of else []
    rewritten = line.rewrite_of
    while rewritten:
        versions.append(rewritten)
        rewritten = await session.scalar(select(Line.rewrite_of).where(Line.id == rewritten))
    above = line_tree.query_path(head or ROOT_LINE)
    # Another copy of the same line is one of its versions, too.
    is_version = or_(Line.id.in_(versions), Line.copy_of.in_(versions))
    earlier = select(Line.id).join(above, Line.id == above.c.id).where(is_version)
    return await session.scalar(earlier)


async def remove_writer(
    session: AsyncSession, rotation: Rotation, person: int, now: dt.datetime
) -> None:
    """Remove a writer from an order, and delete the order with the last one."""
    others = [writer for writer in rotation.writers if writer != person]
    if not others:
        await session.delete(rotation)
        return
    _forget_skips(rotation, now)
    if rotation.writers[0] == person:
        _begin_turn(rotation, others, now)
    else:
        rotation.writers = others
