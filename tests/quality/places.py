"""Choose places where a voice and people each continue people's held-out scripts."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import RequestError
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import make_cue, parse_model_text
from bot.screenplay.free_text import parse_name
from training.data.texts import KINDS, Text, read
from training.errors import TextError

SCRIPT = 3_000
"""The most characters of a script before a place that a voice reads."""

SAID = (Kind.ACTION, Kind.DIALOGUE)

LEAST = 6
"""The fewest elements before a place."""

PASSAGE = 240
"""Characters of a passage, over as many elements as it takes."""


@dataclass(frozen=True)
class Place:
    """A place in somebody's script where somebody speaks."""

    before: tuple[Element, ...]
    """The script so far, at most its last `SCRIPT` characters."""
    people: Element
    """The speech that people wrote here."""
    passage: str
    """The next `PASSAGE` characters of Fountain by people."""

    @property
    def scene(self) -> str:
        """Return the script so far as Fountain, up to the blank line before the speech."""
        return "".join(f"{element.text}\n\n" for element in self.before)

    @property
    def character(self) -> str:
        """Return the speaker's name in the form that the bot accepts."""
        return parse_name(self.people.cue or "")

    @property
    def cue(self) -> str:
        """Return the cue line, which names the speaker, with its newline."""
        return make_cue(self.character) + "\n"

    @property
    def said(self) -> tuple[Element, Element]:
        """Return the last two lines of speech or action before the place."""
        first, second = [element for element in self.before if element.kind in SAID][-2:]
        return first, second


def held_out(corpus: Path) -> list[Text]:
    """Return the held-out texts of a corpus; raise TextError."""
    return _texts(corpus, "validation", "test")


def learned(corpus: Path) -> list[Text]:
    """Return the texts of a corpus from which a voice learned; raise TextError."""
    return _texts(corpus, "train")


def _texts(corpus: Path, *parts: str) -> list[Text]:
    files = sorted(
        file
        for part in parts
        for file in (corpus / part).rglob("*")
        if file.suffix.lower() in KINDS
    )
    if not files:
        raise TextError(
            f"{corpus} has no texts in {' or '.join(parts)}: name a folder that "
            "`onbook-train corpus` made."
        )
    return [read(file) for file in files]


def fountain_of(elements: Sequence[Element]) -> str:
    """Return elements as they stand in a script."""
    return "\n\n".join(element.text for element in elements)


def elements_of(text: str) -> list[Element]:
    """Return the elements of a script, as a voice reads them."""
    return [element for block in text.split("\n\n") if (element := parse_model_text(block))]


def choose(texts: Sequence[Text], number: int, seed: int) -> list[Place]:
    """Return ``number`` places, or all, drawn at random from all speeches, in their order.

    Args:
        texts: The texts in which people speak.
        number: The most places to return.
        seed: The same seed draws the same places.

    Raises:
        TextError: There is no place.
    """
    scripts = [elements_of(text.content) for text in texts]
    every = [(work, at) for work, script in enumerate(scripts) for at in _speeches(script)]
    if not every:
        raise TextError(f"No held-out text has a speech after {LEAST} elements: give longer texts.")
    drawn = random.Random(seed).sample(every, min(number, len(every)))
    return [_place(scripts[work], at) for work, at in sorted(drawn)]


def _speeches(script: Sequence[Element]) -> Iterator[int]:
    """Yield the indices of speeches with enough text before and after."""
    left = 0
    ends = [left := left + len(element.text) + 2 for element in reversed(script)][::-1]
    for at in range(LEAST, len(script)):
        said = sum(element.kind in SAID for element in script[at - LEAST : at])
        if _may_speak(script[at]) and said >= 2 and ends[at] - 2 >= PASSAGE:
            yield at


def _may_speak(element: Element) -> bool:
    """Return whether an element is a speech by a character whose name the bot accepts."""
    if element.kind is not Kind.DIALOGUE or not element.body:
        return False
    try:
        return bool(parse_name(element.cue or ""))
    except RequestError:
        return False


def _place(script: Sequence[Element], at: int) -> Place:
    begin, size = at - LEAST, sum(len(element.text) + 2 for element in script[at - LEAST : at])
    while begin and size + len(script[begin - 1].text) + 2 <= SCRIPT:
        begin -= 1
        size += len(script[begin].text) + 2
    passage = fountain_of(script[at : at + PASSAGE])[:PASSAGE]
    return Place(tuple(script[begin:at]), script[at], passage)
