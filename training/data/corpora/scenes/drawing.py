"""Draw scenes from a frame."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Generic, TypeVar

import inflect

from ....errors import CorpusError
from ..shakespeare import format_action
from .frames import CAST, USE, Frame, Line, Lists, Slot, Word, is_capital, is_film_place, read_name

T = TypeVar("T")

FORMS = ("he", "him", "his", "himself", "man", "sir", "lord")
"""The forms that frames write for everybody."""
PRONOUNS = {
    "he": FORMS,
    "she": ("she", "her", "her", "herself", "woman", "madam", "lady"),
    "it": ("it", "it", "its", "itself", "man", "sir", "lord"),
    "they": ("they", "them", "their", "themselves", "men", "gentlemen", "lords"),
}
"""The same forms by pronoun."""

PARENTHETICALS = 0.7
"""The share of the parentheticals that are drawn."""

NAMES = {"film": ("woman", "man"), "stage": ("stage woman", "stage man")}
"""The lists of the cast's names by kind of frame."""

ENGLISH = inflect.engine()
WORDS = re.compile(r"[\w'-]+")
HEAD = re.compile(rf"{USE.pattern}$")


class Bag(Generic[T]):
    """Items in random order, each of them once before any comes again."""

    def __init__(self, items: Sequence[T], rng: random.Random) -> None:
        self._items = items
        self._rng = rng
        self._left: list[T] = []

    def draw(self, avoid: Callable[[T], bool] = lambda _: False) -> T:
        """Return an item that need not be avoided, or any item if all of them must be."""
        for _ in range(2):
            avoided: list[T] = []
            while self._left:
                item = self._left.pop(self._rng.randrange(len(self._left)))
                if not avoid(item):
                    self._left += avoided
                    return item
                avoided.append(item)
            self._left = [*avoided, *self._items]
        self._left = []
        return self._rng.choice(self._items)


class Drawer:
    """Draw scenes from one frame, and use all alternatives equally often.

    With ``unmet``, slots draw held-out words where their lists have such words. The scenes depend
    on the seed and on the frame alone, so they stay the same when other frames are added.
    """

    def __init__(self, frame: Frame, lists: Lists, seed: int, *, unmet: bool = False) -> None:
        self.frame = frame
        self._rng = random.Random(f"{seed} {frame.title} {unmet}")
        text = _simplify(" ".join(text for line in frame.lines for text in line.alternatives))
        drawn = (word.text for slot in frame.slots for row in slot.rows for word in row)
        self._words = text + _simplify(" ".join(drawn))
        self._names = [Bag(lists[key].learned, self._rng) for key in NAMES[frame.kind]]
        self._slots = [
            (slot, Bag(_list_choices(slot, lists, text, unmet=unmet), self._rng))
            for slot in frame.slots
        ]
        self._lines = [(line, Bag(line.alternatives, self._rng)) for line in frame.lines]

    def draw(self) -> str:
        """Return a scene in Fountain.

        Raises CorpusError when the frame uses a slot or a form that does not exist.
        """
        reader = _Reader(self.frame, self._draw_words(), self._rng)
        return "\n\n".join(self._element(line, bag.draw(), reader) for line, bag in self._lines)

    def _draw_words(self) -> dict[str, Word]:
        """Draw names and words for the cast and the slots; no word comes twice."""
        words: dict[str, Word] = {}
        for letter in CAST:
            man = self._rng.randrange(2)
            name = self._names[man].draw(lambda name: _simplify(name.text) in self._words)
            words[letter] = Word(name.text, pronoun=("she", "he")[man])
        drawn: set[str] = set()
        for slot, bag in self._slots:
            row = bag.draw(lambda row: any(word.text in drawn for word in row))
            words |= dict(zip(slot.names, row, strict=False))
            drawn.update(word.text for word in row)
        return words

    def _element(self, line: Line, text: str, reader: _Reader) -> str:
        text = reader.fill(text, line.at)
        if line.role == "PLACE":
            return text.upper() if is_film_place(text) else f".{text.upper()}"
        if line.role == "-":
            return format_action(text)
        speech = [reader.fill(f"{{{line.role}}}", line.at).upper(), text]
        if line.parenthetical and self._rng.random() < PARENTHETICALS:
            speech.insert(1, f"({reader.fill(line.parenthetical, line.at)})")
        return "\n".join(speech)


class _Reader:
    """Fills the slots of one scene's texts with what was drawn."""

    def __init__(self, frame: Frame, words: dict[str, Word], rng: random.Random) -> None:
        self._frame = frame
        self._words = words
        self._rng = rng

    def fill(self, text: str, at: int) -> str:
        """Return a text with its slots filled; ``at`` is its line, for errors."""
        try:
            return USE.sub(self._write, text)
        except (KeyError, ValueError, RecursionError):
            raise CorpusError(
                f"{self._frame.file}:{at} uses a slot or a form that does not exist: {text}"
            ) from None

    def _write(self, use: re.Match[str]) -> str:
        article, form = use["article"], (use["form"] or "").lower()
        word = self._resolve(read_name(use))
        if form:
            text = pluralise(word) if form == "s" else PRONOUNS[word.pronoun][FORMS.index(form)]
        else:
            text = add_article(word) if article else word.text
        return text[:1].upper() + text[1:] if is_capital(use) else text

    def _resolve(self, key: str) -> Word:
        """Return what was drawn for a slot, with its own slots filled.

        A word that ends with a slot, such as "my {relative}", has the grammar of that slot; this is
        then settled for the whole scene.
        """
        word = self._words[key]
        head = HEAD.search(word.text)
        grammar = self._resolve(read_name(head)) if head else word
        pronoun = word.pronoun or grammar.pronoun or self._rng.choice(("she", "he"))
        text = USE.sub(self._write, word.text)
        self._words[key] = Word(text, word.mass or grammar.mass, pronoun)
        return self._words[key]


@cache
def pluralise(word: Word) -> str:
    """Return the plural of a word, or the word itself if it has none."""
    return word.text if word.mass else ENGLISH.plural_noun(word.text)


@cache
def add_article(word: Word) -> str:
    """Return a word with "a", "an" or "some"."""
    return f"some {word.text}" if word.mass else ENGLISH.a(word.text)


@cache
def _simplify(text: str) -> str:
    """Return the words of a text in small letters, each between spaces."""
    return f" {' '.join(WORDS.findall(text.lower()))} "


def _list_choices(slot: Slot, lists: Lists, text: str, *, unmet: bool) -> list[tuple[Word, ...]]:
    """Return what a slot can draw.

    A listed word that the frame itself contains is left out: two geese would be confused.
    """
    listed = [lists[name] for name in slot.lists]
    if unmet and any(words.held_out for words in listed):
        return [(word,) for words in listed for word in words.held_out]
    learned = [word for words in listed for word in words.learned]
    other = [(word,) for word in learned if _simplify(word.text) not in text]
    return [*slot.rows, *other]
