"""Find which script a message shows, and which of its lines are current there.

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

from ..storage.schema import Line, Script
from ..storage.store import Store
from .cards import format_card
from .markdown import inline


@dataclass(frozen=True)
class Perspective:
    """A script, as seen by messages that show some of its lines."""

    script: Script
    current: frozenset[int]
    """The ids of the lines that stand in the script."""
    above_fork: frozenset[int]
    """The ids of the lines above its fork, which belong to another script as well."""

    def has(self, line: Line) -> bool:
        """Return whether a line is in the script's tree."""
        return line.script == self.script.id or line.id in self.above_fork

    def select_shown(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines of a message that are shown: all but what another script has instead."""
        return [line for line in lines if self.has(line) or not (line.copy_of or line.rewrite_of)]

    def select_current(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines that stand in the script."""
        return [line for line in lines if line.id in self.current]

    def ends_with(self, lines: Sequence[Line]) -> bool:
        """Return whether a message shows the script's end, with only undone lines below it."""
        current = self.select_current(lines)
        return (
            current[-1].id == self.script.head
            if current
            else not lines and self.script.head is None
        )


def find_perspective(
    perspectives: Sequence[Perspective], lines: Sequence[Line]
) -> Perspective | None:
    """Return the first perspective whose script has any line of a message.

    The script that runs comes first, because messages of shared lines are about it. A message of
    lines that another script alone has is about that one.
    """
    return next(
        (perspective for perspective in perspectives if any(map(perspective.has, lines))), None
    )


def format_message(script: Script, lines: Sequence[Line], in_script: Collection[int]) -> str:
    """Return what a message shows: lines, below the title where a script begins with them."""
    title = f"**{inline(script.title, 100)}**\n" if lines[0].parent is None else ""
    return title + format_card(lines, in_script)


class Perspectives:
    """Find the perspectives from which messages are shown."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def load_all(
        self, scripts: Sequence[Script], shown: Collection[Sequence[Line]]
    ) -> list[Perspective]:
        """Return the perspectives of scripts, and those of the owners of lines that these lack.

        Where the first script runs, it decides for all that share lines with it what stands,
        because lines of another fork between its own would be read as parts of it.

        Args:
            scripts: The scripts, of which the first one may run.
            shown: The lines of each message.
        """
        perspectives = await self._load(scripts, shown)
        foreign = {
            line.script
            for shown_lines in shown
            if not find_perspective(perspectives, shown_lines)
            for line in shown_lines
        }
        owners = [await self.store.scripts.find_script(script) for script in sorted(foreign)]
        perspectives += await self._load(filter(None, owners), shown)
        running, *others = perspectives
        if not running.script.running:
            return perspectives
        return [
            running,
            *[await self._share_current(running, perspective) for perspective in others],
        ]

    async def find_shown(self, message: int) -> tuple[Script, list[Line]] | None:
        """Return the script that a message is about, and its lines there.

        The lines are those that stand in the script, or all if none does. The script is the one
        that runs in the channel if it has any of the lines, even by a fork. None for a message that
        shows no line.
        """
        post = await self.store.messages.find_posted_lines(message)
        if post is None or not post[1]:
            return None
        script, lines = await self.store.scripts.get_script(post[0]), post[1]
        running = (
            script
            if script.running
            else await self.store.scripts.find_running_script(script.channel)
        )
        scripts = [candidate for candidate in (running, script) if candidate]
        perspective = find_perspective(await self._load(scripts, [lines]), lines)
        if perspective is None:
            return None
        shown_lines = [line for line in lines if perspective.has(line)]
        return perspective.script, perspective.select_current(shown_lines) or shown_lines

    async def find_titled_script(self, perspective: Perspective, lines: Sequence[Line]) -> Script:
        """Return the script whose title stands above lines: a fork that changed the first line."""
        script = perspective.script
        shown = perspective.select_current(lines) or lines
        if not shown or shown[0].parent is not None or shown[0].script == script.id:
            return script
        return await self.store.scripts.get_script(shown[0].script)

    async def find_for_empty_message(
        self, perspectives: Sequence[Perspective], message: int
    ) -> Perspective | None:
        """Return the perspective of a message without lines, by the script that was recorded."""
        post = await self.store.messages.find_posted_lines(message)
        return next(
            (
                perspective
                for perspective in perspectives
                if post and perspective.script.id == post[0]
            ),
            None,
        )

    async def _share_current(self, running: Perspective, other: Perspective) -> Perspective:
        """Return another perspective, in which shared lines stand as in the script that runs."""
        if await self.store.scripts.have_common_lines(running.script, other.script):
            return replace(other, current=running.current)
        return other

    async def _load(
        self, scripts: Iterable[Script], shown: Collection[Sequence[Line]]
    ) -> list[Perspective]:
        """Load as much of the scripts' trees as these lines need."""
        first_id = min((line.id for lines in shown for line in lines), default=0)
        return [
            Perspective(
                script,
                frozenset(await self.store.lines.load_path_ids(script.head, first_id)),
                frozenset(await self.store.lines.load_path_ids(script.forked_at, first_id)),
            )
            for script in scripts
        ]
