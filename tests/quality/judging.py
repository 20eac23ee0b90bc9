"""Judge a voice's lines beside people's in the same places: by the reader, and by counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from bot.screenplay.elements import Element
from training.data.texts import Text

from .measures import COPIED, Counts, English, Pairs, distinct, longest_copies, loops
from .places import PASSAGE, Place
from .reader import Pair, Reader
from .writing import Setting, Written


@dataclass(frozen=True)
class Judgement:
    """The judgement of a voice, and of people in the same places."""

    people: Counts
    voice: dict[Setting, Counts]
    seconds: dict[Setting, list[float]]
    """Seconds that each of the voice's lines took."""
    people_passages: Counts
    passages: Counts
    """Counts of the voice's passages, in which nothing is chosen."""


def judge(
    reader: Reader, learned: Sequence[Text], places: Sequence[Place], written: Written
) -> Judgement:
    """Judge a voice's writing; ``learned`` are the texts that the voice may copy."""
    counting = _Counting(reader, learned, places, written)
    rows = {setting: counting.speeches(lines) for setting, lines in written.lines.items()}
    return Judgement(
        counting.speeches([place.people for place in places]),
        rows,
        written.seconds,
        counting.passages({at: places[at].passage for at in written.passages}),
        counting.passages(written.passages),
    )


class _Counting:
    """The counting over the places and the writing there."""

    def __init__(
        self, reader: Reader, learned: Sequence[Text], places: Sequence[Place], written: Written
    ) -> None:
        self.places = places
        self.english = English(text.content for text in learned)
        self.bits = read(reader, places, written)
        both = [(places[at].passage, passage) for at, passage in written.passages.items()]
        lines = [[place.people for place in places], *written.lines.values()]
        texts = sorted({*sum(both, ()), *(line.text for row in lines for line in row)})
        longest = longest_copies(texts, [text.content for text in learned])
        self._longest = dict(zip(texts, longest, strict=True))

    def speeches(self, lines: Sequence[Element]) -> Counts:
        """Return the counts of a line at each place."""
        rows = [
            self._reading(place, line) | self._text(place, line.text, line.body)
            for place, line in zip(self.places, lines, strict=True)
        ]
        return Counts(_columns(rows), distinct(lines))

    def passages(self, found: Mapping[int, str]) -> Counts:
        """Return the counts of passages by the indices of their places."""
        rows = [
            {"bits": (self.bits[Pair(self.places[at].scene, text)], PASSAGE)}
            | self._text(self.places[at], text, text)
            for at, text in found.items()
        ]
        return Counts(_columns(rows))

    def _reading(self, place: Place, line: Element) -> dict[str, tuple[float, float]]:
        in_scene, alone = (self.bits[pair] for pair in _speech(place, line))
        size = len(line.body) + 1
        return {
            "bits": (in_scene, size),
            "relevance": (alone - in_scene, size),
            "taken up": self.english.taken_up(
                "\n".join(element.body for element in place.said), line.body
            ),
        }

    def _text(self, place: Place, text: str, body: str) -> dict[str, tuple[float, float]]:
        return {
            "real words": self.english.real(body),
            "loops": loops("\n".join(element.body for element in place.before), body),
            "copies": (self._longest[text] > COPIED, 1),
            "characters": (len(body), 1),
        }


def read(reader: Reader, places: Sequence[Place], written: Written) -> dict[Pair, float]:
    """Return the reader's cost of everything that was written at some places."""
    bits: dict[Pair, float] = {}
    for at, place in enumerate(tqdm(places, "the reader reads", leave=False, disable=None)):
        lines = [place.people, *(row[at] for row in written.lines.values())]
        pairs = [pair for line in lines for pair in _speech(place, line)]
        if at in written.passages:
            texts = place.passage, written.passages[at]
            pairs += [Pair(place.scene, text) for text in texts]
        unread = list(dict.fromkeys(pair for pair in pairs if pair not in bits))
        bits.update(zip(unread, reader.all(unread), strict=True))
    return bits


def _speech(place: Place, line: Element) -> tuple[Pair, Pair]:
    """Return a speech in its scene, and after its cue alone; the newline that ends it counts."""
    said = line.body + "\n"
    return Pair(place.scene + place.cue, said), Pair(place.cue, said)


def _columns(rows: Sequence[Mapping[str, tuple[float, float]]]) -> dict[str, Pairs]:
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}
