"""Rename the people of a text at each reading.

In a script that a voice has not read, nearly every name is new, and most cues are names. A network
that reads the same scripts twenty times learns their casts by heart; a network that meets other
names each time must learn the role of a name: a speaker has spoken before, and is called as the
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
"""A cue: a line of capitals, or ending with a colon, with a line below and a blank line above."""

CAPITALISED = re.compile(r"(?<![^\W\d_])[^\W\d_a-z][^\W\d_]+")
"""A word that does not begin with a small letter of English; only such a word can be a name."""

SHORTEST = 3
"""Letters of the shortest word that counts as a name."""

SPLICES = 200
"""Attempts to splice two names into a new one."""


class Names:
    """The people of some texts, and new names for them at each reading."""

    def __init__(self, people: Sequence[Collection[str]], share: float, seed: int) -> None:
        """Set up the renaming of a ``share`` of each text's people, 0 to 1, at each reading."""
        self.people = people
        self.share = share
        self.seed = seed
        self.all = sorted(set().union(*people))

    def rename_people(self, content: str, text: int, time: int) -> str:
        """Return the content of a text at its ``time``-th reading, with its length unchanged."""
        draw = random.Random(f"{self.seed} {text} {time}")
        replaced = [name for name in self.people[text] if draw.random() < self.share]
        called: dict[str, str] = {}
        for name in replaced:
            called[name] = self._draw_name(name, {*self.people[text], *called.values()}, draw)
        if not called:
            return content
        forms = {name.title(): other.title() for name, other in called.items()} | called

        def renamed(match: re.Match[str]) -> str:
            return forms.get(match[0], match[0])

        return CAPITALISED.sub(renamed, content)

    def _draw_name(self, name: str, taken: Collection[str], draw: random.Random) -> str:
        """Return a new name of the same length: the head of one name and the tail of another.

        The two are joined at a letter that both have, as ORL|ANDO and BALTH|ASAR make ORLASAR.
        Without a new name outside ``taken``, the name itself is returned.
        """
        for _ in range(SPLICES):
            first, other = draw.choice(self.all), draw.choice(self.all)
            cut = draw.randint(1, len(name) - 1)
            tail = len(other) - (len(name) - cut)
            if cut < len(first) and tail > 0 and first[cut] == other[tail]:
                spliced = first[:cut] + other[tail:]
                if spliced not in taken:
                    return spliced
        return name


def find_people(texts: Iterable[str], letters: Collection[str]) -> list[list[str]]:
    """Return the names of the people of each text, in capitals.

    Names are the words that occur more than once in a text's cues and in no text in small letters,
    spelt with ``letters`` alone, each of which must be one character to a voice.
    """
    ordinary: set[str] = set()
    found = []
    for text in texts:
        ordinary |= {word.upper() for word in set(WORD.findall(text)) if word.islower()}
        # The words that occur more than once in the text's cues.
        words = Counter(word.upper() for cue in CUE.findall(text) for word in WORD.findall(cue))
        found.append(sorted(word for word, n in words.items() if n > 1 and len(word) >= SHORTEST))
    return [
        [name for name in names if name not in ordinary and _is_spelt(name, letters)]
        for names in found
    ]


def _is_spelt(name: str, letters: Collection[str]) -> bool:
    """Return whether the name can be written in both cases, with ``letters`` alone."""
    both = name + name.title()
    return len(both) == 2 * len(name) and all(letter in letters for letter in both)
