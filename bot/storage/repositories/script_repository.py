"""Read and write scripts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from ...errors import AlreadyWritten
from ...screenplay.drafts import Draft
from ...screenplay.elements import Element, Kind
from .. import deletion, line_tree
from ..records import PanelState, TurnState
from ..schema import ROOT_LINE, BannedWords, Line, Poll, RedoPointer, Rotation, Script, Sprint
from .repository import Repository


class ScriptRepository(Repository):
    """The scripts of all channels. In each channel at most one runs; the others are shelved."""

    async def get_script(self, script: int) -> Script:
        """Return a script by its id; raise NoResultFound if it was deleted."""
        async with self._database.reading() as session:
            return await session.get_one(Script, script)

    async def find_script(self, script: int) -> Script | None:
        """Return a script by its id, or None if it was deleted."""
        return await self._get(Script, script)

    async def find_running_script(self, channel: int) -> Script | None:
        return await self._scalar(select(Script).where(Script.channel == channel, Script.running))

    async def find_running_for_turn(self, channel: int) -> TurnState | None:
        """Return the script that runs in a channel, with all that a turn needs of it, or None."""
        of_channel = and_(BannedWords.scope == "channel", BannedWords.place == Script.channel)
        of_guild = and_(BannedWords.scope == "guild", BannedWords.place == Script.guild)
        vote_ends = select(func.max(Poll.ends)).where(_is_voted_on(Script.head)).scalar_subquery()
        wanted = (
            select(Script, BannedWords.words, Rotation, vote_ends)
            .outerjoin(BannedWords, of_channel | of_guild)
            .outerjoin(Sprint)
            .outerjoin(Rotation, and_(Rotation.script == Script.id, Sprint.script.is_(None)))
        )
        rows = await self._rows(wanted.where(Script.channel == channel, Script.running))
        if not rows:
            return None
        words = {word for _, listed, *_ in rows for word in listed or ()}
        script, _, rotation, ends = rows[0]
        return TurnState(script, words, rotation, ends)

    async def load_panel_state(self, script: Script) -> PanelState:
        """Load what a script's panel shows besides the script."""
        head = script.head or ROOT_LINE
        redo = and_(RedoPointer.script == Script.id, RedoPointer.line == head)
        votes = select(Poll.id).where(_is_voted_on(literal(head)))
        takes = select(Poll.id).where(Poll.script == Script.id, Poll.ends.is_(None), ~Poll.closed)
        passed = takes.where(func.coalesce(Poll.parent, ROOT_LINE) != head)
        cues = line_tree.query_speech_cues(head).subquery()
        last = Line.author, Line.kind, Line.text
        spoken = cues.c.cue, cues.c.speeches
        wanted = (
            select(Rotation, Sprint, RedoPointer.child)
            .add_columns(votes.exists(), passed.exists(), *last, *spoken)
            .select_from(Script)
            .outerjoin(Rotation)
            .outerjoin(Sprint)
            .outerjoin(RedoPointer, redo)
            .outerjoin(Line, Line.id == head)
            .outerjoin(cues, true())
            .where(Script.id == script.id)
            .order_by(cues.c.latest.desc())
        )
        rows = await self._rows(wanted)
        if not rows:
            return PanelState()
        rotation, sprint, redo, is_voting, has_passed, author, kind, text, *_ = rows[0]
        element = Element(Kind(kind), text) if kind else None
        speeches = {cue: number for *_, cue, number in rows if cue is not None}
        return PanelState(rotation, sprint, redo, author, element, is_voting, has_passed, speeches)

    async def list_scripts(self, channel: int) -> list[Script]:
        """Return all scripts of a channel: the running one, then the others, the latest first."""
        return await self._scalars(
            select(Script)
            .where(Script.channel == channel)
            .order_by(Script.running.desc(), Script.archived, Script.id.desc())
        )

    async def find_first_begun(self, channel: int) -> dt.datetime | None:
        """Return when the first of a channel's scripts began, or None without a script."""
        return await self._scalar(select(func.min(Script.begun)).where(Script.channel == channel))

    async def find_last_script(self, channel: int) -> Script | None:
        """Return the script of a channel whose last line is the newest, or None."""
        return await self._scalar(
            select(Script)
            .where(Script.channel == channel, Script.head.is_not(None))
            .order_by(Script.head.desc(), Script.id.desc())
            .limit(1)
        )

    async def find_scripts(self, name: str) -> list[Script]:
        """Return the scripts of all channels with this title or this id, the latest first."""
        # Titles are compared here, because SQLite's lower() changes only ASCII.
        titles = await self._rows(select(Script.id, Script.title))
        wanted = name.casefold()
        found = [script for script, title in titles if wanted in (title.casefold(), str(script))]
        latest_first = select(Script).order_by(Script.id.desc())
        return await self._scalars(latest_first.where(Script.id.in_(found)))

    async def list_latest_scripts(self, count: int) -> list[Script]:
        """Return the scripts of all channels that were begun last, the latest first."""
        return await self._scalars(select(Script).order_by(Script.id.desc()).limit(count))

    async def list_ended_scripts(self) -> list[Script]:
        """Return the scripts that have ended, and whose closing cards are not shown yet."""
        return await self._scalars(select(Script).where(Script.ending.is_not(None)))

    async def mark_ending_shown(self, script: Script) -> None:
        """Record that a channel has the closing card of a script, unless it ended again since."""
        unchanged = Script.id == script.id, Script.ending == script.ending
        await self._write(update(Script).where(*unchanged).values(ending=None))

    async def list_cast_names(self, scope: str, place: int) -> list[str]:
        """Return the cast names of all scripts that run in a ``channel`` or a ``guild``."""
        where = Script.channel if scope == "channel" else Script.guild
        casts = await self._scalars(select(Script.cast).where(where == place, Script.running))
        return sorted({name for cast in casts for name in cast})

    async def create_script(
        self,
        script: Script,
        drafts: Sequence[Draft] = (),
        delivery: str | None = None,
        forked: int | None = None,
    ) -> Script:
        """Store a new script and its first lines, and shelve the running one, all or nothing.

        If the running script is the same owner's, has never had a line and has no cast, it is
        deleted instead. The new script takes over the players of the script ``forked``, of which it
        is a fork. Raises AlreadyWritten if the interaction ``delivery`` has already begun a script.
        """
        async with self._database.writing() as session:
            begun = select(Script.id).where(Script.delivery == delivery)
            if delivery is not None and await session.scalar(begun) is not None:
                raise AlreadyWritten
            script.delivery = delivery
            if forked is not None:
                script.players = (await session.get_one(Script, forked)).players
            await deletion.delete_empty_script(session, script.channel, script.owner)
            await _shelve_running_script(session, script.channel)
            session.add(script)
            await session.flush()
            script.head = await line_tree.insert_script(session, script, drafts, delivery or "")
        return script

    async def run_script(self, script: int) -> Script:
        """Make a script the running one of its channel, and shelve the other one."""
        async with self._database.writing() as session:
            row = await session.get_one(Script, script)
            await _shelve_running_script(session, row.channel)
            row.running, row.archived, row.ending = True, False, None
        return row

    async def update_script(
        self,
        script: int,
        preferences: Mapping[str, Any] | None = None,
        **columns: Any,  # noqa: ANN401 - those of `Script`
    ) -> Script:
        """Set some preferences of a script, which None removes, and some of its columns."""
        async with self._database.writing() as session:
            row = await session.get_one(Script, script)
            merged = {**row.preferences, **(preferences or {})}
            row.preferences = {name: value for name, value in merged.items() if value is not None}
            for name, value in columns.items():
                setattr(row, name, value)
        return row

    async def replace_cast(
        self, script: int, cast: Sequence[str], players: Mapping[str, int | None]
    ) -> Script:
        """Replace the cast of a script, and the players of some of its characters.

        The other players stay, unless they were forgotten since the script was read. A player of
        None means that nobody plays the character any more.
        """
        async with self._database.writing() as session:
            row = await session.get_one(Script, script)
            play = {**row.players, **players}
            row.cast = list(cast)
            row.players = {name: play[name] for name in cast if play.get(name) is not None}
        return row

    async def count_forked_lines(self, script: Script) -> int:
        """Count the lines that `delete_script` would leave to forks."""
        async with self._database.reading() as session:
            return await deletion.count_forked_lines(session, script.id)

    async def delete_script(self, script: int) -> None:
        """Delete a script, and leave the lines that its forks reach to the forks."""
        async with self._database.erasing() as session:
            await deletion.delete_script(session, script)
        await self._database.purge()

    async def has_line(self, script: Script, line: int) -> bool:
        """Return whether a line is in a script's tree: its own, or above the line of its fork."""
        wanted = select(Line.id).where(Line.id == line, line_tree.is_in_tree(script))
        return await self._scalar(wanted) is not None


async def _shelve_running_script(session: AsyncSession, channel: int) -> None:
    await session.execute(update(Script).where(Script.channel == channel).values(running=False))


def _is_voted_on(head: SQLColumnExpression[int | None]) -> ColumnElement[bool]:
    """Build the condition that a poll is an open vote on how a script goes on from a head."""
    return and_(
        Poll.script == Script.id,
        func.coalesce(Poll.parent, ROOT_LINE) == func.coalesce(head, ROOT_LINE),
        Poll.ends.is_not(None),
        ~Poll.closed,
    )
