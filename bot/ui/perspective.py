"""Perspectives: which script a message is about, and what of its lines stands there.

Two scripts share the lines above a fork, and so the messages that show these lines. "The Diner" has
the lines 1, 2 and 3, and a message shows 2 and 3. "Act two" is forked from it there, and in that 3
is rewritten as 4, which comes into the same message, beside 3. As long as "Act two" runs, the
message is about it: 1, 2 and 4 stand in it, and 1, 2 and 3 are above its fork, so that it has all
four, and the message shows 2 and 4. Once "The Diner" runs again, the message is about that. It does
not have 4, so that 4 is not shown: even when 3 is taken back, the message shows 3 struck through,
and never what only "Act two" has instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from ..i18n.markdown import inline
from ..storage.schema import Line, Script
from ..storage.store import Store
from .cards import card


@dataclass(frozen=True)
class Perspective:
    """A script, as far as messages that show some lines need it."""

    script: Script
    standing: frozenset[int]
    """The ids of the lines that stand in the script."""
    above: frozenset[int]
    """The ids of the lines above its fork, which belong to another script as well."""

    def has(self, line: Line) -> bool:
        """Return whether a line is in the script's tree."""
        return line.script == self.script.id or line.id in self.above

    def told(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines of a message that are shown: all but what another script has instead."""
        return [line for line in lines if self.has(line) or not (line.copy_of or line.rewrite_of)]

    def standing_in(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines that stand in the script."""
        return [line for line in lines if line.id in self.standing]

    def ends_at(self, lines: Sequence[Line]) -> bool:
        """Return whether a message shows the script's end, with only undone lines below it."""
        left = self.standing_in(lines)
        return left[-1].id == self.script.head if left else not lines and self.script.head is None


def first_with(perspectives: Sequence[Perspective], lines: Sequence[Line]) -> Perspective | None:
    """Return the first perspective whose script has any line of a message.

    The script that runs comes first, because messages of shared lines are about it. A message of
    lines that another script alone has is about that one.
    """
    return next((one for one in perspectives if any(map(one.has, lines))), None)


def content_of(script: Script, lines: Sequence[Line], in_script: Collection[int]) -> str:
    """Return what a message shows: lines, below the title where a script begins with them."""
    title = f"**{inline(script.title, 100)}**\n" if lines[0].parent is None else ""
    return title + card(lines, in_script)


class Perspectives:
    """Finds the perspectives from which messages are shown."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def of(
        self, told: Sequence[Script], shown: Collection[Sequence[Line]]
    ) -> list[Perspective]:
        """Return the perspectives of scripts, and those of the owners of lines that these lack.

        Where the first script runs, it decides for all that share lines with it what stands,
        because lines of another fork between its own would be read as parts of it.

        Args:
            told: The scripts, of which the first one may run.
            shown: The lines of each message.
        """
        found = await self._load(told, shown)
        strange = {line.script for there in shown if not first_with(found, there) for line in there}
        owners = [await self.store.scripts.find_script(script) for script in sorted(strange)]
        found += await self._load(filter(None, owners), shown)
        now, *others = found
        if not now.script.running:
            return found
        return [now, *[await self._beside(now, one) for one in others]]

    async def at(self, message: int) -> tuple[Script, list[Line]] | None:
        """Return the script that a message is about, and its lines there.

        The lines are those that stand in the script, or all if none does. The script is the one
        that runs in the channel if it has any of the lines, even by a fork. None for a message that
        shows no line.
        """
        found = await self.store.messages.find_posted_lines(message)
        if found is None or not found[1]:
            return None
        script, lines = await self.store.scripts.get_script(found[0]), found[1]
        running = (
            script
            if script.running
            else await self.store.scripts.find_running_script(script.channel)
        )
        told = [one for one in (running, script) if one]
        perspective = first_with(await self._load(told, [lines]), lines)
        if perspective is None:
            return None
        there = [line for line in lines if perspective.has(line)]
        return perspective.script, perspective.standing_in(there) or there

    async def titled(self, perspective: Perspective, lines: Sequence[Line]) -> Script:
        """Return the script whose title stands above lines: a fork that changed the first line."""
        script = perspective.script
        shown = perspective.standing_in(lines) or lines
        if not shown or shown[0].parent is not None or shown[0].script == script.id:
            return script
        return await self.store.scripts.get_script(shown[0].script)

    async def without_lines(
        self, perspectives: Sequence[Perspective], message: int
    ) -> Perspective | None:
        """Return the perspective of a message without lines, by the script that was recorded."""
        found = await self.store.messages.find_posted_lines(message)
        return next((one for one in perspectives if found and one.script.id == found[0]), None)

    async def _beside(self, now: Perspective, other: Perspective) -> Perspective:
        """Return another perspective, in which shared lines stand as in the script that runs."""
        if await self.store.scripts.have_common_lines(now.script, other.script):
            return replace(other, standing=now.standing)
        return other

    async def _load(
        self, scripts: Iterable[Script], shown: Collection[Sequence[Line]]
    ) -> list[Perspective]:
        """Load as much of the scripts' trees as these lines need."""
        since = min((line.id for lines in shown for line in lines), default=0)
        return [
            Perspective(
                script,
                frozenset(await self.store.lines.load_path_ids(script.head, since)),
                frozenset(await self.store.lines.load_path_ids(script.forked_at, since)),
            )
            for script in scripts
        ]
