"""List and erase what is stored about people."""

from __future__ import annotations

from dataclasses import dataclass

from .. import erasure
from ..erasure import PersonalData
from .repository import Repository


@dataclass(frozen=True)
class ErasureResult:
    """The result of erasing a person."""

    lines: int
    """How many lines named the person."""
    purged: bool
    """Whether all content is gone from the disk; otherwise it is purged later."""


class PersonRepository(Repository):
    """The people about whom anything is stored."""

    async def load_personal_data(self, person: int) -> PersonalData:
        """Load all that is stored about a person."""
        async with self._database.reading() as session:
            return await erasure.load_personal_data(session, person)

    async def erase_person(self, person: int, *, text: bool) -> ErasureResult:
        """Remove a person's name everywhere, and the text of their lines if ``text``.

        The messages that show any of it become stale. If an error is raised, nothing was removed.
        """
        async with self._database.erasing() as session:
            lines = await erasure.erase_person(session, person, text=text)
        return ErasureResult(lines, await self._database.purge())
