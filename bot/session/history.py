"""Move the head of a channel's script in its tree of lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import RequestError
from ..screenplay.elements import Element
from ..screenplay.free_text import reinterpret
from ..storage.schema import ROOT_LINE, Line, Script, make_fork
from .context import TurnContext
from .library import Library
from .permissions import check_may_remove, check_may_rewrite, check_may_write
from .turn import (
    Job,
    Requester,
    ScriptPosition,
    TurnResult,
    find_outsiders,
    parse_typed_text,
)


class History:
    """Move the head of the running script: undo, redo, jump, rewrite and fork.

    Every line that leaves the script stays in the tree. A method that raises has changed nothing.
    It raises RequestError, or HeadMoved where another process has moved the head meanwhile. A vote
    on the next line is lost ``during_vote``; otherwise what moves the head raises VoteOpen.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.store = library.store
        self.reader = library.reader

    async def undo(
        self,
        requester: Requester,
        expected: ScriptPosition | None = None,
        *,
        during_vote: bool = False,
    ) -> TurnResult:
        """Take the last line back."""
        async with self.library.open_turn(requester, expected) as context:
            line = await context.load_last_line()
            return await self._move(context, line.parent, during_vote)

    async def redo(
        self,
        requester: Requester,
        expected: ScriptPosition | None = None,
        *,
        during_vote: bool = False,
    ) -> TurnResult:
        """Go on to the line through which the head last went from here."""
        async with self.library.open_turn(requester, expected) as context:
            child = await self.store.lines.find_redo_line(context.script.id, context.script.head)
            if child is None:
                raise RequestError(
                    "There is no undone line to restore. Write a new one, or use {/continue}."
                )
            return await self._move(context, child, during_vote)

    async def jump_to(
        self, requester: Requester, position: ScriptPosition, *, during_vote: bool = False
    ) -> TurnResult:
        """Move the head to any line of the script that runs."""
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
            return await self._move(context, position.line or None, during_vote)

    async def _move(self, context: TurnContext, head: int | None, during_vote: bool) -> TurnResult:
        """Move the head, if the requester may take back the lines that leave the script."""
        check_may_write(context.script, context.requester)
        lines = self.store.lines
        after = set(await lines.load_path_ids(head))
        before = await lines.load_path_ids(context.script.head)
        removed = [line for line in before if line not in after]
        for line in reversed(await lines.load_lines(removed)):
            check_may_remove(context.script, line, context.requester)
        context.check_vote(during_vote)
        await lines.move_head(context.script, head, removed, self.library.clock())
        return context.make_result(head)

    async def rewrite(
        self,
        requester: Requester,
        position: ScriptPosition,
        text: str,
        job: Job | None = None,
        *,
        during_vote: bool = False,
    ) -> TurnResult:
        """Write other lines instead of one, with copies below them of the lines that followed.

        The turn's lines are the new ones. The old line and its followers stay in the tree. Speech
        keeps its speaker where the text names nobody and is not marked as action.
        """
        async with self.library.open_turn(requester) as context:
            script = context.script
            line = await self.line_to_rewrite(requester, position, script)
            names = await self.library.list_characters(script)
            cue = line.text.partition("\n")[0] if line.element.cue else None
            elements = parse_typed_text(text, None, names, cue)
            if elements == [line.element]:
                raise RequestError("The line already says that. Change something, or leave it.")
            if len(elements) > 1:  # then the script gets longer
                await context.check_pace()
                await context.check_alternation()
            result = await self._replace(context, line, elements, requester, job, during_vote)
            return replace(result, outsiders=find_outsiders(script, names, elements))

    async def reinterpret(
        self,
        requester: Requester,
        expected: ScriptPosition | None = None,
        job: Job | None = None,
        *,
        during_vote: bool = False,
    ) -> TurnResult:
        """Make the last line action if it is speech, or speech if it is action.

        The line stays its writer's, because the words do.
        """
        async with self.library.open_turn(requester, expected) as context:
            line = await context.load_last_line()
            check_may_write(context.script, requester)
            check_may_remove(context.script, line, requester)
            element = reinterpret(line.element)
            if line.author is None or element is None:
                raise RequestError("Only a person's speech or action can become the other.")
            writer = replace(requester, id=line.author, name=line.credit)
            return await self._replace(context, line, [element], writer, job, during_vote)

    async def _replace(
        self,
        context: TurnContext,
        line: Line,
        elements: Sequence[Element],
        writer: Requester,
        job: Job | None,
        during_vote: bool,
    ) -> TurnResult:
        """Replace a line by elements of a writer, and copy what followed it below them."""
        context.check_vote(during_vote)
        script, requester = context.script, context.requester
        primed = await self.reader.open_model_for(script, line.parent)
        drafts = await self.reader.read_below(primed, line.parent, elements, writer, job or Job())
        lines, head = await self.store.lines.rewrite_line(
            script, line, drafts, requester.delivery, requester.id
        )
        return self.reader.notifications.attach(
            context.make_result(head, lines), requester.id, primed.model, elements
        )

    async def line_to_rewrite(
        self, requester: Requester, position: ScriptPosition, script: Script | None = None
    ) -> Line:
        """Return a line of the script, if the requester may rewrite it; raise RequestError."""
        script = script or await self.library.load_script()
        await self.library.check_is_running(script, position.script)
        line = await self.store.lines.find_line(position.line)
        if line is None or line.id not in await self.store.lines.load_path_ids(
            script.head, line.id
        ):
            raise RequestError("That line is not in the script now. Continue from it first.")
        check_may_rewrite(script, line, requester)
        return line

    async def fork(
        self, requester: Requester, title: str, channel: int | None = None
    ) -> TurnResult:
        """Begin another script on the line where this one stands, here or in another channel.

        The fork has the preferences of the script, and belongs to the writer.
        """
        async with self.library.open_turn(requester) as context:
            check_may_write(context.script, requester)
            target_channel = self.library.channel if channel is None else channel
            fork = make_fork(context.script, target_channel, requester.id, title)
            script = await self.store.scripts.create_script(
                fork, (), requester.delivery, context.script.id
            )
            return TurnResult(script)
