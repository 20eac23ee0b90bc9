"""Define the elements of a screenplay, and how Fountain and a page treat each kind.

To add a kind, add a member to `Kind` and its `ElementSpec` to `ELEMENT_SPECS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Name the kinds of element; the values are stored."""

    HEADING = "heading"
    ACTION = "action"
    DIALOGUE = "dialogue"
    TRANSITION = "transition"

    @property
    def spec(self) -> ElementSpec:
        """Return how Fountain and a page treat this kind."""
        return ELEMENT_SPECS[self]


@dataclass(frozen=True)
class ElementSpec:
    """Declare how Fountain and a page treat one kind of element."""

    mark: str
    """The prefix that forces a line to be of this kind in Fountain."""
    has_cue: bool = False
    """Whether the first line names a speaker, and the other lines are speech."""
    is_upper_case: bool = False
    """Whether a page shows the element in capitals."""
    is_flush_right: bool = False
    """Whether a page aligns the element with the right margin."""

    def force(self, line: str) -> str:
        """Return a line that Fountain reads as this kind, whatever the line looks like."""
        return f"{self.mark}{line}"

    def unforce(self, line: str) -> str:
        return line.removeprefix(self.mark.rstrip())


ELEMENT_SPECS: Mapping[Kind, ElementSpec] = {
    Kind.HEADING: ElementSpec(".", is_upper_case=True),
    Kind.ACTION: ElementSpec("!"),
    Kind.DIALOGUE: ElementSpec("@", has_cue=True),
    Kind.TRANSITION: ElementSpec("> ", is_flush_right=True),
}

NUMBER = r"(?:\d+|[ivx]+|one|two|three|four|five|six|seven|eight|nine|ten)"
"""Matches the number of an act or a scene, if case is ignored."""

_ACT = re.compile(rf"(?:act|akt) {NUMBER}\b(?!.*\b(?:scene|szene)\b)", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([*_]|(?<=\[\\)\[)")
_NOTE_ESCAPE = re.compile(r"\\(?<=\[\\)\[")
_SPEECH_ESCAPE = re.compile(r"^\\(?=[#=~>@!.])")


def is_act(heading: str) -> bool:
    """Return whether a heading is that of an act, such as ACT ONE, and not of a scene in it."""
    return bool(_ACT.match(heading))


@dataclass(frozen=True)
class Element:
    """Hold one element of a screenplay.

    `text` is valid Fountain, exactly as the database stores it and a model reads it: no blank line
    inside, no white space at either end of a line, no newline at the end. Make elements with
    `parse_person_text`, `parse_model_text` or `make_heading`, which guarantee that.
    """

    kind: Kind
    text: str

    @property
    def cue(self) -> str | None:
        """Return the speaker without a forcing `@` or an extension such as (V.O.), or None."""
        return self.shown[0].partition("(")[0].strip() if self.kind.spec.has_cue else None

    @property
    def one_line(self) -> str:
        """Return "SPEAKER: speech", or the text of another kind; line breaks inside stay."""
        cue, body = self.cue, self.body
        return body if cue is None else f"{cue}: {body}"

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the lines as an audience reads them, without forcing marks and escapes.

        The first line of dialogue is the cue with its extension.
        """
        return tuple(_ESCAPE.sub(r"\1", line).strip() for line in self._unforced())

    @property
    def marked(self) -> tuple[str, ...]:
        r"""Return the lines as shown, but with Fountain's emphasis: `*`, `**`, `_`, and `\*`.

        `importers.manuscript.make_shown_element` turns these lines into the element again.
        """
        return tuple(_NOTE_ESCAPE.sub("[", line).strip() for line in self._unforced())

    @property
    def body(self) -> str:
        """Return the shown text: dialogue without its cue, any other element whole."""
        return "\n".join(self.shown[1:] if self.kind.spec.has_cue else self.shown)

    @property
    def begins_scene(self) -> bool:
        """Return whether this is a heading, but not that of an act, which has scenes below it."""
        return self.kind is Kind.HEADING and not is_act(self.body)

    @property
    def is_flush_right(self) -> bool:
        """Return whether a page aligns the element with the right margin; FADE IN: stands left."""
        return self.kind.spec.is_flush_right and self.body.upper() != "FADE IN:"

    def find_marks(self) -> set[int]:
        """Return the positions in `text` of the forcing marks and escapes that `shown` lacks."""
        found, begin = {escape.start() for escape in _ESCAPE.finditer(self.text)}, 0
        for line, bare in zip(self.text.split("\n"), self._unforced(), strict=True):
            found |= set(range(begin, begin + len(line) - len(bare.lstrip())))
            begin += len(line) + 1
        return found

    def _unforced(self) -> list[str]:
        spec = self.kind.spec
        lines = self.text.split("\n")
        if spec.has_cue:
            return [spec.unforce(lines[0]), *(_SPEECH_ESCAPE.sub("", line) for line in lines[1:])]
        return [spec.unforce(line) for line in lines]
