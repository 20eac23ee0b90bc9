"""Read and write the stars of lines."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from .. import line_tree
from ..schema import ROOT_LINE, Line, Star
from .repository import Repository


class StarRepository(Repository):
    """The stars that people gave to lines."""

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

    async def count_stars(self, line: Line) -> int:
        """Count the stars of a line."""
        counted = select(func.count()).select_from(Star).where(Star.line == line.original)
        return await self._scalar(counted) or 0

    async def load_best_lines(self, head: int | None, most: int) -> list[tuple[Line, int]]:
        """Load the lines of a path with the most stars, each with their number, the best first."""
        above, stars = line_tree.query_path(head or ROOT_LINE), func.count().label("stars")
        counted = (
            select(Line.id, stars)
            .join(above, Line.id == above.c.id)
            .join(Star, Star.line == func.coalesce(Line.copy_of, Line.id))
            .where(~Line.removed)
            .group_by(Line.id)
            .order_by(stars.desc(), Line.id)
            .limit(most)
            .subquery()
        )
        best = select(Line, counted.c.stars).join(counted, Line.id == counted.c.id)
        rows = await self._rows(best.order_by(counted.c.stars.desc(), Line.id))
        return [(line, number) for line, number in rows]
