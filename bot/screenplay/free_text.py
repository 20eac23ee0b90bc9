"""Turn text as people type it into elements, names and titles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..cleaning import clean
from ..errors import RequestError
from .elements import Element, Kind
from .fountain import (
    NAME_LIMIT,
    can_be_in_name,
    is_cue,
    is_heading,
    is_name,
    is_transition,
    make_cue,
    parse_cue,
    split_lines,
    write_action,
    write_dialogue,
    write_heading,
    write_transition,
)

TITLE_LIMIT = 100
"""The longest title of a script, in characters: the limit that Discord sets for a thread's name."""

CAST_LIMIT = 25
"""The most names in a cast, which is also the most choices that Discord shows."""

_BLANK_LINES = re.compile(r"\n\s*\n")
_SAID = re.compile(r"(@?) ?([^:\uff1a()]{1,60}?) ?(\([^()]+\))? ?[:\uff1a](?![/\d]) ?(.*)")
_DIRECTION = re.compile(r"(?:.+ )?TO|FADE (?:IN|OUT)|TITLE(?: CARD)?|SUPER|INSERT|CHYRON|NOTE")
_LOOSE_TRANSITION = re.compile(
    r"(?:\w+[ -])?(?:cut|fade|dissolve|wipe) (?:\w+ )?to:|fade (?:in:|out\.)", re.IGNORECASE
)
_PARENTHETICAL_FIRST = re.compile(r"(\([^()]+\)) ?(.+)")


def parse_person_text(text: str, character: str | None = None) -> list[Element]:
    """Return what a person typed as one or more elements; a blank line begins the next element.

    Read Fountain as Fountain, and also what people type instead: `int. diner - night`, `cut to:`,
    `MAYA: Hello.` and `MAYA (quietly): Hello.`. Everything else is action. A `character` speaks the
    first block, whatever it looks like, and each further block that would be plain action. Raises
    RequestError for a blank text, or where `character` is not a name.
    """
    blocks = [lines for block in _BLANK_LINES.split(clean(text)) if (lines := split_lines(block))]
    if not blocks:
        raise RequestError("The text is empty. Write something.")
    if character is None:
        return [element for block in blocks for element in _read_block(block)]
    cue = make_cue(parse_name(character))
    elements = [_write_speech(cue, blocks[0])]
    for block in blocks[1:]:
        elements += [_write_speech(cue, block)] if _is_plain(block) else _read_block(block)
    return elements


def _is_plain(block: list[str]) -> bool:
    """Return whether a block is action that nobody forced."""
    is_forced = block[0].startswith(Kind.ACTION.spec.mark)
    return not is_forced and [one.kind for one in _read_block(block)] == [Kind.ACTION]


def _read_block(lines: list[str]) -> list[Element]:
    """Return the elements in the lines between two blank lines."""
    elements = []
    while lines:
        element, lines = _take_element(lines)
        elements.append(element)
    return elements


def _take_element(lines: list[str]) -> tuple[Element, list[str]]:
    """Return the first element of the lines, and the lines after it."""
    first, rest = lines[0], lines[1:]
    if first.startswith(Kind.ACTION.spec.mark):
        return write_action(lines), []
    if is_heading(first):
        return make_heading(first), rest
    if _LOOSE_TRANSITION.fullmatch(first):
        return write_transition(first.upper()), rest
    if is_transition(first):
        return write_transition(first), rest
    if rest and is_cue(first) and (cue := parse_cue(first)):
        return write_dialogue(cue, rest), []
    end = next((at for at, line in enumerate(rest, 1) if _parse_said(line)), len(lines))
    if said := _parse_said(first):
        cue, *speech = said
        if speech or end > 1:
            return _write_speech(cue, [*speech, *lines[1:end]]), lines[end:]
    return write_action(lines[:end]), lines[end:]


def _parse_said(line: str) -> list[str] | None:
    """Return the lines of dialogue in `MAYA (quietly): Hello.`, cue first, or None.

    The speech may be missing, because people also type it on the lines below.
    """
    match = _SAID.fullmatch(line)
    if match is None:
        return None
    forced, speaker, aside, speech = match.groups(default="")
    is_speaker = is_name(speaker) and not _DIRECTION.fullmatch(speaker)
    if not is_speaker or not (forced or speaker.isupper()):
        return None
    cue = make_cue(parse_name(speaker))
    # Capitals in brackets are an extension such as (V.O.), which belongs on the line of the cue.
    lines = (f"{cue} {aside}", speech) if aside.isupper() else (cue, aside, speech)
    return [line for line in lines if line]


def _write_speech(cue: str, lines: Sequence[str]) -> Element:
    """Make dialogue in which the parenthetical of `(quietly) Hello.` gets its own line."""
    first, *rest = lines
    split = _PARENTHETICAL_FIRST.fullmatch(first)
    return write_dialogue(cue, (*split.groups(), *rest) if split else lines)


def make_heading(text: str) -> Element:
    """Return text as a scene heading, in capitals on one line.

    Drop everything before the first letter or digit; raise RequestError if there is none.
    """
    line = clean(" ".join(" ".join(split_lines(text)).upper().split()))
    start = next((at for at, character in enumerate(line) if character.isalnum()), None)
    if start is None:
        raise RequestError("A scene heading needs at least one letter or digit.")
    return write_heading(line[start:])


def parse_name(text: str) -> str:
    """Return a character's name in capitals with single spaces, without signs that cues use.

    Drop an extension such as `(V.O.)`. The name has 1 to `NAME_LIMIT` characters, one of them a
    letter; raises RequestError for any other, and for a line break.
    """
    line = clean(text).strip()
    if "\n" in line:
        raise RequestError("Write a character's name on one line.")
    line = re.sub(r"\([^()]*\)", " ", line)
    line = clean("".join(one if can_be_in_name(one) else " " for one in line.upper()))
    line = " ".join(line.split())
    while line and not line[0].isalnum():
        line = line[1:]
    if not any(map(str.isalpha, line)):
        raise RequestError("A character's name needs at least one letter.")
    if len(line) > NAME_LIMIT:
        raise RequestError(
            "A character's name can have at most {most} characters. Shorten it.", most=NAME_LIMIT
        )
    return line


def clean_title(text: str) -> str:
    """Return a clean title on one line of at most `TITLE_LIMIT` characters; "" if none is left."""
    line = " ".join(clean(text).split())
    return line if len(line) <= TITLE_LIMIT else clean(line[:TITLE_LIMIT]).strip()


def parse_cast(text: str) -> tuple[str, ...]:
    """Return the names in a list separated by commas or line breaks, each once, in order.

    Raises RequestError for what is not a name, and for more than `CAST_LIMIT` names.
    """
    parts = re.split(r"[,;\uff0c\u3001\n]", clean(text))
    names = tuple(dict.fromkeys(parse_name(part) for part in parts if part.strip()))
    if len(names) > CAST_LIMIT:
        raise RequestError(
            "A cast can have at most {most} characters. Name fewer.", most=CAST_LIMIT
        )
    return names
