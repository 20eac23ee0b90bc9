"""Cursor: where a channel's script stands in its tree of lines, and how the head moves there."""

from __future__ import annotations

from ..i18n.catalogue import say
from ..storage.schema import ROOT_LINE, Line, Script, make_fork
from .context import TurnContext
from .library import Library
from .permissions import check_may_take, check_may_write
from .reader import Reader
from .turn import Patience, Place, RoomError, Turn, Writer, typed_elements


class Cursor:
    """Move the head of the script that runs: back, forward, to any line, beside one, or to a fork.

    Every line that leaves the script stays in the tree. A method that raises has changed nothing:
    RoomError, or HeadMoved where another process has moved the head meanwhile.
    """

    def __init__(self, library: Library, reader: Reader) -> None:
        self.library = library
        self.store = library.store
        self.reader = reader

    async def undo(self, writer: Writer, under: Place | None = None) -> Turn:
        """Take the last line back."""
        async with self.library.turn(writer, under) as turn:
            line = await turn.last_line()
            return await self._move(turn, line.parent)

    async def redo(self, writer: Writer, under: Place | None = None) -> Turn:
        """Go on to the line through which the head last went from here."""
        async with self.library.turn(writer, under) as turn:
            child = await self.store.lines.find_redo_line(turn.script.id, turn.script.head)
            if child is None:
                raise RoomError(say("There is nothing to redo. Use {/continue}."))
            return await self._move(turn, child)

    async def jump_to(self, writer: Writer, place: Place) -> Turn:
        """Move the head to any line of the script that runs."""
        async with self.library.turn(writer) as turn:
            script = turn.script
            await self.library.check_runs(script, place.script)
            if place.line == (script.head or ROOT_LINE):
                raise RoomError(say("The script is already at this line. Use {/continue}."))
            if place.line != ROOT_LINE and not await self.store.scripts.has_line(
                script, place.line
            ):
                raise RoomError(say("That line is not in this script. Use {/continue}."))
            return await self._move(turn, place.line or None)

    async def _move(self, turn: TurnContext, head: int | None) -> Turn:
        """Move the head, if the writer may take back the lines that leave the script."""
        turn.check_may_write()
        left, returned = await turn.difference(head)
        for line in reversed(await self.store.lines.load_lines(left)):
            turn.check_may_take(line)
        await self.store.lines.move_head(turn.script, head)
        return turn.moved(head, left, returned)

    async def line_to_rewrite(self, writer: Writer, place: Place) -> Line:
        """Return a line, if the writer may rewrite it; raises RoomError as `rewrite` will."""
        return await self._line_to_rewrite(await self.library.script(), writer, place)

    async def rewrite(
        self,
        writer: Writer,
        place: Place,
        text: str,
        character: str | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """Write other lines instead of one, with copies below them of the lines that followed.

        The turn's lines are the new ones. The old line and its followers stay in the tree.
        """
        async with self.library.turn(writer) as turn:
            script = turn.script
            line = await self._line_to_rewrite(script, writer, place)
            elements = typed_elements(text, character)
            if elements == [line.element]:
                raise RoomError(say("The line already says that. Change something, or leave it."))
            if len(elements) > 1:  # then the script gets longer
                await turn.check_pace()
                await turn.check_alternation()
            reading = await self.reader.open_for(script, line.parent)
            drafts = await self.reader.read_below(
                reading, line.parent, elements, writer, patience or Patience()
            )
            lines, head = await self.store.lines.rewrite_line(
                script, line, drafts, writer.delivery, writer.id
            )
            return self.reader.notices.attach(
                await turn.added(lines, head), writer.id, reading.model, elements
            )

    async def _line_to_rewrite(self, script: Script, writer: Writer, place: Place) -> Line:
        """Return a line that stands in the script, if the writer may rewrite it."""
        await self.library.check_runs(script, place.script)
        line = await self.store.lines.find_line(place.line)
        if line is None or line.id not in await self.store.lines.load_path_ids(
            script.head, line.id
        ):
            raise RoomError(say("That line is not in the script now. Continue from it first."))
        check_may_write(script, writer)
        check_may_take(script, line, writer)
        return line

    async def fork(self, writer: Writer, title: str, channel: int | None = None) -> Turn:
        """Begin another script on the line where this one stands, here or in another channel.

        The fork has the preferences of the script, and belongs to the writer.
        """
        async with self.library.turn(writer) as turn:
            turn.check_may_write()
            here = self.library.channel if channel is None else channel
            fork = make_fork(turn.script, here, writer.id, title)
            begun = await self.store.scripts.create_script(
                fork, (), writer.delivery, turn.script.id
            )
            shelved = None if channel else turn.script
            return Turn(begun, moved_from=begun.head, shelved=shelved)
