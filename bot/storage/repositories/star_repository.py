"""Read and write the stars of lines."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import BigInteger, Select, delete, func, literal, or_, select

from .. import line_tree
from ..dialects import insert
from ..schema import ROOT_LINE, Line, PostedLine, Star
from .repository import Repository


class StarRepository(Repository):
    """The stars that people gave to lines."""

    async def find_star(self, line: Line, person: int) -> Star | None:
        return await self._get(Star, (line.original, person))

    async def toggle_star(self, line: int, person: int) -> bool:
        """Give a person's star to a line, or take it back; return whether it is given now.

        Raises NoResultFound if the line was deleted.
        """
        async with self._database.writing() as session:
            star = Star(line=(await session.get_one(Line, line)).original, person=person)
            given = delete(Star).where(Star.line == star.line, Star.person == person)
            if await session.scalar(given.returning(Star.line)) is not None:
                return False
            session.add(star)
        return True

    async def give_star(self, message: int, person: int) -> None:
        """Give the line that a message shows, if any, the star of a person who has reacted."""
        async with self._database.writing() as session:
            ids = literal(person, BigInteger), literal(message, BigInteger)
            given = _query_original(message).add_columns(*ids)
            star = insert(session, Star).from_select(["line", "person", "message"], given)
            keys, change = ["line", "person"], {"message": message}
            await session.execute(star.on_conflict_do_update(index_elements=keys, set_=change))

    async def take_star(self, message: int, person: int) -> None:
        """Take a person's star back from the line that a message shows.

        After a rewrite, the star belongs to the line that the message showed before.
        """
        is_shown = Star.line == _query_original(message).scalar_subquery()
        of_person = Star.person == person, or_(Star.message == message, is_shown)
        await self._write(delete(Star).where(*of_person))

    async def clear_stars(self, message: int) -> None:
        """Take all stars back that reactions to a message gave."""
        await self._write(delete(Star).where(Star.message == message))

    async def load_reactions(self, messages: Collection[int]) -> dict[int, set[int]]:
        """Return the people whose reactions to these messages gave stars, by message."""
        wanted = select(Star.message, Star.person).where(Star.message.in_(messages))
        found: dict[int, set[int]] = {}
        for message, person in await self._rows(wanted):
            if message is not None:
                found.setdefault(message, set()).add(person)
        return found

    async def count_stars(self, line: Line) -> int:
        counted = select(func.count()).select_from(Star).where(Star.line == line.original)
        return await self._scalar(counted) or 0

    async def load_best_lines(self, head: int | None, most: int) -> list[tuple[Line, int]]:
        """Load the lines of a path with the most stars, each with its count, the best first."""
        above, stars = line_tree.query_path(head or ROOT_LINE), func.count().label("stars")
        counted = (
            select(above.c.id, stars)
            .join(Line, Line.id == above.c.id)
            .join(Star, Star.line == func.coalesce(Line.copy_of, Line.id))
            .where(~Line.removed)
            .group_by(above.c.id)
            .order_by(stars.desc(), above.c.id)
            .limit(most)
            .subquery()
        )
        best = select(Line, counted.c.stars).join(counted, Line.id == counted.c.id)
        rows = await self._rows(best.order_by(counted.c.stars.desc(), Line.id))
        return [(line, number) for line, number in rows]


def _query_original(message: int) -> Select[int]:
    """Build a query of the `original` of the line that a message shows."""
    original = func.coalesce(Line.copy_of, Line.id)
    shown = select(original).join(PostedLine, PostedLine.line == Line.id)
    return shown.where(PostedLine.message == message)
