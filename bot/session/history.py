"""Move the head of a channel's script in its tree of lines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import NotTheirs, RequestError
from ..i18n.catalogue import Count, Phrase, phrase
from ..screenplay.elements import Element
from ..screenplay.free_text import reinterpret
from ..screenplay.speakers import fold
from ..storage.schema import ROOT_LINE, Line, Script, make_fork
from .library import Library
from .permissions import (
    TurnContext,
    check_may_pick,
    check_may_remove,
    check_may_rewrite,
    check_may_write,
)
from .turn import Job, Requester, ScriptPosition, TurnResult, parse_typed_text

REMOVE = phrase("remove")

LINES_PER_PAGE = 8
"""The number of lines on a page of a history, as many as a message has room for."""


@dataclass(frozen=True)
class HistoryPage:
    """A page of a script's history, which includes the lines that left the script."""

    number: int
    """The page's number, from 0."""
    pages: int
    lines: list[Line]
    numbers: dict[int, int]
    """The numbers of the script's lines, from 1, by their ids."""


class History:
    """Move the head of the running script: undo, redo, jump, rewrite and fork.

    Every line that leaves the script stays in the tree. A method that raises has changed nothing.
    It raises RequestError, HeadMoved if another process has moved the head meanwhile, or VoteOpen
    while people vote on the next line.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.store = library.store
        self.reader = library.reader

    # All lines of a script

    async def load_page(self, script: Script, number: int) -> HistoryPage:
        """Load a page of a script's history, from 0; a number past the end is the last page.

        Raises RequestError for a script without a line.
        """
        count = await self.store.lines.count_history(script)
        if not count:
            raise RequestError("The script is empty. Write a line, or use {/continue}.")
        pages = -(-count // LINES_PER_PAGE)
        number = min(number, pages - 1)
        # The last page is always full, so that it shows more than the newest line.
        begin = max(min(number * LINES_PER_PAGE, count - LINES_PER_PAGE), 0)
        lines = await self.store.lines.load_history(script, begin, begin + LINES_PER_PAGE)
        path = await self.store.lines.load_path_ids(script.head)
        numbers = {line: number for number, line in enumerate(path, 1)}
        return HistoryPage(number, pages, lines, numbers)

    async def find_page(self, script: Script, line: int) -> int:
        """Return the number of the page that shows a line."""
        return await self.store.lines.count_history(script, line) // LINES_PER_PAGE

    async def find_position(self, script: Script, wanted: str) -> ScriptPosition:
        """Find the line with the number that a person typed, or else the last with those words."""
        path = await self.store.lines.load_path_ids(script.head)
        if wanted.isdecimal():
            number = int(wanted)
            if not 1 <= number <= len(path):
                count = Count(len(path), "line")
                raise RequestError(
                    "The script has only {lines}. Choose an existing line.", lines=count
                )
            return ScriptPosition(script.id, path[number - 1])
        elements = await self.library.load_elements(script)
        found = await asyncio.to_thread(find_lines, elements, wanted)
        if not found:
            raise RequestError(
                "No line contains “{words}”. Type other words, or the line's number.", words=wanted
            )
        return ScriptPosition(script.id, path[found[0] - 1])

    async def find_script(self, line: Line) -> Script:
        """Return the running script if it has a line, or else the script that the line belongs to.

        The latter may be in any channel.
        """
        running = await self.library.find_running()
        if running and await self.store.scripts.has_line(running, line.id):
            return running
        return await self.store.scripts.get_script(line.script)

    # The head

    async def undo(
        self, requester: Requester, expected: ScriptPosition | None = None
    ) -> TurnResult:
        """Take back the last line, or the edit that moved the head to it.

        A requester who may not take back the edit may still take back a last line that is their
        own or a model's.
        """
        async with self.library.open_turn(requester, expected) as context:
            line = await context.load_last_line()
            has_line = self.store.scripts.has_line
            # A fork does not have the version before an edit above it.
            if line.edit_of and await has_line(context.script, line.edit_of):
                try:
                    result = await self._move(context, line.edit_of, phrase("change"))
                    return replace(result, is_edit=True)
                except NotTheirs as refused:
                    try:
                        return await self._move(context, line.parent)
                    except NotTheirs:
                        raise refused from None
            return await self._move(context, line.parent)

    async def redo(
        self, requester: Requester, expected: ScriptPosition | None = None
    ) -> TurnResult:
        """Go on to the line through which the head last left this one, or make an edit again."""
        async with self.library.open_turn(requester, expected) as context:
            child = await self.store.lines.find_redo_line(context.script.id, context.script.head)
            if child is None:
                raise RequestError(
                    "There is no undone line to restore. Write a new one, or use {/continue}."
                )
            line = await self.store.lines.find_line(child)
            is_edit = line is not None and line.edit_of == context.script.head is not None
            return replace(await self._move(context, child), is_edit=is_edit)

    async def jump_to(self, requester: Requester, position: ScriptPosition) -> TurnResult:
        """Move the head to any line of the running script.

        Raises RequestError for an open take that the requester may not pick.
        """
        async with self.library.open_turn(requester) as context:
            script = context.script
            await self.library.check_is_running(script, position.script)
            if position.line == (script.head or ROOT_LINE):
                raise RequestError(
                    "The script already ends here. Write the next line, or use {/continue}."
                )
            if position.line != ROOT_LINE and not await self.store.scripts.has_line(
                script, position.line
            ):
                raise RequestError(
                    "That line is not in this script. Choose one in {/script history}."
                )
            poll = await self.store.polls.find_poll_of_line(position.line)
            if poll and not poll.closed and poll.parent == script.head:
                check_may_pick(poll, requester)
            return await self._move(context, position.line or None)

    async def _move(
        self, context: TurnContext, head: int | None, act: Phrase = REMOVE
    ) -> TurnResult:
        """Move the head, if the requester may take back the lines that leave the script.

        A refusal says that the move would ``act`` on somebody's line.
        """
        check_may_write(context.script, context.requester)
        lines = self.store.lines
        after = await lines.load_path_ids(head)
        before = await lines.load_path_ids(context.script.head)
        removed = set(before).difference(after)
        restored = set(after).difference(before) if removed else ()
        # A line stays if another copy of it takes its place.
        kept = {line.original for line in await lines.load_lines(restored)}
        for line in reversed(await lines.load_lines(removed)):
            if line.original not in kept:
                check_may_remove(context.script, line, context.requester, act)
        context.check_vote()
        await lines.move_head(context.script, head, removed, self.library.clock())
        return context.make_result(head)

    async def rewrite(
        self, requester: Requester, position: ScriptPosition, text: str, job: Job | None = None
    ) -> TurnResult:
        """Replace a line with other lines, and copy the lines that followed it below them.

        The turn's lines are the new ones. The old line and its followers stay in the tree. Speech
        keeps its speaker if the text names nobody and is not marked as action. Without text, the
        line is cut.
        """
        async with self.library.open_turn(requester) as context:
            script = context.script
            line = await self.line_to_rewrite(requester, position, script)
            if not text.strip():
                return await self._cut(context, line)
            names = await self.library.list_characters(script)
            cue = line.text.partition("\n")[0] if line.element.cue else None
            elements = parse_typed_text(text, None, names, cue)
            if elements == [line.element]:
                raise RequestError(
                    "The line already says that. Change something, or leave it as it is."
                )
            if len(elements) > 1:  # then the script gets longer
                await context.check_may_add(rewrites=True)
                await context.check_alternation(requester)
            return await self._replace(context, line, elements, requester, job)

    async def _cut(self, context: TurnContext, line: Line) -> TurnResult:
        """Take a line out of the script; take out the last line as `undo` does."""
        if line.id == context.script.head:
            return await self._move(context, line.parent)
        context.check_vote()
        await context.charge_copies(line)
        requester = context.requester
        _, head = await self.store.lines.rewrite_line(
            context.script, line, (), requester.delivery, requester.id
        )
        return context.make_result(head)

    async def reinterpret(
        self,
        requester: Requester,
        expected: ScriptPosition | None = None,
        job: Job | None = None,
        name: str = "",
    ) -> TurnResult:
        """Make the last line action if it is speech, or speech if it is action.

        With a ``name``, let that character say the speech instead. The line remains its writer's,
        because the words do.
        """
        async with self.library.open_turn(requester, expected) as context:
            line = await context.load_last_line()
            check_may_rewrite(context.script, line, requester)
            element = reinterpret(line.element, name)
            if line.author is None or element is None:
                raise RequestError(
                    "Only a person's line can be turned from speech into action, "
                    "or from action into speech."
                )
            writer = replace(requester, id=line.author, name=line.credit)
            return await self._replace(context, line, [element], writer, job)

    async def _replace(
        self,
        context: TurnContext,
        line: Line,
        elements: Sequence[Element],
        writer: Requester,
        job: Job | None,
    ) -> TurnResult:
        """Replace a line with a writer's elements, and copy what followed the line below them."""
        context.check_vote()
        await context.charge_copies(line)
        script, requester = context.script, context.requester
        primed = await self.reader.open_model_for(script, line.parent)
        drafts = await self.reader.read_below(primed, line.parent, elements, writer, job or Job())
        lines, head = await self.store.lines.rewrite_line(
            script, line, drafts, requester.delivery, requester.id
        )
        result = context.make_result(head, lines)
        return self.reader.notifications.attach(result, requester.id, primed.model, elements)

    async def line_to_rewrite(
        self, requester: Requester, position: ScriptPosition, script: Script | None = None
    ) -> Line:
        """Return a line of the script, if the requester may rewrite it; raise RequestError.

        If a line above it was rewritten or cut meanwhile, return the copy.
        """
        script = script or await self.library.load_script()
        await self.library.check_is_running(script, position.script)
        standing = await self.store.lines.find_copy(position.line, script.head)
        line = await self.store.lines.find_line(standing) if standing else None
        if line is None:
            raise RequestError(
                "That line is no longer in the script. Choose another with {/script edit}, or go "
                "back to an earlier version with {/script history}."
            )
        check_may_rewrite(script, line, requester)
        return line

    async def fork(
        self, requester: Requester, title: str, channel: int | None = None
    ) -> TurnResult:
        """Begin another script on the line where this one stands, here or in another channel.

        The fork has the preferences of the script, and belongs to the requester.
        """
        async with self.library.open_turn(requester) as context:
            check_may_write(context.script, requester)
            target_channel = self.library.channel if channel is None else channel
            fork = make_fork(context.script, target_channel, requester.id, title)
            script = await self.store.scripts.create_script(
                fork, (), requester.delivery, context.script.id
            )
            return TurnResult(script, before=context.script)


def find_lines(elements: Sequence[Element], wanted: str) -> list[int]:
    """Return the numbers, from 1, of the lines that a person may mean, the last line first.

    A number finds the lines whose numbers contain its digits. Other text finds the lines that
    contain all its words, in the speaker's name or the line, regardless of case and accents.
    """
    words = fold(wanted).split()
    found = []
    for number, element in enumerate(elements, 1):
        searched = str(number) if wanted.isdecimal() else fold(element.one_line)
        if all(word in searched for word in words):
            found.append(number)
    return found[::-1]
