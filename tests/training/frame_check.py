"""Check frames: find what makes their scenes wrong, and what README.md asks for.

A rule is a function that yields messages about a text, a line or a frame.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.data.corpora.scenes.drawing import ENGLISH, FORMS
from training.data.corpora.scenes.frames import (
    CAST,
    USE,
    Frame,
    Line,
    Lists,
    Slot,
    Source,
    is_capital,
    is_film_place,
    read_name,
)

LENGTHS = {"film": (80, 110), "stage": (125, 125)}
"""The most characters of a speech and of an action by kind of frame."""
LINES = range(3, 25)
"""How many lines a frame may have, headings apart."""
STOCK = 4
"""In how many frames an alternative is a stock line, which a voice would learn by heart."""

CLASHES = {"INT.": ("outdoors", "spot"), "EXT.": ("room", "spot")}
"""The lists whose words make no heading of this kind."""

BARE_ARTICLE = re.compile(r"\b[Aa]n? \{")
PLURAL = re.compile(r"\}e?s\b")
DETERMINER = re.compile(r"(?:the|an?|some|my|your|his|her|our|their|no)\b|\{[Aa]n? ")
AFTER_ARTICLE = re.compile(r"\b(?:the|my|your|our|no|every|another|one) $", re.IGNORECASE)
SENTENCE_START = re.compile(r"(?:^|(?<!\.)(?<!\bMrs)(?<!\bMr)(?<!\bDr)(?<!\bSt)[.?!][\"')]? )$")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a frame, and where."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def find_faults(source: Source) -> list[Fault]:
    """Return the faults of all frames, in the order of files and lines."""
    found = [fault for frame in source.frames for fault in _check_frame(frame, source.lists)]
    found += _check_titles(source)
    found += _find_stock_lines(source)
    found += _check_unmet_words(source)
    return sorted(found, key=lambda fault: (fault.file, fault.line))


def _check_frame(frame: Frame, lists: Lists) -> Iterator[Fault]:
    """Yield the faults that a frame has by itself."""
    slots = {name: slot for slot in frame.slots for name in slot.names}
    used = {read_name(use) for _, text in _list_texts(frame) for use in USE.finditer(text)}
    messages = [(frame.at, _check_size(frame))]
    messages += [(slot.at, _check_slot(slot, frame, used, lists)) for slot in frame.slots]
    messages += [(line.at, _check_line(line, frame.kind)) for line in frame.lines]
    for at, text in _list_texts(frame):
        messages += [(at, _check_braces(text, slots)), (at, _check_typing(text))]
    for line in frame.lines:
        rule = _check_place if line.role == "PLACE" else _check_capitals
        messages += [(line.at, rule(text, slots, lists)) for text in line.alternatives]
    for at, found in messages:
        yield from (Fault(frame.file, at, message) for message in found)


def _list_texts(frame: Frame) -> Iterator[tuple[int, str]]:
    """Yield all texts of a frame that may have slots, with their lines."""
    for slot in frame.slots:
        yield from ((slot.at, word.text) for row in slot.rows for word in row)
    for line in frame.lines:
        yield from ((line.at, text) for text in line.alternatives)
        if line.parenthetical:
            yield line.at, line.parenthetical


# Rules


def _check_size(frame: Frame) -> Iterator[str]:
    count = len(frame.lines) - len(frame.headings)
    if count not in LINES:
        yield f"{count} lines: write {LINES[0]} to {LINES[-1]}"
    if not frame.lines or frame.lines[0].role != "PLACE":
        yield "a frame begins with a PLACE"
    if len({is_film_place(place) for line in frame.headings for place in line.alternatives}) > 1:
        yield "some places have INT. or EXT., and some have not"


def _check_slot(slot: Slot, frame: Frame, used: set[str], lists: Lists) -> Iterator[str]:
    names = [name for other in frame.slots for name in other.names]
    for name in slot.names:
        if names.count(name) > 1:
            yield f"the slot {name} stands twice"
        if name not in used:
            yield f"the slot {name} is never used"
        if name.upper() in CAST:
            yield f"the slot {name} has the name of a member of the cast"
    if any(len(row) != len(slot.names) for row in slot.rows):
        yield f"each alternative has {len(slot.names)} words between slashes"
    yield from (f"there is no list @{name}" for name in slot.lists if name not in lists)
    if slot.lists and len(slot.names) > 1:
        yield "linked slots take no list"
    if len(slot.rows) < 2 and not slot.lists:
        yield "write at least 2 alternatives"


def _check_line(line: Line, kind: str) -> Iterator[str]:
    if len(line.alternatives) < (2 if line.role == "PLACE" else 3):
        yield f"only {len(line.alternatives)} alternatives: write more"
    if len({text.lower() for text in line.alternatives}) < len(line.alternatives):
        yield "an alternative stands twice"
    most = LENGTHS[kind][line.role == "-"]
    for text in line.alternatives:
        if line.role != "PLACE" and len(text) > most:
            yield f"too long by {len(text) - most} characters: {text}"


def _check_braces(text: str, slots: dict[str, Slot]) -> Iterator[str]:
    """Check what stands in braces."""
    for use in USE.finditer(text):
        slot = slots.get(read_name(use))
        if use["name"] in CAST:
            if (use["form"] or "he").lower() not in FORMS or (use["article"] and use["form"]):
                yield f"there is no form {use[0]}: {text}"
        elif not slot:
            yield f"there is no slot {use[0]}: {text}"
        elif (use["form"] or "s").lower() not in ("s", *FORMS) or (use["article"] and use["form"]):
            yield f"there is no form {use[0]}: {text}"
        elif use["article"] or (not use["form"] and AFTER_ARTICLE.search(text[: use.start()])):
            index = slot.names.index(read_name(use))
            words = [row[index].text for row in slot.rows if index < len(row)]
            if word := next(filter(DETERMINER.match, words), ""):
                yield f"two articles with “{word}”: {text}"


def _check_typing(text: str) -> Iterator[str]:
    """Check what needs no knowledge of the slots."""
    if PLURAL.search(text):
        yield f"write {{thing.s}}, not {{thing}}s: {text}"
    if re.search(r"[{}]", USE.sub("", text)):
        yield f"braces that hold no slot: {text}"
    if BARE_ARTICLE.search(text):
        yield f"write {{a thing}}, not a {{thing}}: {text}"
    if "  " in text or text != text.strip():
        yield f"a space too many: {text}"
    if not text.strip():
        yield "an empty alternative"
    if "|" in text:
        yield f"alternatives are separated by ` | `: {text}"
    if not text.isascii():
        yield f"a character that is not ASCII: {text}"


def _check_place(text: str, slots: dict[str, Slot], _: Lists) -> Iterator[str]:
    """Check that a heading draws rooms inside and places outside."""
    drawn = {
        name
        for use in USE.finditer(text)
        if read_name(use) in slots
        for name in slots[read_name(use)].lists
    }
    for name in drawn.intersection(CLASHES.get(text[:4], ())):
        yield f"{text[:4]} with a word of @{name}"


def _check_capitals(text: str, slots: dict[str, Slot], lists: Lists) -> Iterator[str]:
    """Check that sentences begin with capitals."""
    if text[:1].islower():
        yield f"begins with a small letter: {text}"
    for use in USE.finditer(text):
        if is_capital(use) or not SENTENCE_START.search(text[: use.start()]):
            continue
        if use["form"] or use["article"] or _draws_small(slots.get(use["name"]), lists):
            yield f"{use[0]} begins a sentence: write it with a capital: {text}"


def _draws_small(slot: Slot | None, lists: Lists) -> bool:
    """Tell whether a slot may draw a word that begins with a small letter."""
    if not slot:
        return False
    listed = [word for name in slot.lists if name in lists for word in lists[name].learned]
    own = [word for row in slot.rows for word in row]
    return any(word.text[:1].islower() for word in (*listed, *own))


# Rules for all frames together


def _check_titles(source: Source) -> Iterator[Fault]:
    first: dict[str, Frame] = {}
    for frame in source.frames:
        known = first.setdefault(frame.title.lower(), frame)
        if known is not frame:
            message = f"the title stands in {known.file.name}:{known.at} too"
            yield Fault(frame.file, frame.at, message)


def _find_stock_lines(source: Source) -> Iterator[Fault]:
    places: dict[str, dict[str, tuple[Frame, Line]]] = defaultdict(dict)
    for frame in source.frames:
        for line in frame.lines:
            if line.role != "PLACE":
                for text in line.alternatives:
                    places[text][frame.title] = (frame, line)
    for text, found in places.items():
        for frame, line in found.values() if len(found) > STOCK else ():
            message = f"stands in {len(found)} frames: write it in other words: {text}"
            yield Fault(frame.file, line.at, message)


def _check_unmet_words(source: Source) -> Iterator[Fault]:
    """Find held-out words in the frames' own texts."""
    words = compile_unmet_words(source.lists)
    for frame in source.frames:
        for at, text in (*_list_texts(frame), (frame.at, frame.title)):
            if match := words.search(text.lower()):
                message = f"“{match[0]}” is held out (lists.txt): use another word: {text}"
                yield Fault(frame.file, at, message)


def compile_unmet_words(lists: Lists) -> re.Pattern[str]:
    """Return the expression that finds a held-out word, singular or plural, in small letters."""
    singular = {word.text for words in lists.values() for word in words.held_out}
    forms = {*singular, *map(ENGLISH.plural_noun, singular)}
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    # Without held-out words, nothing is found.
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})\b")
