"""Reader: what a model remembers at a line, and what a text costs it.

The text is the truth, and a state is a cache: one that is missing is computed from the text again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ..arrays import Floats, Logits, States
from ..generation import openings, prefill
from ..generation.inputs import Standing, heard, recent
from ..generation.openings import Reading
from ..generation.prefill import Progress
from ..i18n.catalogue import say
from ..inference.processors.repetition import REACH
from ..inference.registry import Voices
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element
from ..screenplay.fountain import as_read
from ..storage.schema import Line, Script
from ..storage.store import Store
from .notifications import Notifications
from .turn import Job, Requester, SessionError, Stopped

COMPARED_CHARACTERS = 30_000
"""Characters of a script whose lines are not written again: some 600 lines."""


class ScriptReader:
    """Read the scripts of one channel; nothing is stored but the states that are computed again."""

    def __init__(
        self, channel: int, store: Store, voices: Voices, notifications: Notifications
    ) -> None:
        self.channel = channel
        self.store = store
        self.voices = voices
        self.notifications = notifications

    async def open_model(self, voice: str, style: str | None) -> Reading:
        """Return a model that has read the opening of a style, if it has one; raises ModelError."""
        return await openings.reading(await self.voices.engine(voice), style, self.channel)

    async def open_model_for(self, script: Script, parent: int | None) -> Reading:
        """Return a script's model, and note that the model reads the script as far as a line."""
        reading = await self.open_model(script.voice, script.style)
        known = self.notifications.knows_model(script.id)
        before = None if known else await self.store.states.find_reader(parent)
        self.notifications.record_model(script.id, reading, before)
        return reading

    # States

    async def load_context(
        self, reading: Reading, head: int | None, progress: Progress
    ) -> Standing:
        """Return where a script stands at a line, for a model."""
        model = reading.model
        if head is None:
            return Standing(reading.start, recent(model, []), opening=reading.opening)
        state, last = await self.store.states.load_checkpoint(head, reading.fingerprint, REACH)
        if state is None:
            state = await self.load_state(reading, head, progress)
        said = tuple(await self.store.lines.load_last_texts(head, COMPARED_CHARACTERS))
        return Standing(state, recent(model, last), reading.opening, said, heard(last))

    async def load_state(
        self, reading: Reading, head: int | None, progress: Progress | None = None
    ) -> States:
        """Return a model's state after a line, kept or computed again: float32 [S]."""
        if head is None:
            return reading.start
        kept = await self.store.states.find(head, reading.fingerprint)
        if kept is not None:
            return kept
        path = await self.store.lines.load_path(head)
        state, unread = await self._find_nearest_state(reading, path)
        state = await prefill.read_again(
            reading.engine, state, unread, self.channel, progress or Progress()
        )
        removed = sum(line.removed for line in path)
        await self.store.states.keep(head, reading.fingerprint, state, removed)
        return state

    async def _find_nearest_state(
        self, reading: Reading, path: Sequence[Line]
    ) -> tuple[States, Sequence[Line]]:
        """Return the last state that is kept on a path, and the lines after it."""
        kept = await self.store.states.list_kept((line.id for line in path), reading.fingerprint)
        for i in reversed(range(len(path))):
            if path[i].id in kept:
                state = await self.store.states.find(path[i].id, reading.fingerprint)
                if state is not None:
                    return state, path[i + 1 :]
        return reading.start, path

    # A person's text

    async def read_below(
        self,
        reading: Reading,
        parent: int | None,
        elements: Sequence[Element],
        requester: Requester,
        job: Job,
    ) -> list[Draft]:
        """Read a person's elements below a line; raises SessionError if that is stopped.

        All that stands above the elements may have to be read before.
        """
        try:
            state = await job.wait(self.load_state(reading, parent, job.progress))
            return await job.wait(self.read_elements(reading, state, elements, requester))
        except Stopped:
            sentence = say("Stopped while the voice read the script: nothing was changed.")
            raise SessionError(sentence) from None

    async def read_elements(
        self, reading: Reading, state: States, elements: Sequence[Element], requester: Requester
    ) -> list[Draft]:
        """Read a person's elements from a state on; return each with the state after it."""
        drafts: list[Draft] = []
        for element in elements:
            draft = await prefill.read(
                reading.engine,
                state,
                element,
                requester.id,
                requester.name,
                self.channel,
                reading.opening,
            )
            assert draft.state is not None  # the element was read by itself
            state = draft.state
            drafts.append(draft)
        return drafts

    # Costs

    async def load_surprisal(self, reading: Reading, line: Line) -> Floats:
        """Return what each character of a line but the first cost a model, in bits: float [n]."""
        known = await self.store.states.find_surprisal(line.id, reading.fingerprint)
        if known is not None:
            return known
        state = await self.load_state(reading, line.parent)
        return await prefill.costs(reading.engine, state, line.element, self.channel)

    async def predict_logits(self, reading: Reading, line: Line, position: int) -> Logits:
        """Return a model's logits [V] for the token at a position, from 1, of a stored line."""
        state = await self.load_state(reading, line.parent)
        tokens = reading.model.encode(as_read(line.text))[:position]
        return await asyncio.to_thread(prefill.expected, reading.model, state, tokens)
