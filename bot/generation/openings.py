"""Prime a model with an opening: a passage that sets the style of a script.

The passage is part of the model's file and of no script. Nobody sees its text, and neither the next
speaker nor repetition depends on it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from ..arrays import States, Tokens
from ..errors import RequestError
from ..i18n.catalogue import phrase, say
from ..inference.engine import Engine
from ..inference.model import Model
from ..inference.request import Completion, Request
from ..screenplay.fountain import format_for_model, split_fountain

TRANSLATED_STYLES = {
    phrase("drawing room"),
    phrase("fairy tale"),
    phrase("farce"),
    phrase("ghost story"),
    phrase("heist"),
    phrase("history"),
    phrase("kitchen sink"),
    phrase("melodrama"),
    phrase("noir"),
    phrase("pastoral"),
    phrase("romance"),
    phrase("science fiction"),
    phrase("tragedy"),
    phrase("verse"),
    phrase("western"),
    phrase("whodunit"),
}
"""The styles of the shipped voices, which the catalogues translate; other voices have their own."""

_primed_states: WeakKeyDictionary[Engine, dict[str, States]] = WeakKeyDictionary()
"""The states after the openings that each engine has read, by their texts."""


@dataclass(frozen=True)
class PrimedModel:
    """A model that has read the opening of a style, and serves one owner."""

    engine: Engine
    opening: str
    """The id of the opening, 16 hexadecimal digits; empty where the model reads none."""
    start: States
    """The state before the first line: float32 [S]."""
    owner: object = None
    """The owner of all requests, see `Request.owner`."""

    @property
    def model(self) -> Model:
        return self.engine.model

    @property
    def fingerprint(self) -> str:
        """Return the key of the states, which depend on the opening as they do on the network."""
        key = self.model.fingerprint
        return f"{key} {self.opening}" if self.opening else key

    async def read(self, state: States, tokens: Tokens) -> Completion:
        """Read tokens [n], n >= 1, after a state [S]; raise what `Engine.run` raises."""
        return await self.engine.run(Request(state, tokens, owner=self.owner))


def remove_opening(fingerprint: str) -> str:
    """Return the fingerprint of the model alone in a `PrimedModel.fingerprint`."""
    return fingerprint.partition(" ")[0]


async def prime_model(engine: Engine, style: str | None, owner: object) -> PrimedModel:
    """Read the opening of a style, once for each engine; a model without that style reads none.

    Raises what `Engine.run` raises.
    """
    model = engine.model
    unprimed = PrimedModel(engine, "", model.start(), owner)
    text = model.openings.get(style or "", "")
    if not text:
        return unprimed
    states = _primed_states.setdefault(engine, {})
    if text not in states:
        tokens = model.encode("".join(map(format_for_model, split_fountain(text))))
        read = await unprimed.read(unprimed.start, tokens)
        # Only the tone should stay: the script would repeat the nouns of the opening.
        states[text] = model.forget_characters(read.state)
    return replace(unprimed, opening=_identify(text), start=states[text])


def find_style_of_opening(model: Model, opening: str) -> str | None:
    """Return the style whose opening has this id, or None."""
    styles = (style for style, text in model.openings.items() if _identify(text) == opening)
    return next(styles, None)


def _identify(text: str) -> str:
    """Return the id of an opening, 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def label_style(style: str) -> str:
    """Return a style as people call it."""
    return say(style) if style in TRANSLATED_STYLES else style


def find_style(model: Model, name: str) -> str:
    """Return the style with a name in any language and case; raise RequestError."""
    wanted = name.strip().casefold()
    for style in model.openings:
        if wanted in (style.casefold(), label_style(style).casefold()):
            return style
    if not model.openings:
        raise RequestError("“{voice}” has no styles. Leave out {*style}.", voice=model.name)
    raise RequestError(
        "“{voice}” has no style “{style}”. Choose from {styles}.",
        voice=model.name,
        style=name,
        styles=", ".join(map(label_style, model.openings)),
    )
