"""Build the grammars of Fountain: the form of an element of each kind, as automata.

Every text that a grammar accepts is valid Fountain, which `screenplay` and other parsers read as
one element of the requested kind. All functions here are pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..errors import UnspellableElement
from ..i18n.catalogue import phrase
from ..screenplay.elements import Kind
from ..screenplay.fountain import make_cue
from .automaton import ACCEPT, REJECT, Automaton, Dfa, Mask, Transitions, build_dfa, intersect, trim
from .character_classes import CharacterClasses, classify_characters

CUE_LIMIT = 40
"""The longest line that can become a cue when there is no cast, in characters."""

HEADING_LIMIT = 80
"""The longest scene heading, in characters."""

EXTENSIONS = ("V.O.", "O.S.", "CONT'D")
"""The extensions that may stand in parentheses after the name in a cue."""

_UNSPELT_SPEECH = phrase("This voice cannot write speech. Choose another kind or another voice.")
_UNSPELT_ACTION = phrase("This voice cannot write action. Choose another kind or another voice.")
_UNSPELT_HEADING = phrase(
    "This voice cannot write scene headings. Choose another kind or another voice."
)


def build_grammar(vocabulary: Sequence[str], kind: Kind, cast: Sequence[str] = ()) -> Automaton:
    """Return an automaton for one element, from its first character to the two newlines after it.

    Args:
        vocabulary: Single characters; the index of each is its token.
        kind: The kind of element, but not a transition.
        cast: The only names that a cue may have, as `Model.spell` returns them. Names that the
            vocabulary cannot spell are left out.

    Raises:
        UnspellableElement: The vocabulary cannot spell such an element, or anybody in the cast.
    """
    classes = classify_characters(tuple(vocabulary))
    if kind is Kind.HEADING:
        return _trim_or_raise(_heading(classes), _UNSPELT_HEADING)
    if kind is Kind.ACTION:
        return _trim_or_raise(_action(classes), _UNSPELT_ACTION)
    if not cast:
        return _trim_or_raise(_dialogue(classes), _UNSPELT_SPEECH)
    names = [name for name in cast if classes.can_spell(make_cue(name))]
    if not names:
        raise UnspellableElement(
            "This voice cannot write any name in the cast. Choose another kind or another voice."
        )
    return _trim_or_raise(_dialogue_among(classes, names), _UNSPELT_SPEECH)


def build_speech(vocabulary: Sequence[str]) -> Automaton:
    """Return an automaton for the text below a cue; raise UnspellableElement."""
    classes = classify_characters(tuple(vocabulary))
    return _trim_or_raise(build_dfa(classes.size, _lines(classes)), _UNSPELT_SPEECH)


def _trim_or_raise(machine: Dfa, unspelt: str) -> Automaton:
    """Return a machine as an automaton; raise UnspellableElement if no text is left."""
    automaton = trim(machine)
    if automaton is None:
        raise UnspellableElement(unspelt)
    return automaton


# Elements --------------------------------------------------------------------------------------


def _lines(classes: CharacterClasses) -> Transitions:
    """Return lines of text, from "start", in which nothing forces, escapes or hides anything."""
    of = classes.of
    inside = [
        (classes.written, "text"),
        (classes.joining, "joining"),
        (classes.space, "gap"),
        (of("["), "bracket"),
        (of("/"), "slash"),
        (classes.newline, "line"),
    ]
    line = [
        *inside,
        (classes.space | classes.combining | of("#=~>@!"), REJECT),
        (of("."), "dot"),
        (classes.newline, ACCEPT),
    ]
    return {
        "start": [*line, (classes.newline, REJECT)],
        "line": line,
        "text": inside,
        # A line must not end with white space, and no mark may sit on a space.
        "gap": [*inside, (classes.newline | classes.combining, REJECT)],
        "bracket": [*inside, (of("["), REJECT)],
        "slash": [*inside, (of("*"), REJECT)],
        # One dot would force a heading; an ellipsis is text.
        "dot": [(of("."), "text")],
        "joining": [*inside, (classes.joiners, "joiner"), (classes.combining, "joining")],
        "joiner": [(classes.joined, "text"), (classes.joined & classes.joining, "joining")],
    }


def _spelt(classes: CharacterClasses, start: str, texts: Mapping[str, str]) -> Transitions:
    """Return a trie of texts, each of which leads to a state; no text may begin with another."""
    rows: dict[str, dict[str, str]] = {start: {}}
    for text, target in texts.items():
        if classes.can_spell(text):
            state = start
            for at, character in enumerate(text, 1):
                reached = target if at == len(text) else f"{start}:{text[:at]}"
                rows.setdefault(state, {})[character] = reached
                state = reached
    return {
        state: [(classes.of(character), reached) for character, reached in row.items()]
        for state, row in rows.items()
    }


def _heading(classes: CharacterClasses) -> Dfa:
    """Return a scene heading, in upper case if the vocabulary has one."""
    small = classes.lower | classes.title if classes.upper.any() else classes.newline
    # A scene number stands between two "#"; "[" and "*" could open a note or a comment.
    body = classes.written & ~(small | classes.of("#[*"))
    inside = [(body, "text"), (classes.space, "gap"), (classes.newline, "last")]
    starts = (".", "INT. ", "EXT. ", "EST. ", "INT./EXT. ", "I/E. ")
    rows: Transitions = {
        **_spelt(classes, "start", dict.fromkeys(starts, "place")),
        "place": [(body & classes.alphanumeric, "text")],
        "text": inside,
        "gap": [*inside, (classes.newline | classes.combining, REJECT)],
        "last": [(classes.newline, ACCEPT)],
    }
    return intersect(build_dfa(classes.size, rows), _first_line_within(classes, HEADING_LIMIT))


def _action(classes: CharacterClasses) -> Dfa:
    """Return lines that no parser takes for another kind and that begin with no name in capitals.

    Such a name is nearly always the beginning of a cue. If the cue itself is barred, the model
    would write the name and the speech as one line.
    """
    lines = build_dfa(classes.size, _lines(classes))
    unlike = _unlike_names if classes.lower.any() else _unlike_transitions
    return intersect(lines, _unlike_headings(classes), _unlike_cues(classes), unlike(classes))


def _dialogue(classes: CharacterClasses) -> Dfa:
    """Return speech under any cue, which is in upper case or forced by "@"."""
    rows = {**_lines(classes), **_extension(classes)}
    forced = classes.select(str.isalpha)
    large = classes.named & ~(classes.lower | classes.title)
    for sign, allowed, naming in (("", large, classes.upper), ("@", classes.named, forced)):
        naming = naming & classes.named
        nobody, somebody = f"{sign}nobody", f"{sign}somebody"
        name = [(allowed, nobody), (naming, somebody)]
        rows |= {
            f"{sign}cue": [(mask & classes.alphanumeric, state) for mask, state in name],
            nobody: [*name, (classes.space, f"{nobody} gap")],
            f"{nobody} gap": [*name, (classes.combining, REJECT)],
            somebody: [
                (allowed, somebody),
                (classes.space, f"{somebody} gap"),
                (classes.newline, "start"),
            ],
            f"{somebody} gap": [
                (allowed, somebody),
                (classes.combining, REJECT),
                (classes.of("("), "extension"),
            ],
        }
    rows["cue"] = [*rows["cue"], (classes.of("@"), "@cue")]
    return intersect(
        build_dfa(classes.size, rows, "cue"),
        _first_line_within(classes, CUE_LIMIT),
        _unlike_headings(classes),
    )


def _dialogue_among(classes: CharacterClasses, names: Iterable[str]) -> Dfa:
    """Return speech under the cue of one of the names."""
    cues = [make_cue(name) for name in names]
    ways = {f"{cue}\n": "start" for cue in cues} | {f"{cue} (": "extension" for cue in cues}
    rows = {**_lines(classes), **_extension(classes), **_spelt(classes, "cue", ways)}
    return build_dfa(classes.size, rows, "cue")


def _extension(classes: CharacterClasses) -> Transitions:
    """Return the rest of a cue after "(", from "extension" to the first line of speech."""
    ways = {f"{extension})\n": "start" for extension in EXTENSIONS}
    return _spelt(classes, "extension", ways)


# Conditions ------------------------------------------------------------------------------------


def _first_line_within(classes: CharacterClasses, limit: int) -> Dfa:
    """Require that the first line has at most ``limit`` characters."""
    rows = {
        str(length): [(classes.all, str(length + 1)), (classes.newline, ACCEPT)]
        for length in range(limit)
    }
    return build_dfa(classes.size, {**rows, str(limit): [(classes.newline, ACCEPT)]}, "0")


def _unlike_headings(classes: CharacterClasses) -> Dfa:
    """Reject what any parser takes for the beginning of a scene heading."""
    starts = ("INT", "EXT", "EST", "I/E", "INT/EXT")
    return _unlike(classes, [f"{start}{end}" for start in starts for end in " ."])


def _unlike(classes: CharacterClasses, starts: Sequence[str]) -> Dfa:
    """Reject texts that begin with any of ``starts``, in upper case or lower case."""
    alike = {character: classes.case_variants(character) for character in set().union(*starts)}
    rows: dict[str, list[tuple[Mask, str]]] = {}
    for start in starts:
        for at, character in enumerate(start):
            row = rows.setdefault(f":{start[:at]}", [(classes.all, ACCEPT)])
            reached = REJECT if at == len(start) - 1 else f":{start[: at + 1]}"
            row.append((alike[character], reached))
    return build_dfa(classes.size, rows, ":")


def _unlike_cues(classes: CharacterClasses) -> Dfa:
    """Reject a first line of action that parsers take for a cue: upper case with lines below it.

    A lower-case letter in the line prevents that, and so do letters without case if no upper-case
    letter is among them. If the vocabulary has no lower-case letters, a line in upper case must be
    the only one.
    """
    shouts = classes.upper | classes.title, "large"
    caseless = classes.caseless, "caseless"
    shows = classes.lower, ACCEPT
    ends = classes.newline, REJECT if classes.lower.any() else "last"
    rows: Transitions = {
        "bare": [(classes.all, "bare"), caseless, shouts, shows, ends],
        "caseless": [(classes.all, "caseless"), shouts, shows, (classes.newline, ACCEPT)],
        "large": [(classes.all, "large"), shows, (classes.of("("), "aside"), ends],
        # Lower case in parentheses does not prevent a cue, so such a line must be the only one.
        "aside": [(classes.all, "aside"), (classes.lower, "shown_aside"), ends],
        "shown_aside": [(classes.all, "shown_aside"), (classes.newline, "last")],
        "last": [(classes.newline, ACCEPT)],
    }
    return build_dfa(classes.size, rows, "bare")


def _unlike_transitions(classes: CharacterClasses) -> Dfa:
    """Reject lines in upper case that are transitions: with a colon at the end, or "FADE OUT."."""
    colon = classes.of(":")
    rows: Transitions = {
        "start": [(classes.all, "start"), (colon, "colon")],
        "colon": [(classes.all, "start"), (colon, "colon"), (classes.newline, REJECT)],
    }
    return intersect(build_dfa(classes.size, rows), _unlike(classes, ["FADE OUT."]))


def _unlike_names(classes: CharacterClasses) -> Dfa:
    """Reject two capitals in a row, until a lower-case letter shows that the element is action.

    An opening parenthesis, a newline or a letter without case shows this too.
    """
    shown = classes.lower | classes.caseless | classes.newline | classes.of("(")
    begin = [(classes.all, "start"), (classes.upper, "large"), (shown, ACCEPT)]
    rows = {"start": begin, "large": [*begin, (classes.upper, REJECT)]}
    return build_dfa(classes.size, rows)
