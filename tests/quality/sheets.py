"""Make sheets for people to read: pairs to tell apart, and continuations.

Markers should know neither the play nor the voice. A sheet is Markdown; the marks and the
answers are written into the last columns of its table, and `score` reads them back.
"""

import json
import random
import re
import statistics
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from bot.screenplay.elements import Element
from tests.tools.tables import format_head, format_row
from training.errors import TextError

from .friends import LINES as CONTINUED
from .friends import PEOPLE, Continuation

LONGEST = 300
"""The number of characters of each element that are shown: its last ones."""

MARKS = range(1, 6)

PAIRS = """# {number} pairs

One of the two lines is by the writer of the scene before them, the other by a program. Write A or B
into the last column: the line that you take for the writer's.
"""

CONTINUATIONS = """# {number} continuations

Each row has the beginning of a scene, as friends typed it in a chat, and {lines} lines that go on
from it. Some are by people, and the others by programs; several rows may have the same beginning.
Judge each row by itself, and fill in its last four columns:

- `mark`: the continuation as a whole. 5, a good writer would keep it; 4, it makes sense here; 3, it
  makes sense, but hardly here; 2, it is English; 1, it is nonsense.
- `answers`: how many of the {lines} lines, from 0 to {lines}, plainly answer what was just said or
  done, or take up a concrete word or thing of the scene and say something sensible about it.
- `echo`: how many only say again what was just said, and add nothing. They answer nothing.
- `faulty`: how many are faulty English, such as words that do not exist or sentences that fall
  apart. Slang and unfinished sentences are no faults.
"""

PREFERENCES = """# {number} pairs of continuations

Each row has the beginning of a scene, as friends typed it in a chat, and two continuations of
{lines} lines by programs, A and B. Write into the last column which of them the friends would
rather have got: whose lines answer what was said, make sense in good English, and go on with the
scene. Write = only where neither is better.
"""

JUDGED = ("mark", "answers", "echo", "faulty")

ROW = re.compile(r"^\| *\d+ *\|.*\|$", re.MULTILINE)

BAR = re.compile(r"(?<!\\)\|")


def of_first_lines(found: Sequence[Continuation], seed: int) -> tuple[str, list[str]]:
    """Return a sheet of pairs of first lines, people's and a voice's, and its answers."""
    pairs = [
        (_show(written.scene.given), _show(written.scene.people[:1]), _show(written.lines[:1]))
        for written in found
        if written.lines[0].text != written.scene.people[0].text
    ]
    random.Random(seed).shuffle(pairs)
    chance = random.Random(seed)
    answers = [chance.choice("AB") for _ in pairs]
    rows = [
        [scene, *((people, own) if answer == "A" else (own, people))]
        for (scene, people, own), answer in zip(pairs, answers, strict=True)
    ]
    return _sheet(PAIRS.format(number=len(rows)), ["scene", "A", "B", "writer's"], rows), answers


def of_continuations(found: Sequence[Continuation], seed: int) -> tuple[str, list[dict[str, str]]]:
    """Return a blind sheet of continuations, scene by scene in random order, and who wrote each."""
    chance = random.Random(seed)
    by_scene: dict[int, list[Continuation]] = {}
    for continuation in found:
        by_scene.setdefault(continuation.scene.number, []).append(continuation)
    scenes = list(by_scene.values())
    chance.shuffle(scenes)
    shuffled = [written for some in scenes for written in chance.sample(some, len(some))]
    rows = [[_show(written.scene.given), _show(written.lines)] for written in shuffled]
    text = CONTINUATIONS.format(number=len(rows), lines=CONTINUED)
    heads = ["scene", f"{CONTINUED} lines", *JUDGED]
    key = [{"scene": written.scene.title, "writer": written.writer} for written in shuffled]
    return _sheet(text, heads, rows), key


def of_preferences(found: Sequence[Continuation], seed: int) -> tuple[str, list[list[str]]]:
    """Return a blind sheet of pairs by two voices, and who wrote A and B of each.

    Each voice has gone on with the same scenes, as often and in the same order. Pairs of the same
    lines are left out; raises TextError if no other pairs are left.
    """
    chance = random.Random(seed)
    by_writer: dict[str, list[Continuation]] = {}
    for continuation in found:
        by_writer.setdefault(continuation.writer, []).append(continuation)
    one, other = by_writer.values()
    pairs = [chance.sample(pair, 2) for pair in zip(one, other, strict=True) if _differ(*pair)]
    if not pairs:
        raise TextError("Both voices wrote the same lines everywhere: name another voice.")
    chance.shuffle(pairs)
    rows = [[_show(a.scene.given), _show(a.lines), _show(b.lines)] for a, b in pairs]
    text = PREFERENCES.format(number=len(rows), lines=CONTINUED)
    key = [[written.writer for written in pair] for pair in pairs]
    return _sheet(text, ["scene", "A", "B", "better"], rows), key


def _differ(one: Continuation, other: Continuation) -> bool:
    return [line.text for line in one.lines] != [line.text for line in other.lines]


def key_of(sheet: Path) -> Path:
    """Return the path of the answers to a sheet of pairs, or of who wrote what."""
    return sheet.with_suffix(".key.json")


def read_rows(sheet: Path) -> list[list[str]]:
    """Return the cells of each row of a sheet, its number first; raise OSError."""
    rows = ROW.findall(sheet.read_text(encoding="utf-8"))
    return [[cell.strip() for cell in BAR.split(row)[1:-1]] for row in rows]


def score(sheet: Path) -> str:
    """Return the result of the marks or answers in a sheet, in a sentence or a table.

    Raises:
        TextError: Nobody has filled the sheet in, or an entry is not a mark or an answer.
    """
    try:
        cells = read_rows(sheet)
        answers = json.loads(key_of(sheet).read_text(encoding="utf-8"))
    except OSError as error:
        raise TextError(f"{sheet} cannot be read: {error.strerror}.") from error
    entries = [row[-1] for row in cells]
    if len(entries) != len(answers):
        raise TextError(
            f"{sheet} has {len(entries)} rows, but its key has {len(answers)}: make both again."
        )
    if isinstance(answers[0], dict):
        judged = [row[-len(JUDGED) :] for row in cells]
        return _judged(sheet, judged, [answer["writer"] for answer in answers])
    if isinstance(answers[0], list):
        return _preferred(sheet, entries, answers)
    return _told_apart(sheet, entries, answers)


def _told_apart(sheet: Path, entries: Sequence[str], answers: Sequence[str]) -> str:
    _check(sheet, entries, ("A", "B"))
    right = sum(entry == answer for entry, answer in zip(entries, answers, strict=True))
    return (
        f"{sheet.name}: people's line was told in {right} of {len(entries)} pairs "
        f"({right / len(entries):.0%})."
    )


def _preferred(sheet: Path, entries: Sequence[str], writers: Sequence[Sequence[str]]) -> str:
    """Return how often each of two voices was preferred, with the standard error."""
    _check(sheet, entries, ("A", "B", "="))
    better = Counter(
        pair["AB".index(entry)]
        for entry, pair in zip(entries, writers, strict=True)
        if entry != "="
    )
    total = better.total()
    if not total:
        return f"{sheet.name}: neither was better in any of {len(entries)} pairs."
    shares = ", ".join(
        f"{writer} {better[writer]} ({better[writer] / total:.0%})" for writer in sorted(writers[0])
    )
    return (
        f"{sheet.name}: one was better in {total} of {len(entries)} pairs: {shares}. The standard "
        f"error by chance is {0.5 / total**0.5:.0%}."
    )


def _judged(sheet: Path, rows: Sequence[Sequence[str]], writers: Sequence[str]) -> str:
    """Return the table of what was judged, by writer."""
    counts = [str(number) for number in range(CONTINUED + 1)]
    for column, name in enumerate(JUDGED):
        known = list(map(str, MARKS)) if name == "mark" else counts
        _check(sheet, [row[column] for row in rows], known, f" in {name}")
    heads = [sheet.name, "continuations", "mark", *(f"lines: {name}" for name in JUDGED[1:])]
    table = format_head(heads)
    for writer in sorted(set(writers), key=lambda name: (name != PEOPLE, name)):
        own = [list(map(int, row)) for row, by in zip(rows, writers, strict=True) if by == writer]
        marks, *shares = zip(*own, strict=True)
        error = f" ± {statistics.stdev(marks) / len(own) ** 0.5:.2f}" if len(own) > 1 else ""
        cells = [f"{sum(share) / (CONTINUED * len(own)):.0%}" for share in shares]
        mean = f"{statistics.mean(marks):.2f}{error}"
        table.append(format_row([writer, str(len(own)), mean, *cells]))
    return "\n".join(table)


def _check(sheet: Path, entries: Sequence[str], known: Collection[str], what: str = "") -> None:
    """Raise TextError for a sheet with an entry that is not among the known ones."""
    for number, entry in enumerate(entries, 1):
        if entry not in known:
            told = f"{sheet} has no valid entry{what} in row {number}"
            raise TextError(f"{told}: write one of {', '.join(known)}.")


def _sheet(text: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = [format_row(["", *heads]), format_row(["---:", *("---" for _ in heads)])]
    body = [
        format_row([str(number), *cells, *[" "] * (len(heads) - len(cells))])
        for number, cells in enumerate(rows, 1)
    ]
    return "\n".join([text, *head, *body]) + "\n"


def _show(elements: Sequence[Element]) -> str:
    return "<br><br>".join(_cell(_end_of(element.text)) for element in elements)


def _end_of(text: str) -> str:
    return text if len(text) <= LONGEST else "…" + text[-LONGEST:]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>")
