"""Write the elements of a play as Fountain, in the form that all corpora share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby, pairwise

from ..shakespeare import balance, format_action, format_parenthetical, unwrap

LONGEST_ASIDE = 240
"""The most characters of a parenthetical, some four lines of print; a longer direction becomes
action, and the cue is repeated after it."""
LONGEST_HEADING = 80
"""The most characters of a heading; what follows describes the place."""

MANNER = re.compile(r"_?(?:aside|apart|to (?:him|her|them|[A-Z_])|within|sings?)\b", re.IGNORECASE)
"""A direction on how a speech is spoken, which goes before the speech wherever it was printed."""

CAPITAL_OF_VERSE = re.compile(
    r"\W*(?:And|Or|Nor|To|Of|In|On|At|For|From|With|By|That|Than|Which|Whose|When|Where|As|If|The|Is"
    r"|Are|Was|Were)\b"
)
"""A word that has a capital inside a sentence only where it opens a line of verse."""


class PieceKind(StrEnum):
    """Name the kinds of pieces of a speech."""

    LINE = "line"
    ASIDE = "aside"
    BREAK = "break"


@dataclass(frozen=True)
class Piece:
    """Hold a printed line or a direction of a speech.

    `start` and `end` are columns; `end` is 0 if the printed line continues behind the piece.
    """

    kind: PieceKind
    text: str
    start: int = 0
    end: int = 0


@dataclass
class Script:
    """Collect the elements of a play and write them."""

    width: int
    is_verse: bool = False
    elements: list[str] = field(default_factory=list[str])
    speeches: int = 0
    speaker: str = ""
    """Whose speech is open; "" if none is, and then there are no pieces."""
    pieces: list[Piece] = field(default_factory=list[Piece])

    def open_speech(self, speaker: str) -> None:
        """Begin a speech."""
        self.close()
        self.speaker = speaker

    def add_heading(self, text: str) -> None:
        """Add a forced heading; text too long for a heading becomes action."""
        self.close()
        head, rest = split_heading(text)
        self.elements.append(f".{head.upper()}")
        if rest:
            self.add_action(rest)

    def add_action(self, text: str) -> None:
        """Add action."""
        self.close()
        text = "\n".join(map(tidy, text.split("\n")))
        text = balance(text.strip("[{ }]"))
        if re.search(r"\w", text):
            self.elements.append(format_action(text.capitalize() if text.isupper() else text))

    @property
    def is_said(self) -> bool:
        """Return whether the open speech has any words yet."""
        return any(piece.kind is PieceKind.LINE for piece in self.pieces)

    def close(self) -> None:
        """Write the open speech; directions at its end become action."""
        pieces, after = self.pieces, list[Piece]()
        self.pieces = []
        while pieces and pieces[-1].kind is not PieceKind.LINE:
            after.insert(0, pieces.pop())
        speaker, self.speaker = self.speaker, ""
        if pieces and after and MANNER.match(after[0].text):
            pieces.insert(0, after.pop(0))
        if pieces:
            self._write_speech(speaker, pieces)
        elif after:
            first = after.pop(0)
            action = tidy(first.text)
            self.add_action(f"{speaker} {action[:1].lower()}{action[1:]}")
        for piece in after:
            self.add_action(end_sentence(piece.text))

    def _write_speech(self, speaker: str, pieces: Sequence[Piece]) -> None:
        lines: list[str] = []
        # Each paragraph by itself, because one may be prose and the next one a song.
        for _, run in groupby(pieces, key=lambda piece: piece.kind is PieceKind.BREAK):
            paragraph = list(run)
            prose = is_prose(paragraph, self.width, is_verse=self.is_verse)
            for piece in join_lines(paragraph, prose=prose):
                if piece.kind is PieceKind.LINE:
                    lines.append(piece.text)
                elif len(piece.text) <= LONGEST_ASIDE:
                    lines.append(format_parenthetical(piece.text))
                else:
                    self._write_lines(speaker, lines)
                    lines = []
                    self.elements.append(format_action(piece.text))
        self._write_lines(speaker, lines)

    def _write_lines(self, speaker: str, lines: Sequence[str]) -> None:
        after = list[str]()
        lines = [re.sub(r"^[#=~>@!]+ *|^\.(?!\.)", "", line) for line in lines]
        lines = [line for line in lines if re.search(r"\w", line)]
        while lines and lines[-1].startswith("(") and lines[-1].endswith(")"):
            after.insert(0, lines.pop())
        if lines:
            self.elements.append("\n".join([speaker, *lines]))
            self.speeches += 1
        self.elements += [
            format_action(end_sentence(line[1:-1])) for line in after if len(line) > 3
        ]


def is_prose(pieces: Sequence[Piece], width: int, *, is_verse: bool) -> bool:
    """Return whether lines were wrapped by width.

    A line of verse begins with a capital, and ends even though the next word would have fitted. The
    second condition is waived in a play in verse, and for a word that has a capital only in verse.
    In a play in verse, an indented line is the end of a long line of verse.
    """
    lines = [piece for piece in pieces if piece.kind is not PieceKind.ASIDE]
    margin = min((piece.start for piece in lines), default=0)
    wrapped = verse = 0
    for line, other in pairwise(lines):
        if not line.end:
            continue
        initial = next(filter(str.isalpha, other.text), "")
        fits = width - line.end - 1 >= len(other.text.split(" ", 1)[0])
        runs_on = CAPITAL_OF_VERSE.match(other.text) and re.search(r"[\w,]$", line.text)
        if initial.isupper() and (fits or is_verse or runs_on):
            verse += 1
        elif is_verse and initial.islower() and other.start > margin + 1:
            continue
        elif not (fits and other.start > line.start + 4):
            wrapped += 1
    return wrapped >= verse


def join_lines(speech: Sequence[Piece], *, prose: bool) -> Iterator[Piece]:
    """Yield pieces with prose unwrapped, and with overlong lines of verse joined again."""
    for kind, run in groupby(speech, key=lambda piece: piece.kind):
        pieces = list(run)
        if kind is PieceKind.ASIDE:
            texts = [tidy(piece.text) for piece in pieces]
            yield from (Piece(kind, text) for text in texts if re.search(r"\w", text))
        elif kind is PieceKind.LINE:
            texts = [unwrap([p.text for p in pieces])] if prose else _join_verses(pieces)
            yield from (Piece(kind, tidy(text)) for text in texts)


def _join_verses(pieces: Sequence[Piece]) -> list[str]:
    verses: list[str] = []
    margin = min(piece.start for piece in pieces)
    for piece in pieces:
        initial = next(filter(str.isalpha, piece.text), "")
        if verses and initial.islower() and piece.start > margin + 1:
            verses[-1] = unwrap([verses[-1], piece.text])
        else:
            verses.append(piece.text)
    return verses


def tidy(text: str) -> str:
    """Return words without underscores, and with single spaces."""
    text = re.sub(r"[_{}|\\^<>*]", "", text)
    text = text.replace("[", "(").replace("]", ")")
    text = re.sub(r"\s+([,.;!?])(?!\.)", r"\1", text)
    text = re.sub(r"^-- (?=\w)|(?<=\w) --(?=\w)", "--", text)
    return re.sub(r"\s+", " ", text).strip()


def end_sentence(text: str) -> str:
    """Return a direction with a full stop, which many printers leave out in brackets."""
    text = text.rstrip("_ ")
    return f"{text}." if text[-1:].isalnum() else text


def split_heading(text: str) -> tuple[str, str]:
    """Return a heading of one short line, and the description printed behind it."""
    text = tidy(text).strip("[](){} ")
    text = re.sub(r" *\.? ?--+ *|\. -|(?<=\w) - ", ". ", text)
    if len(text) > LONGEST_HEADING:
        stops = [m.start() for m in re.finditer(r"(?<![A-Z])[.:;](?= )", text[:LONGEST_HEADING])]
        stop = stops[-1] if stops else 0
        scene = re.match(r"[A-Z]+(?: [IVXL\d]+)?\b", text)
        stop = stop or (scene.end() if scene else LONGEST_HEADING)
        return text[:stop].rstrip(" .:;,"), text[stop:].lstrip(" .:;,-")
    return text.rstrip(" .:;,"), ""
