"""Sheets for people to read: lines to mark from 1 to 5, and pairs to tell apart.

Markers should know neither the play nor the voice. A sheet is Markdown; the marks and the
answers are written into the last column of its table, and `score` reads them back.
"""

from __future__ import annotations

import json
import random
import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from bot.screenplay.elements import Element
from training.errors import TextError
from training.experiments.table import line

from .places import Place

CONTEXT = 3
"""Elements that are shown before a line: enough to answer, and too short to quote a play."""

APART = 20
"""Least elements between two places of a play, because what people say next may tell which of two
lines before it was theirs."""

LONGEST = 300
"""Characters of each element that are shown, its last ones."""

MARKS = range(1, 6)

LINES = """# {number} lines of *{voice}*

Each line goes on from the scene before it. Write a mark into the last column: 5, a good writer
would keep the line; 4, it makes sense here; 3, it makes sense, but hardly here; 2, it is English;
1, it is nonsense.
"""

PAIRS = """# {number} pairs

One of the two lines is by the writer of the scene before them, the other by a program. Write A or B
into the last column: the line that you take for the writer's.
"""

ROW = re.compile(r"^\| *\d+ *\|.*\| *([^|]*?) *\|$", re.MULTILINE)


def of_lines(voice: str, places: Sequence[Place], lines: Sequence[Element]) -> str:
    """Return a sheet of a voice's lines in their places, for marking."""
    rows = [[_scene(place), _speech(place, own)] for place, own in zip(places, lines, strict=True)]
    return _sheet(LINES.format(number=len(rows), voice=voice), ["scene", "line", "mark"], rows)


def of_pairs(
    places: Sequence[Place], lines: Sequence[Element], number: int, seed: int
) -> tuple[str, list[str]]:
    """Return a sheet of pairs, people's line and the voice's in random order, and its answers.

    Places where both say the same are left out.
    """
    chance = random.Random(seed)
    rows, answers = [], []
    for place, own in zip(places, lines, strict=True):
        if own.body == place.people.body or len(rows) == number:
            continue
        both = [_speech(place, place.people), _speech(place, own)]
        answers.append(chance.choice("AB"))
        rows.append([_scene(place), *(both if answers[-1] == "A" else both[::-1])])
    return _sheet(PAIRS.format(number=len(rows)), ["scene", "A", "B", "writer's"], rows), answers


def key_of(sheet: Path) -> Path:
    """Return the path of the answers to a sheet of pairs."""
    return sheet.with_suffix(".key.json")


def score(sheet: Path) -> str:
    """Return the result of the marks or answers in a sheet, in a sentence.

    Raises:
        TextError: Nobody has filled the sheet in, or an entry is no mark or answer.
    """
    try:
        entries = ROW.findall(sheet.read_text(encoding="utf-8"))
        key = key_of(sheet)
        answers = json.loads(key.read_text(encoding="utf-8")) if key.exists() else None
    except OSError as error:
        raise TextError(f"{sheet} cannot be read: {error.strerror}.") from error
    return _told_apart(sheet, entries, answers) if answers else _marked(sheet, entries)


def _marked(sheet: Path, entries: Sequence[str]) -> str:
    known = {str(mark): mark for mark in MARKS}
    _check(sheet, entries, known)
    marks = [known[entry] for entry in entries]
    spread = ", ".join(f"{marks.count(mark)} of {mark}" for mark in MARKS)
    return f"{sheet.name}: mean {statistics.mean(marks):.2f} of {len(marks)} lines ({spread})."


def _told_apart(sheet: Path, entries: Sequence[str], answers: Sequence[str]) -> str:
    _check(sheet, entries, "AB")
    if len(entries) != len(answers):
        raise TextError(
            f"{sheet} has {len(entries)} pairs, its key {len(answers)}: make both again."
        )
    right = sum(entry == answer for entry, answer in zip(entries, answers, strict=True))
    return (
        f"{sheet.name}: people's line was told in {right} of {len(entries)} pairs "
        f"({right / len(entries):.0%})."
    )


def _check(sheet: Path, entries: Sequence[str], known: Sequence[str] | dict[str, int]) -> None:
    """Raise TextError for a sheet with an entry that is not among the known ones."""
    wrong = [number for number, entry in enumerate(entries, 1) if not entry or entry not in known]
    if wrong or not entries:
        where = f"in row {wrong[0]}" if wrong else "at all"
        raise TextError(f"{sheet} has no valid entry {where}: write one of {', '.join(known)}.")


def _sheet(text: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = [line(["", *heads]), line(["---:", *("---" for _ in heads)])]
    body = [line([str(number), *cells, " "]) for number, cells in enumerate(rows, 1)]
    return "\n".join([text, *head, *body]) + "\n"


def _scene(place: Place) -> str:
    return "<br><br>".join(_cell(_end_of(one.text)) for one in place.before[-CONTEXT:])


def _speech(place: Place, own: Element) -> str:
    return _cell(place.cue + own.body)


def _end_of(text: str) -> str:
    return text if len(text) <= LONGEST else "…" + text[-LONGEST:]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>")
