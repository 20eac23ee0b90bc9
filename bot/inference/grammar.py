"""Grammars of Fountain: the form of an element of each kind, as automata.

Every text that a grammar accepts is valid Fountain, and is one element of the requested kind to
`screenplay` and to other parsers. All functions here are pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from ..i18n.catalogue import phrase, say
from ..screenplay.elements import Kind
from ..screenplay.fountain import cue_line
from .alphabet import Alphabet, alphabet_of
from .automaton import (
    ACCEPT,
    FREE,
    REJECT,
    Automaton,
    Machine,
    Mask,
    Rows,
    build_machine,
    intersect,
    trim,
    unite,
)

CUE_LIMIT = 40
"""The longest line that can become a cue when there is no cast, in characters."""

HEADING_LIMIT = 80
"""The longest scene heading, in characters."""

EXTENSIONS = ("V.O.", "O.S.", "CONT'D")
"""The extensions that may stand in parentheses behind the name in a cue."""

_UNSPELT = phrase("This voice cannot spell any line.")
_UNSPELT_SPEECH = phrase("This voice cannot spell speech.")
_UNSPELT_ACTION = phrase("This voice cannot spell action.")
_UNSPELT_HEADING = phrase("This voice cannot spell a scene heading.")


def element(
    vocabulary: Sequence[str], kind: Kind | None, cast: Sequence[str] = (), speaking: bool = False
) -> Automaton:
    """Return an automaton for one element, from its first character to the two newlines behind it.

    Args:
        vocabulary: Single characters; the index of one is its token.
        kind: The kind of element, or None to leave that to the model.
        cast: The only names that a cue may have, as `script.name` writes them. Names that the
            vocabulary cannot spell are left out. Without a kind the cast is a lock: the model
            writes action, a heading or speech, but begins with the name of nobody else.
        speaking: Whether the cue and its newline have been read already, so that speech follows.

    Raises:
        ValueError: The vocabulary cannot spell such an element, or nobody of the cast; or the
            element is a transition; or speech was asked to be something else. The message is one
            sentence for people.
    """
    letters = alphabet_of(tuple(vocabulary))
    match kind:
        case Kind.TRANSITION:
            raise ValueError(say("The voice cannot be asked for a transition."))
        case Kind.HEADING | Kind.ACTION if speaking:
            raise ValueError(say("Action and scene headings have no speaker."))
        case _ if speaking:
            return _finish(build_machine(letters.size, _lines(letters)), _UNSPELT_SPEECH)
        case Kind.HEADING:
            return _finish(_heading(letters), _UNSPELT_HEADING)
        case Kind.ACTION:
            return _finish(_action(letters), _UNSPELT_ACTION)
        case Kind.DIALOGUE if not cast:
            return _finish(_dialogue(letters), _UNSPELT_SPEECH)
    names = [name for name in cast if letters.spells(cue_line(name))]
    if cast and not names:
        raise ValueError(say("This voice cannot spell any name in the cast."))
    if kind is Kind.DIALOGUE:
        return _finish(_dialogue_among(letters, names), _UNSPELT_SPEECH)
    if not names:
        everything = np.ones((1, letters.size), np.bool_)
        return Automaton(FREE, everything, np.zeros((1, letters.size), np.int32))
    action = intersect(_action(letters), _beside_names(letters, names))
    return _finish(unite(action, _dialogue_among(letters, names), _heading(letters)), _UNSPELT)


def _finish(machine: Machine, unspelt: str) -> Automaton:
    """Return a machine as an automaton; raise ValueError with a sentence if no text is left."""
    automaton = trim(machine)
    if automaton is None:
        raise ValueError(say(unspelt))
    return automaton


# Elements --------------------------------------------------------------------------------------


def _lines(letters: Alphabet) -> Rows:
    """Return lines of text, from "start", in which nothing forces, escapes or hides anything."""
    these = letters.these
    inside = [
        (letters.written, "text"),
        (letters.joining, "joining"),
        (letters.space, "gap"),
        (these("["), "bracket"),
        (these("/"), "slash"),
        (letters.newline, "line"),
    ]
    line = [
        *inside,
        (letters.space | letters.combining | these("#=~>@!"), REJECT),
        (these("."), "dot"),
        (letters.newline, ACCEPT),
    ]
    return {
        "start": [*line, (letters.newline, REJECT)],
        "line": line,
        "text": inside,
        # A line must not end with white space, and a mark must not sit on a space.
        "gap": [*inside, (letters.newline | letters.combining, REJECT)],
        "bracket": [*inside, (these("["), REJECT)],
        "slash": [*inside, (these("*"), REJECT)],
        # One dot would force a heading; an ellipsis is text.
        "dot": [(these("."), "text")],
        "joining": [*inside, (letters.joiners, "joiner"), (letters.combining, "joining")],
        "joiner": [(letters.joined, "joining")],
    }


def _spelt(letters: Alphabet, start: str, texts: Mapping[str, str]) -> Rows:
    """Return a trie of texts, each of which leads to a state; no text may begin another one."""
    rows: dict[str, dict[str, str]] = {start: {}}
    for text, target in texts.items():
        if letters.spells(text):
            state = start
            for at, character in enumerate(text, 1):
                reached = target if at == len(text) else f"{start}:{text[:at]}"
                rows.setdefault(state, {})[character] = reached
                state = reached
    return {
        state: [(letters.these(character), reached) for character, reached in row.items()]
        for state, row in rows.items()
    }


def _heading(letters: Alphabet) -> Machine:
    """Return a scene heading, in upper case where the vocabulary has one."""
    small = letters.lower | letters.title if letters.upper.any() else letters.newline
    # A scene number stands between two "#"; "[" and "*" could open a note or a comment.
    body = letters.written & ~(small | letters.these("#[*"))
    inside = [(body, "text"), (letters.space, "gap"), (letters.newline, "last")]
    starts = (".", "INT. ", "EXT. ", "EST. ", "INT./EXT. ", "I/E. ")
    rows: Rows = {
        **_spelt(letters, "start", dict.fromkeys(starts, "place")),
        "place": [(body & letters.alphanumeric, "text")],
        "text": inside,
        "gap": [*inside, (letters.newline | letters.combining, REJECT)],
        "last": [(letters.newline, ACCEPT)],
    }
    return intersect(build_machine(letters.size, rows), _first_line_within(letters, HEADING_LIMIT))


def _action(letters: Alphabet) -> Machine:
    """Return lines that no parser takes for another kind of element."""
    conditions = [_unlike_headings(letters), _unlike_cues(letters)]
    if not letters.lower.any():
        conditions.append(_unlike_transitions(letters))
    return intersect(build_machine(letters.size, _lines(letters)), *conditions)


def _dialogue(letters: Alphabet) -> Machine:
    """Return speech under any cue, which is in upper case or forced by "@"."""
    rows: dict[str, Sequence[tuple[Mask, str]]] = {
        **_lines(letters),
        **_extension(letters),
    }
    forced = letters.where(str.isalpha)
    large = ~(letters.lower | letters.title)
    for sign, allowed, naming in (("", large, letters.upper), ("@", letters.all, forced)):
        allowed = allowed & letters.named
        naming = naming & letters.named
        nobody, somebody = f"{sign}nobody", f"{sign}somebody"
        name = [(allowed, nobody), (naming, somebody)]
        rows |= {
            f"{sign}cue": [(mask & letters.alphanumeric, state) for mask, state in name],
            nobody: [*name, (letters.space, f"{nobody} gap")],
            f"{nobody} gap": [*name, (letters.combining, REJECT)],
            somebody: [
                (allowed, somebody),
                (letters.space, f"{somebody} gap"),
                (letters.newline, "start"),
            ],
            f"{somebody} gap": [
                (allowed, somebody),
                (letters.combining, REJECT),
                (letters.these("("), "extension"),
            ],
        }
    rows["cue"] = [*rows["cue"], (letters.these("@"), "@cue")]
    return intersect(
        build_machine(letters.size, rows, "cue"),
        _first_line_within(letters, CUE_LIMIT),
        _unlike_headings(letters),
    )


def _dialogue_among(letters: Alphabet, names: Iterable[str]) -> Machine:
    """Return speech under the cue of one of the names."""
    cues = [cue_line(name) for name in names]
    ways = {f"{cue}\n": "start" for cue in cues} | {f"{cue} (": "extension" for cue in cues}
    rows = {**_lines(letters), **_extension(letters), **_spelt(letters, "cue", ways)}
    return build_machine(letters.size, rows, "cue")


def _extension(letters: Alphabet) -> Rows:
    """Return the rest of a cue behind "(", from "extension" to the first line of speech."""
    ways = {f"{extension})\n": "start" for extension in EXTENSIONS}
    return _spelt(letters, "extension", ways)


# Conditions ------------------------------------------------------------------------------------


def _first_line_within(letters: Alphabet, limit: int) -> Machine:
    """Require that the first line has at most so many characters."""
    rows = {
        str(length): [(letters.all, str(length + 1)), (letters.newline, ACCEPT)]
        for length in range(limit)
    }
    return build_machine(letters.size, {**rows, str(limit): [(letters.newline, ACCEPT)]}, "0")


def _unlike_headings(letters: Alphabet) -> Machine:
    """Reject what any parser takes for the beginning of a scene heading."""
    starts = ("INT", "EXT", "EST", "I/E", "INT/EXT")
    return _unlike(letters, [f"{start}{end}" for start in starts for end in " ."])


def _unlike(letters: Alphabet, starts: Sequence[str]) -> Machine:
    """Reject texts with one of some beginnings, in upper case or lower case."""
    alike = {character: letters.alike(character) for character in set().union(*starts)}
    rows: dict[str, list[tuple[Mask, str]]] = {}
    for start in starts:
        for at, character in enumerate(start):
            row = rows.setdefault(f":{start[:at]}", [(letters.all, ACCEPT)])
            reached = REJECT if at == len(start) - 1 else f":{start[: at + 1]}"
            row.append((alike[character], reached))
    return build_machine(letters.size, rows, ":")


def _unlike_cues(letters: Alphabet) -> Machine:
    """Reject a first line of action that parsers take for a cue: upper case with lines below it.

    A lower-case letter in the line prevents that, and so do letters without cases if no upper-case
    letter is among them. Where the vocabulary has no lower-case letters, a line in upper case must
    be the only one.
    """
    shouts = letters.upper | letters.title, "large"
    caseless = letters.caseless, "caseless"
    shows = letters.lower, ACCEPT
    ends = letters.newline, REJECT if letters.lower.any() else "last"
    rows: Rows = {
        "bare": [(letters.all, "bare"), caseless, shouts, shows, ends],
        "caseless": [(letters.all, "caseless"), shouts, shows, (letters.newline, ACCEPT)],
        "large": [(letters.all, "large"), shows, (letters.these("("), "aside"), ends],
        # Lower case in parentheses does not prevent a cue, so such a line must be the only one.
        "aside": [(letters.all, "aside"), (letters.lower, "shown_aside"), ends],
        "shown_aside": [(letters.all, "shown_aside"), (letters.newline, "last")],
        "last": [(letters.newline, ACCEPT)],
    }
    return build_machine(letters.size, rows, "bare")


def _unlike_transitions(letters: Alphabet) -> Machine:
    """Reject lines in upper case that are transitions: with a colon at the end, or "FADE OUT."."""
    colon = letters.these(":")
    rows: Rows = {
        "start": [(letters.all, "start"), (colon, "colon")],
        "colon": [(letters.all, "start"), (colon, "colon"), (letters.newline, REJECT)],
    }
    return intersect(build_machine(letters.size, rows), _unlike(letters, ["FADE OUT."]))


def _beside_names(letters: Alphabet, names: Sequence[str]) -> Machine:
    """Reject other names until a lower-case letter shows that the element is action.

    Two upper-case letters in a row must be part of a name of the cast, and a name must end where
    that one does: "Enter MAYA", "MAYA rises" and "MAYA, JO" pass, "GU" and "MAYAS" do not. From an
    opening parenthesis on, names are not checked.
    """
    ways: dict[str, set[str]] = {"": set()}
    for name in names:
        for at, character in enumerate(name):
            ways.setdefault(name[:at], set()).add(character)
        ways.setdefault(name, set())

    def spelling(prefix: str) -> list[tuple[Mask, str]]:
        return [(letters.these(one), f":{prefix}{one}") for one in ways[prefix]]

    shown = letters.lower | letters.caseless | letters.newline | letters.these("(")
    begin = [(letters.all, ":"), (letters.upper, "large"), *spelling(""), (shown, ACCEPT)]
    large = [*begin, (letters.upper, REJECT)]
    whole = [*begin, (letters.upper | letters.where(str.isdigit), REJECT)]

    def leaving(prefix: str) -> list[tuple[Mask, str]]:
        if prefix in names:
            return whole
        if prefix.rstrip(" .'\u2019-&/#_+") in names:
            return begin
        if _shouts(prefix):
            return []
        return large if prefix[-1:].isupper() else begin

    rows = {f":{prefix}": [*leaving(prefix), *spelling(prefix)] for prefix in ways}
    return build_machine(letters.size, {**rows, "large": large, ":": begin}, ":")


def _shouts(text: str) -> bool:
    """Return whether a text has two upper-case letters in a row."""
    return any(one.isupper() and two.isupper() for one, two in pairwise(text))
