"""Names drawn anew: each time a text is read, its people are called something else.

In a script that a voice has not read nearly every name is new, and most cues are names. A network
that reads the same scripts twenty times learns their casts by heart; one that meets other names
each time must learn what a name is for: that whoever speaks has spoken before, and is called what
the script calls them. (Hermann et al. 2015, "Teaching Machines to Read and Comprehend", change the
names of a text for the same reason.)
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Sequence

WORD = re.compile(r"[^\W\d_]+")
CUE = re.compile(r"(?:^|\n\n)((?=.*[^\W\d_])[^\na-z]{1,40}|[^\n:]{1,40}:)(?=\n[^\n])")
"""A line of capitals, or one that ends with a colon, with a line below it and none above."""

SHORTEST = 3
"""Letters of the shortest word that is taken for a name."""

SPLICES = 200
"""How often a new name is tried to be made of two others."""


class Names:
    """The names of all people in some texts, and texts in which they are called something else."""

    def __init__(
        self, texts: Sequence[str], letters: Collection[str], share: float, seed: int
    ) -> None:
        """``letters``: what a name may be written with, so that each is one character to a voice;
        ``share``: of a text's names, how many are drawn anew at each reading, 0 to 1."""
        self.texts = texts
        self.share = share
        self.seed = seed
        ordinary = {word.upper() for text in texts for word in WORD.findall(text) if word.islower()}
        self.of = [
            [name for name in _names(text) if name not in ordinary and _spelt(name, letters)]
            for text in texts
        ]
        self.all = sorted(set().union(*self.of))

    def reading(self, text: int, time: int) -> str:
        """A text as it is read for the ``time``-th time, as long as ever, letter by letter."""
        draw = random.Random(f"{self.seed} {text} {time}")
        drawn_anew = [name for name in self.of[text] if draw.random() < self.share]
        called: dict[str, str] = {}
        for name in drawn_anew:
            called[name] = self._drawn(name, {*self.of[text], *called.values()}, draw)

        def renamed(match: re.Match[str]) -> str:
            word = match[0]
            other = called.get(word.upper(), word)
            return other if word.isupper() else other.title() if word.istitle() else word

        return WORD.sub(renamed, self.texts[text]) if called else self.texts[text]

    def _drawn(self, name: str, taken: Collection[str], draw: random.Random) -> str:
        """Another name, as long: the head of one that exists and the tail of another.

        They meet in a letter that both have, as ORL|ANDO and BALTH|ASAR make ORLASAR. The name
        itself where none is found that is not ``taken``.
        """
        for _ in range(SPLICES):
            one, other = draw.choice(self.all), draw.choice(self.all)
            cut = draw.randint(1, len(name) - 1)
            tail = len(other) - (len(name) - cut)
            if cut < len(one) and tail > 0 and one[cut] == other[tail]:
                spliced = one[:cut] + other[tail:]
                if spliced not in taken:
                    return spliced
        return name


def _names(text: str) -> list[str]:
    """The words that the text's cues have more than once, in capitals."""
    words = Counter(word.upper() for cue in CUE.findall(text) for word in WORD.findall(cue))
    return sorted(word for word, n in words.items() if n > 1 and len(word) >= SHORTEST)


def _spelt(name: str, letters: Collection[str]) -> bool:
    """Whether the name can be written in both cases, each letter as one of ``letters``."""
    both = name + name.title()
    return len(both) == 2 * len(name) and all(letter in letters for letter in both)
