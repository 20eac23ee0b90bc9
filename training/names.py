"""Other names at each reading: people are called something else each time a text is read.

In a script that a voice has not read nearly every name is new, and most cues are names. A network
that reads the same scripts twenty times learns their casts by heart; one that meets other names
each time must learn what a name is for: that a speaker has spoken before, and is called what the
script calls the speaker. (Hermann et al. 2015, "Teaching Machines to Read and Comprehend", change
the names of a text for the same reason.)
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

WORD = re.compile(r"[^\W\d_]+")
CUE = re.compile(r"(?:^|\n\n)((?=.*[^\W\d_])[^\na-z]{1,40}|[^\n:]{1,40}:)(?=\n[^\n])")
"""A line of capitals, or one that ends with a colon, with a line below it and none above."""

CAPITALISED = re.compile(r"(?<![^\W\d_])[^\W\d_a-z][^\W\d_]+")
"""A word that begins with no small letter of English: other words are nobody's name."""

SHORTEST = 3
"""Letters of the shortest word that is taken for a name."""

SPLICES = 200
"""How often two names are drawn to make a new one of them."""


class Names:
    """The people of some texts, and other names for them at each reading."""

    def __init__(self, people: Sequence[Collection[str]], share: float, seed: int) -> None:
        """Args:
        people: The names of each text, in capitals, as `people` finds them.
        share: The share of a text's names that a reading replaces, 0 to 1.
        seed: What the names of a reading depend on, beside the text and the time.
        """
        self.people = people
        self.share = share
        self.seed = seed
        self.all = sorted(set().union(*people))

    def reading(self, content: str, text: int, time: int) -> str:
        """Return the content of a text as the ``time``-th reading has it, as long as ever."""
        draw = random.Random(f"{self.seed} {text} {time}")
        replaced = [name for name in self.people[text] if draw.random() < self.share]
        called: dict[str, str] = {}
        for name in replaced:
            called[name] = self._drawn(name, {*self.people[text], *called.values()}, draw)
        if not called:
            return content
        forms = {name.title(): other.title() for name, other in called.items()} | called

        def renamed(match: re.Match[str]) -> str:
            return forms.get(match[0], match[0])

        return CAPITALISED.sub(renamed, content)

    def _drawn(self, name: str, taken: Collection[str], draw: random.Random) -> str:
        """Return another name, as long: the head of one that exists and the tail of another.

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


def people(texts: Iterable[str], letters: Collection[str]) -> list[list[str]]:
    """Return the names of the people of each text, in capitals.

    They are the words that its cues have more than once and that no text has in small letters,
    spelt with ``letters`` alone, each of which must be one character to a voice.
    """
    ordinary: set[str] = set()
    found = []
    for text in texts:
        ordinary |= {word.upper() for word in set(WORD.findall(text)) if word.islower()}
        found.append(_named(text))
    return [
        [name for name in names if name not in ordinary and _spelt(name, letters)]
        for names in found
    ]


def _named(text: str) -> list[str]:
    """Return the words that the text's cues have more than once, in capitals."""
    words = Counter(word.upper() for cue in CUE.findall(text) for word in WORD.findall(cue))
    return sorted(word for word, n in words.items() if n > 1 and len(word) >= SHORTEST)


def _spelt(name: str, letters: Collection[str]) -> bool:
    """Tell whether the name can be written in both cases, each letter as one of ``letters``."""
    both = name + name.title()
    return len(both) == 2 * len(name) and all(letter in letters for letter in both)
