"""Openings: the passage that a model reads before a script of some style, for the tone.

The passage is part of the model's file and of no script. Nobody sees its text, and neither the next
speaker nor repetition depends on it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ..arrays import States
from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..inference.engine import Engine
from ..inference.model import Model
from ..inference.request import Request
from ..screenplay.elements import ScriptError
from ..screenplay.fountain import format_for_model, split_fountain

_begun: WeakKeyDictionary[Engine, dict[str, States]] = WeakKeyDictionary()
"""The states after the openings that each engine has read, by their texts."""


@dataclass(frozen=True)
class Reading:
    """A model that reads scripts of one style."""

    engine: Engine
    opening: str
    """The id of the opening; empty where the model reads none."""
    start: States
    """The state before the first line: float32 [S]."""

    @property
    def model(self) -> Model:
        """Return the model."""
        return self.engine.model

    @property
    def fingerprint(self) -> str:
        """Return the key of the states, which depend on the opening as they do on the network."""
        return state_key(self.model, self.opening)


async def reading(engine: Engine, style: str | None, owner: object) -> Reading:
    """Read the opening of a style, once for each engine; a model without that style reads none.

    Raises what `Engine.run` raises.
    """
    text = engine.model.openings.get(style or "", "")
    if not text:
        return Reading(engine, "", engine.model.start())
    begun = _begun.setdefault(engine, {})
    if text not in begun:
        tokens = engine.model.encode("".join(map(format_for_model, split_fountain(text))))
        begun[text] = (await engine.run(Request(engine.model.start(), tokens, owner=owner))).state
    return Reading(engine, opening_id(text), begun[text])


def opening_id(text: str) -> str:
    """Return the id of an opening's text: 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def state_key(model: Model, opening: str) -> str:
    """Return the key of a model's states after the opening with an id, which is empty for none."""
    return f"{model.fingerprint} {opening}" if opening else model.fingerprint


def find_style(model: Model, wanted: str) -> str:
    """Return the style with a name in upper or lower case; raises ScriptError."""
    folded = wanted.strip().casefold()
    for style in model.openings:
        if style.casefold() == folded:
            return style
    voice, styles = inline(model.name, 40), ", ".join(inline(one, 40) for one in model.openings)
    if not styles:
        raise ScriptError(say("“{voice}” has no styles. Leave out {*style}.", voice=voice))
    raise ScriptError(
        say(
            "“{voice}” has no style “{style}”. Choose from {styles}.",
            voice=voice,
            style=inline(wanted, 40),
            styles=styles,
        )
    )
