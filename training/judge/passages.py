"""Passages: stretches of scripts, by people or by a voice, of one length, to be measured alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.script import Element, Kind, from_voice
from training.texts import Text

LENGTH = 20
"""Elements of a passage after its beginning."""


@dataclass(frozen=True)
class Passage:
    """Elements that follow one another, where they come from, and how many came as Fountain."""

    beginning: Element
    """What is given: a scene heading, where the text has them. It is not measured."""
    elements: tuple[Element, ...]
    valid: int
    """How many of the elements were written as valid Fountain, before anything mended them."""

    @property
    def fountain(self) -> str:
        """The passage as it stands in a script."""
        return "\n\n".join(element.text for element in (self.beginning, *self.elements))


def of_people(texts: Sequence[Text], number: int) -> list[Passage]:
    """At most so many passages out of texts, evenly spread, which do not overlap."""
    found = [passage for text in texts for passage in _cut(text.content.split("\n\n"))]
    if len(found) <= number:
        return found
    return [found[i * len(found) // number] for i in range(number)]


def _cut(blocks: Sequence[str]) -> Iterator[Passage]:
    read = [(element, element.text == text) for text in blocks if (element := from_voice(text))]
    has_scenes = any(element.kind is Kind.HEADING for element, _ in read)
    at = 0
    while at + LENGTH < len(read):
        beginning, _ = read[at]
        if has_scenes and beginning.kind is not Kind.HEADING:
            at += 1
            continue
        elements = read[at + 1 : at + 1 + LENGTH]
        valid = sum(unchanged for _, unchanged in elements)
        yield Passage(beginning, tuple(element for element, _ in elements), valid)
        at += 1 + LENGTH
