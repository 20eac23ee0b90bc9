"""List and erase what is stored about people."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from ...screenplay.drafts import ERASED_NAME, ERASED_PERSON
from .. import line_tree
from ..dialects import insert, look_up_line_by_line
from ..records import ErasureResult, PersonalData
from ..schema import (
    ERASED_ELEMENT,
    PERSON_COLUMNS,
    Channel,
    Line,
    Poll,
    PostedLine,
    Rotation,
    Script,
    Sprint,
    StaleMessage,
    Star,
    State,
    Vote,
    utc_now,
)
from .repository import Repository, T
from .rotation_repository import remove_writer


class PersonRepository(Repository):
    """The people about whom anything is stored."""

    async def load_personal_data(self, person: int) -> PersonalData:
        lines = select(Line, Script).join(Script).where(_is_original()).order_by(Line.id)
        written = lines.where(Line.author == person)
        asked = lines.where(Line.asker == person, Line.author.is_distinct_from(person))
        rewritten = lines.where(_may_contain(Line.former_writers, person))
        votes = select(Vote, Script).select_from(Vote).join(Poll).join(Script)
        votes = votes.where(Vote.person == person).order_by(Vote.poll)
        # The original of a line may be gone, but not all of its copies.
        copies = aliased(Line)
        is_same = (copies.id == Star.line) | (copies.copy_of == Star.line)
        oldest = select(func.min(copies.id)).where(is_same).correlate(Star).scalar_subquery()
        starred = (
            select(Line, Script)
            .select_from(Star)
            .join(Line, Line.id == oldest)
            .join(Script)
            .where(Star.person == person)
            .order_by(Line.id)
        )
        polls = select(Poll, Script).join(Script).where(Poll.asker == person).order_by(Poll.id)
        rotations = select(Rotation, Script).join(Script).order_by(Rotation.script)
        rotations = rotations.where(_may_contain(Rotation.writers, person))
        sprints = select(Sprint, Script).join(Script).where(Sprint.starter == person)
        begun = select(Script).where(Script.owner == person).order_by(Script.id)
        played = select(Script).where(_may_contain(Script.players, person)).order_by(Script.id)
        async with self._database.reading() as session:
            return PersonalData(
                lines=await _load_pairs(session, written),
                asked=await _load_pairs(session, asked),
                rewritten=[
                    (line, script)
                    for line, script in await _load_pairs(session, rewritten)
                    if any(author == person for author, _ in line.former_writers or ())
                ],
                scripts=list(await session.scalars(begun)),
                parts=[
                    (name, script)
                    for script in await session.scalars(played)
                    for name, player in script.players.items()
                    if player == person
                ],
                votes=await _load_pairs(session, votes),
                starred=await _load_pairs(session, starred),
                turns=[
                    (rotation.writers.index(person) + 1, script)
                    for rotation, script in await _load_pairs(session, rotations)
                    if person in rotation.writers
                ],
                polls=await _load_pairs(session, polls),
                sprints=await _load_pairs(session, sprints),
            )

    async def erase_person(self, person: int, *, text: bool) -> ErasureResult:
        """Remove a person's id and name everywhere, and the text of their lines if ``text``.

        The caches of the text are deleted too, and messages that show any of it become stale. If an
        error is raised, nothing was removed.
        """
        theirs = select(Line.id).where(Line.author == person)
        async with self._database.erasing() as session:
            originals = theirs.where(_is_original()).subquery()
            lines = await session.scalar(select(func.count()).select_from(originals)) or 0
            channels = await _remove_text(session, theirs) if text else []
            lines_shown = theirs if text else theirs.limit(0)
            messages = await _mark_stale(session, person, lines_shown, channels)
            nobody = {Line.author: ERASED_PERSON, Line.credit: ERASED_NAME, Line.imported: False}
            await session.execute(update(Line).where(Line.author == person).values(nobody))
            await session.execute(update(Line).where(Line.asker == person).values(asker=None))
            rewritten = select(Line).where(_may_contain(Line.former_writers, person))
            for line in await session.scalars(rewritten):
                line.former_writers = [
                    [ERASED_PERSON, ERASED_NAME] if author == person else [author, credit]
                    for author, credit in line.former_writers or ()
                ]
            for known_as in PERSON_COLUMNS:
                renamed = update(known_as.class_).where(known_as == person)
                await session.execute(renamed.values({known_as: ERASED_PERSON}))
            # Their reactions stay, and must not be found again as theirs.
            kept = select(Star.line, literal(ERASED_PERSON, Star.person.type), Star.message)
            kept = kept.where(Star.person == person, Star.message.is_not(None))
            star = insert(session, Star).from_select(["line", "person", "message"], kept)
            await session.execute(star.on_conflict_do_nothing())
            for opinion in (Vote, Star):
                await session.execute(delete(opinion).where(opinion.person == person))
            rotations = select(Rotation).where(_may_contain(Rotation.writers, person))
            in_turn = list(await session.scalars(rotations))
            for rotation in in_turn:
                await remove_writer(session, rotation, person, utc_now())
            played = select(Script).where(_may_contain(Script.players, person))
            for script in await session.scalars(played):
                parts = script.players.items()
                script.players = {name: player for name, player in parts if player != person}
        scripts = [rotation.script for rotation in in_turn]
        purged = await self._database.purge()
        return ErasureResult(lines, purged, messages, scripts)


async def _load_pairs(session: AsyncSession, query: Select[T, Script]) -> list[tuple[T, Script]]:
    return [(item, script) for item, script in await session.execute(query)]


async def _mark_stale(
    session: AsyncSession, person: int, lines: Select[int], channels: Collection[int]
) -> list[int]:
    """Mark the messages that show lines, and the polls and panels that name or count a person.

    The panels in ``channels`` are marked too. Return these messages.
    """
    shown = select(PostedLine.message).where(PostedLine.line.in_(lines))
    voted = select(Vote.poll).where(Vote.person == person)
    polls = select(Poll.message).where(
        (Poll.asker == person) | Poll.id.in_(voted), ~Poll.closed, Poll.message.is_not(None)
    )
    rotations = select(Rotation.script).where(_may_contain(Rotation.writers, person))
    panels = (
        select(Channel.panel)
        .join(Script, Script.channel == Channel.id)
        .where(
            Script.running,
            Script.id.in_(rotations) | Channel.id.in_(channels),
            Channel.panel.is_not(None),
        )
    )
    messages = shown.union(polls, panels)
    stale = insert(session, StaleMessage).from_select(["message"], messages)
    await session.execute(stale.on_conflict_do_nothing())
    return list(await session.scalars(messages))


async def _remove_text(session: AsyncSession, lines: Select[int]) -> list[int]:
    """Replace the text of lines by `ERASED_ELEMENT`, and delete all that was computed from it.

    Return the channels in which a script with such a line runs: panels may recap it.
    """
    await look_up_line_by_line(session)
    affected = select(line_tree.query_descendants(lines).c.id)
    # A turn that has read the text and is not stored yet must fail.
    changed = await session.execute(
        update(Script)
        .where(Script.head.in_(affected) | Script.forked_at.in_(affected))
        .values(erased=Script.erased + 1)
        .returning(Script.channel, Script.running)
    )
    channels = [channel for channel, running in changed if running]
    await session.execute(delete(State).where(State.line.in_(affected)))
    await session.execute(
        update(Line)
        .where(Line.id.in_(lines))
        .values(kind=str(ERASED_ELEMENT.kind), text=ERASED_ELEMENT.text, removed=True)
    )
    return channels


def _is_original() -> ColumnElement[bool]:
    """Build the condition that a line is no copy of an existing line."""
    original = aliased(Line)  # PostgreSQL looks each one up, but would scan all for NOT IN
    return ~select(original.id).where(original.id == Line.copy_of).exists()


def _may_contain(column: InstrumentedAttribute[Any], person: int) -> ColumnElement[bool]:
    """Build the condition that a column, as JSON, contains the digits of a person's id."""
    return column.is_not(None) & cast(column, String).contains(str(person))
