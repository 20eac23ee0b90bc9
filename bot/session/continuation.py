"""Continuation: add lines to a channel's script, by people and by its model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from ..generation.options import requested_in
from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind
from ..storage.schema import Script
from .context import TurnContext
from .drafting import Drafter
from .library import Library
from .reader import Reader
from .turn import Patience, Place, RoomError, Stopped, Turn, Wish, Writer, typed_elements

Clock = Callable[[], dt.datetime]
"""Tells the time, with its zone."""


class Continuation:
    """Write on in the script that runs.

    A method that raises has changed nothing: RoomError or ScriptError for what cannot be done,
    ModelError for a model that is gone, EngineBusy and EngineClosed, HeadMoved and AlreadyWritten.
    The place ``under`` is where the script must still stand.
    """

    def __init__(self, library: Library, reader: Reader, drafter: Drafter, clock: Clock) -> None:
        self.library = library
        self.store = library.store
        self.reader = reader
        self.drafter = drafter
        self.clock = clock

    async def write(
        self,
        writer: Writer,
        text: str,
        character: str | None = None,
        under: Place | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """Add a person's lines, which the model reads."""
        async with self.library.turn(writer, under) as turn:
            script = turn.script
            elements = typed_elements(text, character)
            await turn.check_pace()
            await turn.check_alternation()
            reading = await self.reader.open_for(script, script.head)
            drafts = await self.reader.read_below(
                reading, script.head, elements, writer, patience or Patience()
            )
            lines = await self.store.lines.append_lines(
                script, script.head, drafts, writer.delivery, take=0, asker=writer.id
            )
            return self.reader.notices.attach(
                await turn.added(lines), writer.id, reading.model, elements
            )

    async def generate(
        self,
        writer: Writer,
        wish: Wish,
        under: Place | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """Add lines by the model.

        Where the request or the script asks for several takes, the turn has a ballot of them, and
        the script stands where it did.
        """
        if wish.character and wish.kind not in (None, Kind.DIALOGUE):
            raise RoomError(say("Only speech has a speaker. Leave out {*kind} or {*character}."))
        async with self.library.turn(writer, under) as turn:
            takes = wish.takes or turn.script.takes
            if wish.vote and takes == 1:
                raise RoomError(
                    say("A vote needs several takes. Set {*takes} to a number from 2 to 5.")
                )
            await turn.check_pace()
            if takes > 1:
                return await self._offer(turn, wish, takes, patience or Patience())
            return await self._append(turn, turn.script.head, wish, patience or Patience())

    async def retake(
        self, writer: Writer, under: Place | None = None, patience: Patience | None = None
    ) -> Turn:
        """Write the model's last line once more, beside the one that is there."""
        async with self.library.turn(writer, under) as turn:
            line = await turn.last_line()
            if line.author is not None:
                raise RoomError(
                    say(
                        "The last line is {name}'s, not the voice's. Undo it with {/undo}, or "
                        "use {/continue}.",
                        name=inline(line.credit, 60),
                    )
                )
            await turn.check_pace()
            origin = line.origin
            wish = Wish(
                character=origin.get("character"),
                kind=Kind(origin["kind"]) if origin.get("kind") else None,
                options=requested_in(origin),
            )
            return await self._append(turn, line.parent, wish, patience or Patience())

    async def _append(
        self, turn: TurnContext, parent: int | None, wish: Wish, patience: Patience
    ) -> Turn:
        """Write lines below ``parent``, and move the head there."""
        [drafts] = await self.write_takes(turn.script, parent, wish, 1, patience)
        lines = await self.store.lines.append_lines(
            turn.script, parent, drafts, turn.writer.delivery, take=0, asker=turn.writer.id
        )
        return self.reader.notices.attach_reader(await turn.added(lines))

    async def _offer(self, turn: TurnContext, wish: Wish, takes: int, patience: Patience) -> Turn:
        """Write takes below the head, which stays where it is until one is chosen."""
        script, writer = turn.script, turn.writer
        drafts = await self.write_takes(script, script.head, wish, takes, patience)
        ends = self.clock() + dt.timedelta(seconds=wish.vote) if wish.vote else None
        ballot = await self.store.polls.open_poll(script, drafts, writer.delivery, writer.id, ends)
        return self.reader.notices.attach_reader(Turn(script, ballot=ballot))

    async def write_takes(
        self, script: Script, parent: int | None, wish: Wish, takes: int, patience: Patience
    ) -> list[list[Draft]]:
        """Write takes of lines below ``parent`` with the script's model, and store nothing.

        What is finished when somebody presses Stop is returned; raises RoomError where nothing is.
        """
        reading = await self.reader.open_for(script, parent)
        try:
            at = await patience.wait(self.reader.standing(reading, parent, patience.progress))
            banned = await self.library.banned(script.guild)
            return await self.drafter.write_takes(
                reading.engine, at, script, wish, takes, banned, patience
            )
        except Stopped:
            raise RoomError(say("Stopped before the first line. Nothing was added.")) from None
