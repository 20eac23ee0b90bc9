"""Draw chats whose replies fit any line of a form: training/replies/README.md."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import CorpusError
from .folder import write_corpus
from .scenes.drawing import Bag, pluralise
from .scenes.frames import FRAMES, Lists, is_film_place, read_source
from .screenplays import read_sketches

REPLIES = Path(__file__).parents[2] / "replies"

FORMS = "forms.txt"
"""The file that has a pattern for each form of a line."""

ACTION = "action"
"""The form of what nobody speaks."""

NOUN = "{N}"
"""In a reply, a noun of the line before."""

KEPT = (2, 2, 3, 3, 4)
"""The blocks of a sketch that stand before the first reply, its heading among them."""

LENGTHS = (2, 3, 3, 4, 4, 5, 6)
"""How many replies a chat has."""

RETURNS = 0.75
"""The share of the replies that are by the speaker before the last one, as far as there is one."""

CAST = 3
"""The most speakers of a chat."""

VOLUME = 200
"""How many chats a volume has."""

NOUN_LISTS = ("animal", "clothes", "container", "food", "furniture", "job", "thing", "vehicle")
"""The lists of the frames whose words replies take up."""

UNSURE = frozenset({"can", "fly", "general", "stand", "stands", "top", "watch"})
"""Listed words that mostly are no nouns."""

_AFTER_NOUNS = (
    "is|are|was|were|has|have|had|will|can|could|would|did|does|do|in|on|at|of|to|and|with|from|"
    "by|for|out|off|into|behind|again|now|until|when|that|who"
)
_NOUN_PLACE = re.compile(
    rf"\b[a-z]+ ([a-z]{{3,}})(?=[.,?!;:]|$|'s | (?:{_AFTER_NOUNS})\b)", re.IGNORECASE
)
_TITLE = re.compile(r"\b(Mr|Mrs|Ms|Dr|St)\.")
_SENTENCE = re.compile(r"[^.?!]+[.?!]*[\"'\u201d\u2019]*")
_CLOSING = "!\"'\u201d\u2019"
_OPENING = re.compile(r"^(?:and|but|so|then|well|okay|oh),? ")
_PARENTHETICAL = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Source:
    """All replies of a folder."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    """Forms, and what the last sentence of a line matches; the first form that fits is meant."""
    replies: dict[str, tuple[str, ...]]
    """The replies to a line of each form."""
    nouns: frozenset[str]
    """The words that replies take up."""

    def find_form(self, block: str) -> str:
        """Return the form of a heading, an action or a speech.

        The last question of a speech counts, or its last sentence where it asks nothing.
        """
        if not find_cue(block):
            return ACTION
        body = _TITLE.sub(r"\1", find_body(block))
        sentences = [part.strip().rstrip(_CLOSING) for part in _SENTENCE.findall(body)]
        questions = [sentence for sentence in sentences if sentence.endswith("?")]
        last = _OPENING.sub("", ["", *sentences, *questions][-1].lower())
        return next(name for name, pattern in self.patterns if pattern.search(last))

    def list_nouns(self, block: str) -> list[str]:
        """Return the nouns of a block that a reply may take up."""
        found = _NOUN_PLACE.findall(find_body(block))
        return [word for word in found if word.lower() in self.nouns]


def find_cue(block: str) -> str:
    """Return who speaks a block, or nothing where nobody does."""
    cue, newline, _ = block.partition("\n")
    return cue.partition(" (")[0] if newline and cue.isupper() else ""


def find_body(block: str) -> str:
    """Return what a block says, without its cue and its parentheticals."""
    body = block.partition("\n")[2] if find_cue(block) else block
    return _PARENTHETICAL.sub("", body).replace("\n", " ").strip()


def read_replies(folder: Path = REPLIES) -> Source:
    """Read the replies of a folder; raise CorpusError for files that are malformed."""
    try:
        files = {file: file.read_text("utf-8") for file in sorted(folder.glob("*.txt"))}
        text = files.pop(folder / FORMS)
    except KeyError:
        raise CorpusError(f"{folder} has no {FORMS}: name a folder that has one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"The replies in {folder} cannot be read: {error}.") from error
    patterns = tuple(_read_patterns(folder / FORMS, text))
    replies: dict[str, list[str]] = {form: [] for form in (*dict(patterns), ACTION)}
    for file, text in files.items():
        for at, form, reply in _read_replies(text):
            if form not in replies:
                raise CorpusError(f"{file}:{at} has no form of {FORMS}: name one after `=== `.")
            replies[form].append(reply)
    for form, found in replies.items():
        if all(NOUN in reply for reply in found):
            raise CorpusError(f"The form “{form}” has no reply without {NOUN}: write one.")
    chosen = {form: tuple(found) for form, found in replies.items()}
    return Source(patterns, chosen, _list_nouns(read_source(FRAMES).lists))


def _read_patterns(file: Path, text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the forms and their patterns, the last of which must match everything."""
    at, pattern = 0, None
    for at, row in enumerate(text.splitlines(), 1):
        name, colon, expression = row.partition(": ")
        try:
            pattern = re.compile(expression) if colon else None
        except re.error:
            pattern = None
        if not pattern:
            raise CorpusError(f"{file}:{at} is no `form: regular expression`: correct it: {row}")
        yield name, pattern
    if not pattern or not pattern.search(""):
        raise CorpusError(
            f"{file}:{at}: the last pattern must match everything: end with `form: ^`."
        )


def _read_replies(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the number of each line with a reply, its form, and the reply."""
    form = ""
    for at, row in enumerate(map(str.strip, text.splitlines()), 1):
        if row.startswith("="):
            form = row.removeprefix("=== ")
        elif row:
            yield at, form, row


def _list_nouns(lists: Lists) -> frozenset[str]:
    """Return the last words of what is listed, singular and plural, but for unsure ones."""
    words = [word for name in NOUN_LISTS for word in lists[name].learned]
    forms = {form.split()[-1].lower() for word in words for form in (word.text, pluralise(word))}
    return frozenset(forms - UNSURE)


class Drawer:
    """Draw chats, and use all replies to a form that fit equally often."""

    def __init__(self, source: Source, sketches: Sequence[Sequence[str]], seed: int) -> None:
        self._source = source
        self._rng = random.Random(seed)
        self._sketches = [sketch for sketch in sketches if len(list_cast(sketch)) > 1]
        self._bags = {form: Bag(replies, self._rng) for form, replies in source.replies.items()}

    def draw(self) -> str:
        """Return a chat in Fountain: the beginning of a sketch, and replies."""
        sketch = self._rng.choice(self._sketches)
        cast = list_cast(sketch)[:CAST]
        blocks = list(sketch[: self._rng.choice(KEPT)])
        for _ in range(self._rng.choice(LENGTHS)):
            reply = self._draw_reply(blocks[-1])
            blocks.append(f"{self._choose_speaker(blocks, cast)}\n{reply}")
        return "\n\n".join(blocks)

    def _draw_reply(self, block: str) -> str:
        nouns = self._source.list_nouns(block)
        bag = self._bags[self._source.find_form(block)]
        reply = bag.draw(lambda reply: NOUN in reply and not nouns)
        reply = reply.replace(NOUN, self._rng.choice(nouns)) if nouns else reply
        return reply[0].upper() + reply[1:]

    def _choose_speaker(self, blocks: Sequence[str], cast: Sequence[str]) -> str:
        """Return who replies: anybody but the last speaker, and mostly the one before."""
        last, before, *_ = [*filter(None, map(find_cue, reversed(blocks))), "", ""]
        if before in cast and before != last and self._rng.random() < RETURNS:
            return before
        return self._rng.choice([name for name in cast if name != last])


def list_cast(sketch: Sequence[str]) -> list[str]:
    """Return the speakers of a sketch, in the order of their first lines."""
    return list(dict.fromkeys(filter(None, map(find_cue, sketch))))


def split_sketches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the sketches of some files as blocks, each with its heading."""
    for text in texts:
        sketch: list[str] = []
        for block in text.strip().split("\n\n"):
            if is_film_place(block) and sketch:
                yield sketch
                sketch = []
            sketch.append(block)
        yield sketch


def write_chats(source: Source, out: Path, chats: int, seed: int) -> None:
    """Write chats below `out`, in volumes of `VOLUME`.

    One volume more, to validate on, begins with held-out sketches; its replies are the same.
    """
    learned = _make_drawer(source, seed, held_out=False)
    unread = _make_drawer(source, seed, held_out=True)
    files = {"validation/replies.fountain": _draw_volume(unread, min(chats, VOLUME))}
    for number, drawn in enumerate(range(0, chats, VOLUME), 1):
        volume = _draw_volume(learned, min(VOLUME, chats - drawn))
        files[f"train/replies/replies-{number:04}.fountain"] = volume
    write_corpus(out, files)


def _make_drawer(source: Source, seed: int, *, held_out: bool) -> Drawer:
    texts = read_sketches("film", held_out=held_out)
    return Drawer(source, list(split_sketches(texts)), seed)


def _draw_volume(drawer: Drawer, chats: int) -> str:
    return "\n\n".join(drawer.draw() for _ in range(chats)) + "\n"
