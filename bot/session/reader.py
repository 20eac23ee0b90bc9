"""Compute a model's states and surprisal for the lines of a script.

The text is the truth, and a state is a cache: a missing state is computed from the text again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ..arrays import Floats, Logits, States
from ..errors import ModelError, RequestError, Stopped
from ..generation import prefill
from ..generation.inputs import GenerationContext, PrimedModel, prime_model
from ..generation.prefill import Progress
from ..i18n.catalogue import phrase
from ..inference.registry import UNKNOWN_MODEL, ModelRegistry
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element
from ..screenplay.fountain import format_for_model
from ..storage.schema import ROOT_LINE, Line, Script
from ..storage.store import Store
from .notifications import Notifications
from .preferences import STYLE
from .turn import Job, Requester

COMPARED_CHARACTERS = 30_000
"""Characters of a script whose lines are not written again: about 600 lines."""

MODEL_GONE = phrase(
    "This script's voice, “{name}”, is gone. The script's owner or a moderator can choose another "
    "with {/voice}: {names}."
)


@dataclass(frozen=True)
class ScriptReader:
    """Read the scripts of one channel; only recomputed states are stored."""

    channel: int
    store: Store
    models: ModelRegistry
    notifications: Notifications

    async def open_model(self, name: str, style: str | None) -> PrimedModel:
        """Return a model that has read the opening of a style, if it has one; raise ModelError."""
        return await prime_model(await self.models.engine(name), style, self.channel)

    async def open_model_for(self, script: Script, parent: int | None) -> PrimedModel:
        """Return a script's model, and note that the model reads the script up to a line."""
        try:
            primed = await self.open_model(script.model, STYLE.of(script))
        except ModelError as error:
            if error.sentence == UNKNOWN_MODEL:
                raise ModelError(MODEL_GONE, **error.fields) from error
            raise
        stored = self.notifications.knows_model(script.id)
        previous = None if stored else await self.store.states.find_last_reader(parent)
        self.notifications.record_model(script.id, primed, previous)
        return primed

    # States

    async def load_context(
        self, primed: PrimedModel, head: int | None, progress: Progress
    ) -> GenerationContext:
        """Load the generation context of a model at a line."""
        if head is None:
            return GenerationContext(primed, primed.start)
        state, past = await self.store.states.load_checkpoint(
            head, primed.fingerprint, COMPARED_CHARACTERS
        )
        if state is None:
            state = await self._recompute_state(primed, head, progress)
        return GenerationContext(primed, state, tuple(past))

    async def load_state(
        self, primed: PrimedModel, head: int | None, progress: Progress | None = None
    ) -> States:
        """Return a model's state after a line, stored or computed again: float32 [S]."""
        if head is None:
            return primed.start
        stored = await self.store.states.find_state(head, primed.fingerprint)
        if stored is not None:
            return stored
        return await self._recompute_state(primed, head, progress or Progress())

    async def _recompute_state(self, primed: PrimedModel, head: int, progress: Progress) -> States:
        """Compute a state from the nearest state above and the text in between, and store it."""
        path = await self.store.lines.load_path(head)
        nearest = await self.store.states.find_nearest_state(head, primed.fingerprint)
        read_to, state = nearest or (ROOT_LINE, primed.start)
        unread = [line.text for line in path if line.id > read_to]
        state = await prefill.recompute_state(primed, state, unread, progress)
        removed = sum(line.removed for line in path)
        await self.store.states.save_state(head, primed.fingerprint, state, removed)
        return state

    # A person's text

    async def read_below(
        self,
        primed: PrimedModel,
        parent: int | None,
        elements: Sequence[Element],
        requester: Requester,
        job: Job,
    ) -> list[Draft]:
        """Read a person's elements below a line; raise RequestError if the reading is stopped.

        Everything above the elements may have to be read first.
        """
        try:
            state = await job.run(self.load_state(primed, parent, job.progress))
            return await job.run(self.read_elements(primed, state, elements, requester))
        except Stopped:
            raise RequestError(
                "Stopped while the voice was reading the script. Nothing was changed."
            ) from None

    async def read_elements(
        self, primed: PrimedModel, state: States, elements: Sequence[Element], requester: Requester
    ) -> list[Draft]:
        """Read a person's elements from a state on; return each with the state after it."""
        author, credit, fingerprint = requester.id, requester.name, primed.fingerprint
        drafts: list[Draft] = []
        for element in elements:
            read = await prefill.read_text(primed, state, element.text)
            state, bits = read.state, read.surprisal
            drafts.append(Draft(element, author, credit, state, fingerprint, surprisal=bits))
        return drafts

    # Costs

    async def load_surprisal(self, primed: PrimedModel, line: Line) -> Floats:
        """Return what each character of a line but the first costs a model, in bits: float [n]."""
        stored = await self.store.states.find_surprisal(line.id, primed.fingerprint)
        if stored is not None:
            return stored
        state = await self.load_state(primed, line.parent)
        return (await prefill.read_text(primed, state, line.text)).surprisal

    async def predict_logits(self, primed: PrimedModel, line: Line, position: int) -> Logits:
        """Return a model's logits [V] for the token at a position, from 1, of a stored line."""
        state = await self.load_state(primed, line.parent)
        tokens = primed.model.encode(format_for_model(line.text))[:position]
        return await asyncio.to_thread(prefill.predict_next, primed.model, state, tokens)
