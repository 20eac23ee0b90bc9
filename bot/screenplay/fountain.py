"""Read and write the elements of a screenplay as Fountain (https://fountain.io/syntax).

Text comes in from a model or a file, and becomes elements. Any Fountain parser reads each of them
as one element of the same kind, wherever it stands in a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from unicodedata import category

from ..cleaning import JOINERS, clean
from ..i18n.catalogue import say
from .elements import Element, Kind

NAME_LIMIT = 40
"""The longest name that a character may have, in characters."""


# Reading ---------------------------------------------------------------------------------------

_SCENE_PREFIX = re.compile(r"(?:INT|EXT|EST|I/E|INT/EXT)[ .]", re.IGNORECASE | re.ASCII)
_TRANSITION = re.compile(r"[A-Z .'/-]+TO:")
_FADE = re.compile(r"FADE (?:IN:|OUT\.)")
_MARKED = re.compile(r"[#=~>@]|\.(?!\.)")
_CUE = re.compile(r"(@?) ?([^()^]+?) ?((?:\([^()]+\) ?)*)\^*")


def classify(text: str) -> Kind:
    """Return which kind of element Fountain reads `text` as, between two blank lines.

    Sections, synopses, lyrics, notes, page breaks and centred text count as action, because a
    script has no other use for them. A forcing `.`, `>` or `@` without a letter or a digit to force
    is text. A scene heading with more lines below it is action, never the cue of a speaker.
    """
    lines = [line for raw in text.split("\n") if (line := raw.strip())]
    if not lines or lines[0].startswith(Kind.ACTION.spec.mark):
        return Kind.ACTION
    if len(lines) > 1:
        return Kind.DIALOGUE if is_cue(lines[0]) else Kind.ACTION
    if is_heading(lines[0]):
        return Kind.HEADING
    return Kind.TRANSITION if is_transition(lines[0]) else Kind.ACTION


def has_scene_prefix(line: str) -> bool:
    """Return whether a line begins with INT, EXT or another prefix of Fountain's headings."""
    return bool(_SCENE_PREFIX.match(line))


def is_heading(line: str) -> bool:
    """Return whether Fountain reads a line as a scene heading."""
    return has_scene_prefix(line) or (line.startswith(".") and line[1:2].isalnum())


def is_transition(line: str) -> bool:
    """Return whether Fountain reads a line as a transition."""
    if line.startswith(">") and not _has_combining_mark(line):
        return not line.endswith("<") and any(map(str.isalnum, line))
    return line.endswith("TO:") and line.isupper() and not _MARKED.match(line)


def _has_combining_mark(line: str) -> bool:
    """Return whether the first character of a line carries a combining mark.

    Such a character forces nothing, because the combining mark cannot stand without it.
    """
    return category(line[1:2] or " ")[0] == "M"


def is_cue(line: str) -> bool:
    """Return whether Fountain reads a line as a speaker's cue if speech follows below."""
    if line.startswith("@"):
        return any(map(str.isalpha, line))
    return line.partition("(")[0].isupper() and not (_MARKED.match(line) or has_scene_prefix(line))


def parse_cue(line: str) -> str | None:
    """Return a cue without a mark of dual dialogue, or None if the line names nobody."""
    match = _CUE.fullmatch(" ".join(line.split()))
    if match is None or not is_name(match[2]):
        return None
    return " ".join(filter(None, (match[1] + match[2], match[3].strip())))


def find_cue(line: str) -> str | None:
    """Return the cue that Fountain reads in a line if speech follows below, or None."""
    return parse_cue(line) if is_cue(line) else None


def is_name(text: str) -> bool:
    """Return whether text can name a character: "THE 2ND O'HARA", but not "STOP! STOP!"."""
    return (
        len(text) <= NAME_LIMIT
        and text[:1].isalnum()
        and any(map(str.isalpha, text))
        and all(map(can_be_in_name, text))
    )


def can_be_in_name(character: str) -> bool:
    """Return whether a character's name may contain this letter, digit, mark or sign."""
    return (
        character.isalnum()
        or character in " .'\u2019-&/#_+"
        or character in JOINERS
        or category(character)[0] == "M"
    )


# Writing ---------------------------------------------------------------------------------------

_OPENER = re.compile(r"/(?=\*)|\[(?=\[)")
# Without ASCII, because some parsers fold case beyond it and read "İnt." as a heading.
_LOOSE_SCENE_PREFIX = re.compile(_SCENE_PREFIX.pattern, re.IGNORECASE)


def split_lines(text: str) -> list[str]:
    """Return the clean lines that are not blank, with openers of comments and notes escaped."""
    lines = (line.strip() for line in clean(text).split("\n"))
    return [_OPENER.sub(r"\g<0>\\", line) for line in lines if line]


def write_heading(line: str) -> Element:
    """Make a scene heading of a line, forced with a dot unless it begins with INT or the like."""
    return Element(Kind.HEADING, line if has_scene_prefix(line) else Kind.HEADING.spec.force(line))


def write_transition(line: str) -> Element:
    """Make a transition of a line, forced with `>` unless every parser knows it as one."""
    plain = line.startswith(">") or (_TRANSITION.fullmatch(line) and line[:-3].isupper())
    return Element(Kind.TRANSITION, line if plain else Kind.TRANSITION.spec.force(line))


def write_dialogue(cue: str, lines: Iterable[str]) -> Element:
    """Make dialogue of a cue and the lines below it."""
    # Fountain cannot force speech, so a backslash keeps a leading mark from having its effect.
    speech = (f"\\{line}" if _MARKED.match(line) or line[0] == "!" else line for line in lines)
    return Element(Kind.DIALOGUE, "\n".join((cue, *speech)))


def write_action(lines: Iterable[str]) -> Element:
    """Make action of lines, and force each line that Fountain would read as something else."""
    force = Kind.ACTION.spec.force
    first, *rest = (force(line) if _looks_marked(line) else line for line in lines)
    if not first.startswith("!") and _looks_forced(first, has_more=bool(rest)):
        first = force(first)
    return Element(Kind.ACTION, "\n".join((first, *rest)))


def _looks_marked(line: str) -> bool:
    """Return whether Fountain would drop or obey a mark at the start of a line of action."""
    is_literal = line == "!" or (line[0] == "!" and _has_combining_mark(line))
    return is_literal or bool(_MARKED.match(line))


def _looks_forced(line: str, *, has_more: bool) -> bool:
    """Return whether some parser could read the first line of action as a heading or a cue."""
    return bool(_LOOSE_SCENE_PREFIX.match(line)) or (has_more and line.partition("(")[0].isupper())


def parse_model_text(text: str) -> Element | None:
    """Return what a model wrote as one element, or None if nothing readable is left of it.

    Valid Fountain comes back unchanged. Anything else becomes an element that Fountain reads as the
    returned kind: action is forced with `!`, and openers of comments and notes are escaped.
    """
    lines = split_lines(text)
    if not lines:
        return None
    match classify("\n".join(lines)):
        case Kind.HEADING:
            return Element(Kind.HEADING, lines[0])
        case Kind.TRANSITION:
            return write_transition(lines[0])
        case Kind.DIALOGUE if cue := parse_cue(lines[0]):
            return write_dialogue(cue, lines[1:])
        case _:
            is_fade = len(lines) == 1 and _FADE.fullmatch(lines[0])
            return write_transition(lines[0]) if is_fade else write_action(lines)


def make_cue(name: str) -> str:
    """Return the line above a speech by `name`, forced with `@` if Fountain needs that."""
    is_plain = name.isupper() and not has_scene_prefix(name)
    return name if is_plain else Kind.DIALOGUE.spec.force(name)


# A whole script --------------------------------------------------------------------------------


def format_fountain(
    title: str, elements: Iterable[Element], more: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Return a whole script, titled or not, as the text of a `.fountain` file with a title page.

    ``more`` has further entries of the title page: the lines under each of Fountain's keys.
    """
    page = [f"Title: {' '.join(split_lines(title)) or say('Untitled')}"]
    for key, entries in (more or {}).items():
        lines = [line for entry in entries for line in split_lines(entry)]
        page += [f"{key}:", *(f"    {line}" for line in lines)] if lines else []
    return "\n\n".join(("\n".join(page), *(element.text for element in elements))) + "\n"


def split_fountain(text: str) -> list[str]:
    """Return the blocks between the blank lines of a text; in Fountain these are its elements."""
    return text.strip("\n").split("\n\n")


def format_for_model(text: str) -> str:
    """Return the text that a model reads for an element in Fountain.

    Two elements share the blank line between them: its first newline ends the element before, its
    second begins the next one. So reading the elements one by one is the same as reading the
    script. A forced cue such as `@Nora` is in capitals, by which a model knows a cue.
    """
    if text.startswith(Kind.DIALOGUE.spec.mark):
        cue, newline, speech = text.partition("\n")
        text = f"{cue.upper()}{newline}{speech}"
    return f"\n{text}\n"
