"""Add lines to a channel's script, by people and by the model."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import replace

from ..errors import OnBookError, RequestError, Stopped
from ..generation.inputs import GenerationContext
from ..generation.options import OPTIONS_BY_NAME
from ..i18n.catalogue import phrase
from ..screenplay.elements import Kind
from ..storage.schema import Line, Script
from .drafting import Drafter, may_speak_for
from .library import Library
from .permissions import TurnContext
from .preferences import PLAIN_MESSAGES, SEED, TAKES
from .turn import (
    ContinueRequest,
    Job,
    Requester,
    ScriptPosition,
    TurnResult,
    parse_typed_text,
)

WORN_LINES = 1_000
"""The number of most recent lines by models in a channel that are not written again."""

STOPPED = phrase("Stopped before the first line. Nothing was added.")

_PLAIN_ACTION = re.compile(r"\*[^*]+\*")


class Continuation:
    """Add lines to the running script.

    A method that raises has changed nothing. It raises RequestError for what cannot be done,
    ModelError for a model that is gone, or EngineClosed, HeadMoved, AlreadyWritten or VoteOpen.
    The script must still stand at the position ``expected``.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.store = library.store
        self.reader = library.reader
        self.drafter = Drafter(library.settings)

    async def write(
        self,
        requester: Requester,
        text: str,
        character: str | None = None,
        expected: ScriptPosition | None = None,
        job: Job | None = None,
        author: Requester | None = None,
    ) -> TurnResult:
        """Add a person's lines, which the model reads.

        The lines belong to the ``author`` if that is not the requester.
        """
        async with self.library.open_turn(requester, expected) as context:
            script = context.script
            names = await self.library.list_characters(script)
            elements = parse_typed_text(text, character, names)
            await context.check_may_add()
            await context.check_alternation(author or requester)
            context.check_vote()
            primed = await self.reader.open_model_for(script, script.head)
            drafts = await self.reader.read_below(
                primed, script.head, elements, author or requester, job or Job()
            )
            lines = await self.store.lines.append_lines(
                script, script.head, drafts, requester.delivery, requester.id, self.library.clock()
            )
            result = context.make_result(lines[-1].id, lines)
            return self.reader.notifications.attach(result, requester.id, primed.model, elements)

    async def is_delivered(self, delivery: str) -> bool:
        """Return whether an interaction or message has written a line."""
        return await self.store.lines.is_delivered(delivery)

    async def is_plain_line(self, script: Script, text: str) -> bool:
        """Return whether a message that may be chat is a line of the running script.

        The script must read such messages, and the message's first row must have a cue or be
        *action*. A message that quotes another message is chat about that message.
        """
        first = text.partition("\n")[0].strip()
        if not PLAIN_MESSAGES.of(script) or first.startswith(">"):
            return False
        if _PLAIN_ACTION.fullmatch(first):
            return True
        names = await self.library.list_characters(script)
        try:
            cue = parse_typed_text(first, None, names)[0].cue
        except RequestError:
            return False
        # In chat, a word in small letters before a colon is seldom a new name.
        return cue is not None and (cue in names or not first[0].islower())

    async def generate(
        self,
        requester: Requester,
        request: ContinueRequest,
        expected: ScriptPosition | None = None,
        job: Job | None = None,
    ) -> TurnResult:
        """Add lines by the model.

        If the request or the script asks for several takes, the result has a poll of the takes,
        and the head stays where it was.
        """
        if request.character and request.kind not in (None, Kind.DIALOGUE):
            raise RequestError("Only speech has a speaker. Leave out {*kind} or {*character}.")
        async with self.library.open_turn(requester, expected) as context:
            takes = request.takes or TAKES.of(context.script)
            if request.vote and takes == 1:
                raise RequestError(
                    "A vote needs several takes. Set {*takes} to a number from 2 to 5."
                )
            await context.check_may_add()
            context.check_vote()
            context.charge_lines(request.lines * takes)
            if request.seed is None:
                request = replace(request, seed=SEED.of(context.script))
            if takes > 1:
                return await self._offer_takes(context, request, takes, job or Job())
            return await self._extend_script(context, context.script.head, request, job or Job())

    async def retry(
        self, requester: Requester, expected: ScriptPosition | None = None, job: Job | None = None
    ) -> TurnResult:
        """Write the model's last line again, as a sibling unlike those that exist.

        The same character speaks if the model may still speak for them, or the kind is the same.
        """
        async with self.library.open_turn(requester, expected) as context:
            line = await context.load_last_line()
            if line.author is not None:
                raise RequestError(
                    "The last line is {name}'s, not the voice's. Undo it with {/undo}, or "
                    "use {/continue}.",
                    name=line.writer,
                )
            await context.check_may_add()
            context.check_vote()
            context.charge_lines(1)
            element = line.element
            can_be_asked_for = element.cue is None and element.kind is not Kind.TRANSITION
            request = ContinueRequest(
                character=element.cue if may_speak_for(context.script, element.cue) else None,
                kind=element.kind if can_be_asked_for else None,
                options={name: line.origin.get(name) for name in OPTIONS_BY_NAME},
            )
            siblings = await self.store.lines.list_sibling_texts(context.script, line.parent)
            return await self._extend_script(context, line.parent, request, job or Job(), siblings)

    async def _extend_script(
        self,
        context: TurnContext,
        parent: int | None,
        request: ContinueRequest,
        job: Job,
        other_takes: Sequence[str] = (),
    ) -> TurnResult:
        """Write lines below ``parent``; as each is finished, store it and move the head to it.

        If a later line fails, the earlier ones stay.
        """
        script, requester, lines = context.script, context.requester, list[Line]()
        failure: OnBookError | None = None
        try:
            generation_context = await self._read_script(context, parent, request, job)
            drafts = self.drafter.draft_lines(
                generation_context, script, request, context.banned, job, other_takes
            )
            async for draft in drafts:
                lines += await self.store.lines.append_lines(
                    script, parent, [draft], requester.delivery, requester.id, written=len(lines)
                )
                parent = lines[-1].id
                script = context.copy_script(parent)
                job.news.set()
        except Stopped:
            if not lines:
                raise RequestError(STOPPED) from None
        except OnBookError as error:
            if not lines:
                raise
            failure = error
        result = replace(context.make_result(parent, lines), failure=failure)
        return self.reader.notifications.attach_model_change(result)

    async def _offer_takes(
        self, context: TurnContext, request: ContinueRequest, takes: int, job: Job
    ) -> TurnResult:
        """Write takes below the head, which stays where it is until one is chosen."""
        script, requester = context.script, context.requester
        try:
            generation_context = await self._read_script(context, script.head, request, job)
            siblings = list[str]()
            if request.seed is None:  # a seed gives the same takes again
                siblings = await self.store.lines.list_sibling_texts(script, script.head)
            drafts = await self.drafter.draft_takes(
                generation_context, script, request, takes, context.banned, job, siblings
            )
        except Stopped:
            raise RequestError(STOPPED) from None
        ends = self.library.clock() + dt.timedelta(seconds=request.vote) if request.vote else None
        poll = await self.store.polls.open_poll(
            script, drafts, requester.delivery, requester.id, ends
        )
        result = TurnResult(script, poll=poll, before=script)
        return self.reader.notifications.attach_model_change(result)

    async def _read_script(
        self, context: TurnContext, parent: int | None, request: ContinueRequest, job: Job
    ) -> GenerationContext:
        primed = await self.reader.open_model_for(context.script, parent)
        read = await job.run(self.reader.load_context(primed, parent, job.progress))
        if request.seed is not None:  # a seed gives the same line in any channel
            return read
        texts = await self.store.lines.list_model_texts(context.script.channel, WORN_LINES)
        return replace(read, worn_texts=texts)
