"""Notify people once, such as when another model reads their script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..generation.inputs import PrimedModel, remove_opening
from ..inference.model import Model
from ..recent import Recent
from ..screenplay.elements import Element
from .turn import TurnResult

UNREADABLE_SHARE = 0.1
"""The share of unreadable characters above which their writer is notified."""

MAX_REMEMBERED = 10_000
"""The number of scripts whose models are remembered, and of notifications."""


class Notifications:
    """The one-time notifications of this process; the database knows each script's last model.

    This object outlives the sessions, which are recreated whenever somebody uses a channel.
    """

    def __init__(self) -> None:
        self._models: Recent[int, str] = Recent(MAX_REMEMBERED)
        self._new_models: dict[int, str] = {}
        self._notified: Recent[tuple[int, object], bool] = Recent(MAX_REMEMBERED)
        """The ids of people, each with what the person was notified of."""

    def knows_model(self, script: int) -> bool:
        """Return whether the model that has read a script last is remembered."""
        return script in self._models

    def record_model(self, script: int, primed: PrimedModel, before: str | None = None) -> None:
        """Note that a model reads a script.

        ``before`` is the `PrimedModel.fingerprint` of the reader in an earlier process, if there
        was one. A change of style does not count as a change of model.
        """
        before = self._models.get(script) or (before and remove_opening(before))
        self._models[script] = now = primed.model.fingerprint
        if before and before != now:
            self._new_models[script] = primed.model.name

    def attach_model_change(self, result: TurnResult) -> TurnResult:
        """Return the result with the name of the model, if it has just replaced another one."""
        return replace(result, new_model=self._new_models.pop(result.script.id, ""))

    def attach(
        self, result: TurnResult, person: int, model: Model, elements: Sequence[Element]
    ) -> TurnResult:
        """Return the result with all notifications for the person who wrote these elements."""
        # People see marks of emphasis as italics and such, so nothing seems to be skipped.
        text = re.sub(r"[*_]", "", "".join(element.body for element in elements))
        is_unreadable = model.skipped(text) > UNREADABLE_SHARE * len(text)
        # Once per script and person.
        unreadable = is_unreadable and self._is_first(person, ("unreadable", result.script.id))
        return self.attach_model_change(replace(result, unreadable=unreadable))

    def should_explain_replies(self, channel: int, person: int) -> bool:
        """Return, once per channel and person, whether the person must be told how to reply."""
        return self._is_first(person, ("replies", channel))

    def should_tell_language(self, person: int) -> bool:
        """Return, once per person, whether to tell them in which language a voice writes."""
        return self._is_first(person, "language")

    def _is_first(self, person: int, subject: object) -> bool:
        """Return, once per subject, whether a person must be notified of the subject."""
        is_first = (person, subject) not in self._notified
        self._notified[person, subject] = True
        return is_first

    def forget(self, person: int) -> None:
        """Forget which notifications a person has had."""
        for about in [about for about in self._notified if about[0] == person]:
            del self._notified[about]
