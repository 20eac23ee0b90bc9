"""Read frames, which are scenes with alternatives: training/scenes/README.md has the format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ....errors import CorpusError

FRAMES = Path(__file__).parents[3] / "scenes"

CAST = "ABCDE"
SEPARATOR = " | "

USE = re.compile(r"\{(?:(?P<article>[Aa]n?) )?(?P<name>\w+)(?:\.(?P<form>\w+))?\}")
"""A slot or a member of the cast in a text, such as `{a thing}`, `{Guest.He}` and `{B}`."""

TITLE = re.compile(r"=== (.+?)( \(held out\))?")
SPEECH = re.compile(r"([A-E])(?: \(([^)]*)\))?: (.+)")
ACTION = re.compile(r"(-) (.+)")
HEADING = re.compile(r"(PLACE): (.+)")
SLOT = re.compile(r"([a-z]\w*(?:/[a-z]\w*)*): (.+)")
LIST = re.compile(r"([a-z ]+?)((?: \([a-z ]+\))*): (.+)")
MARK = re.compile(r" \((some|she|he|it|they)\)$")


@dataclass(frozen=True)
class Word:
    """What a slot draws: a word or a phrase."""

    text: str
    mass: bool = False
    """True if the word has neither an article nor a plural, such as "soup"."""
    pronoun: str = ""
    """Its fixed pronoun: "she", "he", "it" or "they"; if it has none, "she" or "he" is drawn."""


@dataclass(frozen=True)
class WordList:
    """The words that `@name` stands for."""

    learned: tuple[Word, ...]
    held_out: tuple[Word, ...] = ()


Lists = Mapping[str, WordList]


@dataclass(frozen=True)
class Slot:
    """A slot, or several that are drawn together, with a row of words for each alternative."""

    names: tuple[str, ...]
    rows: tuple[tuple[Word, ...], ...]
    lists: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Line:
    """A heading, an action or a speech, with its alternatives."""

    role: str
    """"PLACE" for a heading, "-" for an action, or the letter of the speaker."""
    parenthetical: str
    alternatives: tuple[str, ...]
    at: int


@dataclass
class Frame:
    """A short scene with alternatives."""

    title: str
    file: Path
    at: int
    held_out: bool = False
    """True if its scenes are for validation alone."""
    slots: list[Slot] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def headings(self) -> list[Line]:
        """Return the headings."""
        return [line for line in self.lines if line.role == "PLACE"]

    @property
    def kind(self) -> str:
        """Return "film", or "stage" if no place is inside or outside."""
        places = [place for line in self.headings for place in line.alternatives]
        return "film" if any(map(is_film_place, places)) else "stage"


@dataclass(frozen=True)
class Source:
    """All frames of a folder, and its lists."""

    frames: tuple[Frame, ...]
    lists: Lists


def is_film_place(place: str) -> bool:
    """Tell whether a place is that of a film."""
    return place.startswith(("INT.", "EXT."))


def read_source(folder: Path) -> Source:
    """Read the frames and the lists of a folder.

    Raises CorpusError when the folder has no lists.txt or no frames, or a line is malformed.
    """
    try:
        lists = _read_lists((folder / "lists.txt").read_text("utf-8"))
        files = {
            file: file.read_text("utf-8")
            for file in sorted(folder.glob("*.txt"))
            if file.name != "lists.txt"
        }
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"The frames cannot be read: {error}.") from error
    frames = tuple(frame for file, text in files.items() for frame in _read_frames(file, text))
    if not frames:
        raise CorpusError(f"{folder} has no frames: name a folder with files of frames.")
    return Source(frames, lists)


def read_name(use: re.Match[str]) -> str:
    """Return the name of the slot or of the member of the cast, without the capital of `{Slot}`."""
    name = use["name"]
    return name if name in CAST else name[0].lower() + name[1:]


def is_capital(use: re.Match[str]) -> bool:
    """Tell whether a slot or a form is written with a capital: `{A thing}`, `{Guest}`, `{A.He}`."""
    name = "" if use["name"] in CAST else use["name"]
    return any(part[:1].isupper() for part in (use["article"] or "", use["form"] or "", name))


def _read_frames(file: Path, text: str) -> list[Frame]:
    frames: list[Frame] = []
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if match := TITLE.fullmatch(line):
            frames.append(Frame(match[1], file, at, held_out=bool(match[2])))
        elif not frames:
            raise CorpusError(f"{file}:{at}: a frame begins with a line `=== title`: add one.")
        elif match := SPEECH.fullmatch(line):
            frames[-1].lines.append(Line(match[1], match[2] or "", _split(match[3]), at))
        elif match := ACTION.fullmatch(line) or HEADING.fullmatch(line):
            frames[-1].lines.append(Line(match[1], "", _split(match[2]), at))
        elif match := SLOT.fullmatch(line):
            frames[-1].slots.append(_read_slot(match[1], match[2], at))
        else:
            raise CorpusError(f"{file}:{at} is no line of a frame: correct or remove it: {line}")
    return frames


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.strip().split(SEPARATOR))


def _read_slot(names: str, text: str, at: int) -> Slot:
    linked = tuple(names.split("/"))
    choices = _split(text)
    rows = tuple(
        tuple(map(_read_word, choice.split("/") if len(linked) > 1 else [choice]))
        for choice in choices
        if not choice.startswith("@")
    )
    return Slot(linked, rows, tuple(name[1:] for name in choices if name.startswith("@")), at)


def _read_word(text: str) -> Word:
    text, mass, pronoun = text.strip(), False, ""
    while match := MARK.search(text):
        text = text[: match.start()]
        if match[1] == "some":
            mass = True
        else:
            pronoun = match[1]
    return Word(text, mass, pronoun)


def _read_lists(text: str) -> Lists:
    lists: dict[str, WordList] = {}
    pronouns: dict[str, str] = {}
    for match in filter(None, map(LIST.fullmatch, text.splitlines())):
        name, marks = match[1], match[2]
        if mark := MARK.search(marks):
            pronouns[name] = mark[1]
        found = map(_read_word, _split(match[3]))
        pronoun = pronouns.get(name, "")
        words = tuple(replace(word, pronoun=word.pronoun or pronoun) for word in found)
        countable = tuple(word for word in words if not word.mass)
        for key, chosen in ((name, words), (f"{name} (countable)", countable)):
            if "(held out)" in marks:
                lists[key] = replace(lists[key], held_out=chosen)
            else:
                lists[key] = WordList(chosen)
    return lists
