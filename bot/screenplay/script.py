"""A screenplay as Fountain (fountain.io): what an element is, and how text becomes one.

Everything here is pure. Text comes in from a person or from a voice, and elements come out that any
Fountain parser reads as exactly one thing each, wherever in a script they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category, combining, normalize

from ..i18n.catalogue import say

NAME_LIMIT = 40
"""The longest name that a character may have, in characters."""

TITLE_LIMIT = 100
"""The longest title of a script, in characters: Discord takes as much as a thread's name."""

CAST_LIMIT = 25
"""The most names that a cast may have, which is also the most choices that Discord shows."""


class ScriptError(ValueError):
    """What a person wrote cannot become part of a script; the message is one sentence for them."""


class Kind(StrEnum):
    """What an element of a screenplay is."""

    HEADING = "heading"
    ACTION = "action"
    DIALOGUE = "dialogue"
    TRANSITION = "transition"


@dataclass(frozen=True)
class Element:
    """One element of a screenplay.

    `text` is valid Fountain, exactly as it is stored and as a voice reads it: no blank line inside,
    no white space at either end of a line, no newline at the end. Made by `from_person`,
    `from_voice` and `heading`, which see to that.
    """

    kind: Kind
    text: str

    @property
    def cue(self) -> str | None:
        """Who speaks, without an extension such as (V.O.) or a forcing `@`; None if nobody does."""
        if self.kind is not Kind.DIALOGUE:
            return None
        return self.shown[0].partition("(")[0].strip()

    @property
    def one_line(self) -> str:
        """Return who speaks and what they say, or the text of another element, on one line."""
        return self.body if self.cue is None else f"{self.cue}: {self.body}"

    @property
    def shown(self) -> tuple[str, ...]:
        """The lines as an audience reads them, without forcing characters and escapes.

        The first line of dialogue is the cue with its extension.
        """
        return tuple(_ESCAPE.sub(r"\1", line).strip() for line in self._bare())

    @property
    def marked(self) -> tuple[str, ...]:
        r"""The lines as shown, but with Fountain's emphasis: `*`, `**`, `_`, and `\*` for a star.

        `shown_as` makes the element of them again.
        """
        return tuple(_NOTE_ESCAPE.sub("[", line).strip() for line in self._bare())

    def _bare(self) -> list[str]:
        """The lines without forcing characters."""
        first, *rest = self.text.split("\n")
        match self.kind:
            case Kind.HEADING:
                return [first.removeprefix(".")]
            case Kind.TRANSITION:
                return [first.removeprefix(">")]
            case Kind.DIALOGUE:
                spoken = (_SPOKEN_ESCAPE.sub("", line) for line in rest)
                return [first.removeprefix("@"), *spoken]
            case Kind.ACTION:
                return [line.removeprefix("!") for line in (first, *rest)]

    @property
    def body(self) -> str:
        """The words as an audience reads them: dialogue without its cue, everything else whole."""
        return "\n".join(self.shown[1:] if self.kind is Kind.DIALOGUE else self.shown)


# Reading Fountain ------------------------------------------------------------------------------

_HEADING = re.compile(r"(?:INT|EXT|EST|I/E|INT/EXT)[ .]", re.IGNORECASE | re.ASCII)
_TRANSITION = re.compile(r"[A-Z .'/-]+TO:")
_FADE = re.compile(r"FADE (?:IN:|OUT\.)")
_MARKED = re.compile(r"[#=~>@]|\.(?!\.)")
_CUE = re.compile(r"(@?) ?([^()^]+?) ?((?:\([^()]+\) ?)*)\^*")


def classify(text: str) -> Kind:
    """What Fountain says that `text` is, when it stands between two blank lines.

    Sections, synopses, lyrics, notes, page breaks and centered text count as action: a script has
    no other use for them. A forcing `.`, `>` or `@` with neither a letter nor a digit to force is
    text. A scene heading with more lines under it is action, and never the cue of a speaker.
    """
    lines = [line for raw in text.split("\n") if (line := raw.strip())]
    if not lines or lines[0].startswith("!"):
        return Kind.ACTION
    if len(lines) > 1:
        return Kind.DIALOGUE if _is_cue(lines[0]) else Kind.ACTION
    if _is_heading(lines[0]):
        return Kind.HEADING
    return Kind.TRANSITION if _is_transition(lines[0]) else Kind.ACTION


def _is_heading(line: str) -> bool:
    return bool(_HEADING.match(line)) or (line.startswith(".") and line[1:2].isalnum())


def _is_transition(line: str) -> bool:
    if line.startswith(">"):
        return not line.endswith("<") and any(map(str.isalnum, line))
    return line.endswith("TO:") and line.isupper() and not _MARKED.match(line)


def _is_cue(line: str) -> bool:
    if line.startswith("@"):
        return any(map(str.isalpha, line))
    return line.partition("(")[0].isupper() and not (_MARKED.match(line) or _HEADING.match(line))


def _cue(line: str) -> str | None:
    """The line as a cue that stands alone, or None where it names nobody."""
    match = _CUE.fullmatch(" ".join(line.split()))
    if match is None or not _is_name(match[2]):
        return None
    return " ".join(filter(None, (match[1] + match[2], match[3].strip())))


def _is_name(text: str) -> bool:
    """Whether it could be somebody: "THE 2ND O'HARA", but not "STOP! STOP!"."""
    return (
        len(text) <= NAME_LIMIT
        and text[:1].isalnum()
        and any(map(str.isalpha, text))
        and all(map(_in_names, text))
    )


def _in_names(character: str) -> bool:
    return (
        character.isalnum()
        or character in " .'\u2019-&/#_+"
        or character in _JOINERS
        or category(character)[0] == "M"
    )


# Writing Fountain ------------------------------------------------------------------------------

_OPENER = re.compile(r"/(?=\*)|\[(?=\[)")
_ESCAPE = re.compile(r"\\([*_]|(?<=\[\\)\[)")
_NOTE_ESCAPE = re.compile(r"\\(?<=\[\\)\[")
_SPOKEN_ESCAPE = re.compile(r"^\\(?=[#=~>@!.])")
# Wider than `_HEADING`: some parsers fold case beyond ASCII, so to them "İnt." is a heading.
_HEADING_TO_SOME = re.compile(_HEADING.pattern, re.IGNORECASE)


def _lines(text: str) -> list[str]:
    """The lines that say something, with nothing in them that opens a comment or a note."""
    lines = (line.strip() for line in clean(text).split("\n"))
    return [_OPENER.sub(r"\g<0>\\", line) for line in lines if line]


def _transition(line: str) -> Element:
    plain = line.startswith(">") or (_TRANSITION.fullmatch(line) and line[:-3].isupper())
    return Element(Kind.TRANSITION, line if plain else f"> {line}")


def _dialogue(cue: str, lines: Iterable[str]) -> Element:
    # Fountain has no forcing character for speech, so a backslash keeps a marker from being one.
    spoken = (f"\\{line}" if _MARKED.match(line) or line[0] == "!" else line for line in lines)
    return Element(Kind.DIALOGUE, "\n".join((cue, *spoken)))


def _action(lines: Iterable[str]) -> Element:
    first, *rest = (f"!{line}" if line == "!" or _MARKED.match(line) else line for line in lines)
    if not first.startswith("!") and _misread(first, more=bool(rest)):
        first = f"!{first}"
    return Element(Kind.ACTION, "\n".join((first, *rest)))


def _misread(line: str, more: bool) -> bool:
    """Whether a parser could take the first line of action for a heading or for a cue."""
    return bool(_HEADING_TO_SOME.match(line)) or (more and line.partition("(")[0].isupper())


def from_voice(text: str) -> Element | None:
    """What a voice wrote, as one element; None when nothing readable is left of it.

    Text that is valid already comes back unchanged. Everything else, rubbish included, becomes an
    element that Fountain reads as the reported kind: action is forced with `!`, and what would open
    a comment or a note is escaped.
    """
    lines = _lines(text)
    if not lines:
        return None
    match classify("\n".join(lines)):
        case Kind.HEADING:
            return Element(Kind.HEADING, lines[0])
        case Kind.TRANSITION:
            return _transition(lines[0])
        case Kind.DIALOGUE if cue := _cue(lines[0]):
            return _dialogue(cue, lines[1:])
        case _:
            is_fade = len(lines) == 1 and _FADE.fullmatch(lines[0])
            return _transition(lines[0]) if is_fade else _action(lines)


def shown_as(kind: Kind, lines: Sequence[str]) -> Element | None:
    """The element of a kind that has these lines as its `Element.marked`, as other formats give it.

    None when nothing readable is there. What cannot be of that kind, such as speech by nobody who
    has a name, is action.
    """
    whole = [line for text in lines for line in _lines(text)]
    if not whole:
        return None
    element = _shown_as(kind, whole)
    if element and classify(element.text) is kind:
        return element
    action = _action(f"!{line}" if line.startswith("!") else line for line in whole)
    plain = classify(action.text) is Kind.ACTION
    return action if plain else Element(Kind.ACTION, f"!{action.text}")


def _shown_as(kind: Kind, lines: list[str]) -> Element | None:
    one = " ".join(lines)
    match kind:
        case Kind.HEADING:
            return Element(kind, one if _HEADING.match(one) else f".{one}")
        case Kind.TRANSITION:
            return _transition(one)
        case Kind.DIALOGUE:
            cue = _cue(lines[0]) or _named(lines[0])
            if cue is None:
                return None
            return _dialogue(cue if _is_cue(cue) else f"@{cue}", lines[1:])
        case Kind.ACTION:
            return None


def _named(line: str) -> str | None:
    """Whoever is named where a cue should be, such as “WHO?”; None for nobody."""
    try:
        return name(line)
    except ScriptError:
        return None


# What people type ------------------------------------------------------------------------------

_BLANK_LINES = re.compile(r"\n\s*\n")
_SAID = re.compile(r"(@?) ?([^:\uff1a()]{1,60}?) ?(\([^()]+\))? ?[:\uff1a](?![/\d]) ?(.*)")
_DIRECTION = re.compile(r"(?:.+ )?TO|FADE (?:IN|OUT)|TITLE(?: CARD)?|SUPER|INSERT|CHYRON|NOTE")
_LOOSE_TRANSITION = re.compile(
    r"(?:\w+[ -])?(?:cut|fade|dissolve|wipe) (?:\w+ )?to:|fade (?:in:|out\.)", re.IGNORECASE
)
_PARENTHETICAL_FIRST = re.compile(r"(\([^()]+\)) ?(.+)")


def from_person(text: str, character: str | None = None) -> list[Element]:
    """What a person typed, as one or more elements; a blank line begins the next one.

    Fountain is read as Fountain, and so is what people type instead of it: `int. diner - night`,
    `cut to:`, `MAYA: Hello.` and `MAYA (quietly): Hello.`. Anything else is action. With a
    `character`, the first block is their speech, whatever it looks like, and so is every further
    block that would otherwise be plain action.

    Raises:
        ScriptError: nothing was written, or `character` is not a name.
    """
    blocks = [lines for block in _BLANK_LINES.split(clean(text)) if (lines := _lines(block))]
    if not blocks:
        raise ScriptError(say("There is nothing to write yet: the text is empty."))
    if character is None:
        return [element for block in blocks for element in _read(block)]
    cue = cue_line(name(character))
    elements = [_speech(cue, blocks[0])]
    for block in blocks[1:]:
        elements += [_speech(cue, block)] if _is_plain(block) else _read(block)
    return elements


def _is_plain(block: list[str]) -> bool:
    return not block[0].startswith("!") and [one.kind for one in _read(block)] == [Kind.ACTION]


def _read(lines: list[str]) -> list[Element]:
    """A block of lines that a person typed, as elements."""
    elements = []
    while lines:
        element, lines = _take(lines)
        elements.append(element)
    return elements


def _take(lines: list[str]) -> tuple[Element, list[str]]:
    """The element that the lines begin with, and the lines after it."""
    first, rest = lines[0], lines[1:]
    if first.startswith("!"):
        return _action(lines), []
    if _is_heading(first):
        return heading(first), rest
    if _LOOSE_TRANSITION.fullmatch(first):
        return _transition(first.upper()), rest
    if _is_transition(first):
        return _transition(first), rest
    if rest and _is_cue(first) and (cue := _cue(first)):
        return _dialogue(cue, rest), []
    end = next((at for at, line in enumerate(rest, 1) if _said(line)), len(lines))
    if said := _said(first):
        cue, *spoken = said
        if spoken or end > 1:
            return _speech(cue, [*spoken, *lines[1:end]]), lines[end:]
    return _action(lines[:end]), lines[end:]


def _said(line: str) -> list[str] | None:
    """`MAYA (quietly): Hello.` as the lines of dialogue, cue first; None if it is not of that form.

    The speech may be missing, where it is expected on the lines below.
    """
    match = _SAID.fullmatch(line)
    if match is None:
        return None
    forced, speaker, aside, speech = match.groups(default="")
    named = _is_name(speaker) and not _DIRECTION.fullmatch(speaker)
    if not named or not (forced or speaker.isupper()):
        return None
    if aside.isupper():
        return [line for line in (f"{cue_line(name(speaker))} {aside}", speech) if line]
    return [line for line in (cue_line(name(speaker)), aside, speech) if line]


def _speech(cue: str, lines: Sequence[str]) -> Element:
    """Dialogue in which `(quietly) Hello.` gets a line for the parenthetical."""
    first, *rest = lines
    split = _PARENTHETICAL_FIRST.fullmatch(first)
    return _dialogue(cue, (*split.groups(), *rest) if split else lines)


def heading(text: str) -> Element:
    """A scene heading: `INT. DINER - NIGHT` as it is, anything else forced with a dot.

    It is upper-cased and put on one line. What stands before the first letter or digit is dropped.

    Raises:
        ScriptError: there is no letter and no digit in it.
    """
    line = clean(" ".join(" ".join(_lines(text)).upper().split()))
    start = next((at for at, character in enumerate(line) if character.isalnum()), None)
    if start is None:
        raise ScriptError(say("A scene heading needs at least one letter or digit."))
    line = line[start:]
    return Element(Kind.HEADING, line if _HEADING.match(line) else f".{line}")


def name(text: str) -> str:
    """A character's name: upper-case, single spaces, nothing that means something else in a cue.

    An extension such as `(V.O.)` is dropped. 1 to `NAME_LIMIT` characters, at least one a letter.

    Raises:
        ScriptError: it has a line break, no letter, or is too long.
    """
    line = clean(text).strip()
    if "\n" in line:
        raise ScriptError(say("A character's name must be on one line."))
    line = re.sub(r"\([^()]*\)", " ", line)
    line = clean("".join(one if _in_names(one) else " " for one in line.upper()))
    line = " ".join(line.split())
    while line and not line[0].isalnum():
        line = line[1:]
    if not any(map(str.isalpha, line)):
        raise ScriptError(say("A character's name needs at least one letter."))
    if len(line) > NAME_LIMIT:
        raise ScriptError(
            say("A character's name can have at most {most} characters.", most=NAME_LIMIT)
        )
    return line


def cue_line(name: str) -> str:
    """The line above a speech by `name`: itself, or forced with `@` where Fountain needs that."""
    return name if name.isupper() and not _HEADING.match(name) else f"@{name}"


def titled(text: str) -> str:
    """A title: clean, on one line, at most `TITLE_LIMIT` characters; empty where none is left."""
    line = " ".join(clean(text).split())
    return line if len(line) <= TITLE_LIMIT else clean(line[:TITLE_LIMIT]).strip()


def cast(text: str) -> tuple[str, ...]:
    """The names in a list that is separated by commas or line breaks, each once, in its order.

    Raises:
        ScriptError: one of them is not a name, or there are more than `CAST_LIMIT`.
    """
    parts = re.split(r"[,;\uff0c\u3001\n]", clean(text))
    names = tuple(dict.fromkeys(name(part) for part in parts if part.strip()))
    if len(names) > CAST_LIMIT:
        raise ScriptError(say("A cast can have at most {most} characters.", most=CAST_LIMIT))
    return names


# Text ------------------------------------------------------------------------------------------

_BREAK = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_JOINERS = "\u200c\u200d"
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_MARKS_LIMIT = 2


def clean(text: str) -> str:
    """Text from anywhere, with nothing in it that is not seen.

    NFC, line breaks as LF, every other space as a space. Control, private-use, bidirectional and
    zero-width characters are dropped, save for the joiners inside emoji and inside words of the
    scripts that are spelt with them. A letter keeps at most two combining marks.
    """
    text = _INVISIBLE.sub("", _BREAK.sub("\n", text))
    return normalize("NFC", _joined(normalize("NFC", "".join(map(_visible, text)))))


def _visible(character: str) -> str:
    if character == "\n" or character in _JOINERS:
        return character
    kind = category(character)
    if kind == "Zs" or character == "\t":
        return " "
    return "" if kind in {"Cc", "Cf", "Cs", "Co"} or _is_no_character(character) else character


def _is_no_character(character: str) -> bool:
    """Whether Unicode will never have a character there; no XML may have the last two of them."""
    code = ord(character)
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def _joined(text: str) -> str:
    """Without joiners that join nothing and marks that sit on nothing or on too many others."""
    kept: list[str] = []
    base, marks = "", _MARKS_LIMIT
    for at, character in enumerate(text):
        kind = category(character)
        if kind == "Cf":
            joins = {"Lo", "So"}
            if (
                base not in joins | {"Mc", "Sk"}
                or category(text[at + 1 : at + 2] or " ") not in joins
            ):
                continue
        elif kind in {"Mn", "Me"} or combining(character):
            marks += 1
            if marks > _MARKS_LIMIT:
                continue
        elif kind == "Mc":
            # A vowel sign has a place of its own, but what stands on it stands on the letter.
            base = kind
        else:
            base, marks = kind, _MARKS_LIMIT if character.isspace() else 0
        kept.append(character)
    return "".join(kept)


# A whole script --------------------------------------------------------------------------------


def fountain(
    title: str, elements: Iterable[Element], more: Mapping[str, Sequence[str]] | None = None
) -> str:
    """A whole script as the text of a `.fountain` file, with a title page.

    `more` is what the title page says besides, by key; each line of it stands on its own.
    """
    page = [f"Title: {' '.join(_lines(title)) or say('Untitled')}"]
    for key, entries in (more or {}).items():
        lines = [line for entry in entries for line in _lines(entry)]
        page += [f"{key}:", *(f"    {line}" for line in lines)] if lines else []
    return "\n\n".join(("\n".join(page), *(element.text for element in elements))) + "\n"


def blocks(text: str) -> list[str]:
    """Return what stands between the blank lines of a text: its elements, where it is Fountain."""
    return text.strip("\n").split("\n\n")


def as_read(text: str) -> str:
    """How a voice reads an element, given as Fountain.

    The blank line between two elements is shared: its first newline ends the element before, and
    the second begins the next one. So reading the elements one after another is reading the script.
    """
    return f"\n{text}\n"
