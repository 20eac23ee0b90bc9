"""Name and find the styles of a model's openings: passages that set the tone of a script.

An opening is part of the model's file, not of any script. Nobody sees its text, and neither the
next speaker nor repetition depends on it.
"""

from __future__ import annotations

import hashlib

from ..errors import RequestError
from ..i18n.catalogue import phrase, say
from ..inference.model import Model

TRANSLATED_STYLES = {
    *(phrase("drawing room"), phrase("fairy tale"), phrase("farce"), phrase("ghost story")),
    *(phrase("heist"), phrase("history"), phrase("kitchen sink"), phrase("melodrama")),
    *(phrase("noir"), phrase("pastoral"), phrase("romance"), phrase("science fiction")),
    *(phrase("tragedy"), phrase("verse"), phrase("western"), phrase("whodunit")),
}
"""The styles of the shipped voices, which the catalogues translate; other voices have their own."""


def find_style_of_opening(model: Model, opening: str) -> str | None:
    """Return the style whose opening has this id, or None."""
    styles = (style for style, text in model.openings.items() if identify_opening(text) == opening)
    return next(styles, None)


def identify_opening(text: str) -> str:
    """Return the id of an opening, 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def label_style(style: str) -> str:
    """Return a style as people call it."""
    return say(style) if style in TRANSLATED_STYLES else style


def is_style(style: str, name: str) -> bool:
    """Return whether a style has a name, in any language and case."""
    return name.strip().casefold() in (style.casefold(), label_style(style).casefold())


def find_style(model: Model, name: str) -> str:
    """Return the style with a name in any language and case; raise RequestError."""
    for style in model.openings:
        if is_style(style, name):
            return style
    if not model.openings:
        raise RequestError("“{voice}” has no styles. Leave out {*style}.", voice=model.name)
    labels = [*map(label_style, model.openings)]
    raise RequestError(
        "“{voice}” has no style “{style}”. Choose from {styles}.",
        voice=model.name,
        style=name,
        styles=", ".join(labels),
    ).suggest(name, labels)
