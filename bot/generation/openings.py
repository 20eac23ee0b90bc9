"""Prime a model with an opening: a passage that sets the style of a script.

The passage is part of the model's file and of no script. Nobody sees its text, and neither the next
speaker nor repetition depends on it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ..arrays import States
from ..errors import RequestError
from ..inference.engine import Engine
from ..inference.model import Model
from ..inference.request import Request
from ..screenplay.fountain import format_for_model, split_fountain

_primed_states: WeakKeyDictionary[Engine, dict[str, States]] = WeakKeyDictionary()
"""The states after the openings that each engine has read, by their texts."""


@dataclass(frozen=True)
class PrimedModel:
    """A model that has read the opening of a style."""

    engine: Engine
    opening: str
    """The id of the opening, 16 hexadecimal digits; empty where the model reads none."""
    start: States
    """The state before the first line: float32 [S]."""

    @property
    def model(self) -> Model:
        return self.engine.model

    @property
    def fingerprint(self) -> str:
        """Return the key of the states, which depend on the opening as they do on the network."""
        return make_state_key(self.model, self.opening)


async def prime_model(engine: Engine, style: str | None, owner: object) -> PrimedModel:
    """Read the opening of a style, once for each engine; a model without that style reads none.

    Raises what `Engine.run` raises.
    """
    text = engine.model.openings.get(style or "", "")
    if not text:
        return PrimedModel(engine, "", engine.model.start())
    states = _primed_states.setdefault(engine, {})
    if text not in states:
        tokens = engine.model.encode("".join(map(format_for_model, split_fountain(text))))
        states[text] = (await engine.run(Request(engine.model.start(), tokens, owner=owner))).state
    return PrimedModel(engine, hashlib.sha256(text.encode()).hexdigest()[:16], states[text])


def make_state_key(model: Model, opening: str) -> str:
    """Return the key of a model's states after the opening with an id, which is empty for none."""
    return f"{model.fingerprint} {opening}" if opening else model.fingerprint


def find_style(model: Model, name: str) -> str:
    """Return the style with a name in upper or lower case; raise RequestError."""
    wanted_key = name.strip().casefold()
    for style in model.openings:
        if style.casefold() == wanted_key:
            return style
    if not model.openings:
        raise RequestError("“{voice}” has no styles. Leave out {*style}.", voice=model.name)
    raise RequestError(
        "“{voice}” has no style “{style}”. Choose from {styles}.",
        voice=model.name,
        style=name,
        styles=", ".join(model.openings),
    )
