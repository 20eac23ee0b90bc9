"""Constraints: what a voice may write next, as automata over the characters of its vocabulary.

An `Automaton` keeps a line within what was asked for, such as a scene heading or one of the cast;
`Banned` notices words that must not be said. Both are tables: one step costs one look-up, whatever
stands in them. Everything here is pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..cleaning import clean
from ..i18n.catalogue import phrase, say
from ..screenplay.elements import Kind
from ..screenplay.fountain import cue_line, from_voice

FREE = 0
"""The state of an `Automaton` in which everything is allowed, from there on."""

CUE_LIMIT = 40
"""The longest line that can become a cue when there is no cast, in characters."""

HEADING_LIMIT = 80
"""The longest scene heading, in characters."""

EXTENSIONS = ("V.O.", "O.S.", "CONT'D")
"""What may stand in parentheses behind the name in a cue."""

_UNSPELT = phrase("This voice's characters cannot spell an element.")
_UNSPELT_SPEECH = phrase("This voice's characters cannot spell speech.")
_UNSPELT_ACTION = phrase("This voice's characters cannot spell action.")
_UNSPELT_HEADING = phrase("This voice's characters cannot spell a scene heading.")

Mask = NDArray[np.bool_]
"""For every token whether it is meant, bool [V]."""

Table = NDArray[np.int32]
"""The state after each token in each state, int32 [S, V]."""


@dataclass(frozen=True)
class Automaton:
    """What may be written, for a vocabulary of V characters, in S states.

    Every state but `FREE` allows at least one token and can reach the end of the element; there,
    and only there, it becomes `FREE`.
    """

    start: int
    """The state before the first character."""
    allowed: NDArray[np.bool_]
    """Which tokens may be written in each state, bool [S, V]."""
    next: Table
    """The state after an allowed token, int32 [S, V]."""


def element(
    vocabulary: Sequence[str], kind: Kind | None, cast: Sequence[str] = (), speaking: bool = False
) -> Automaton:
    """What one element may look like, from its first character to the two newlines that end it.

    All that it allows is valid Fountain which `from_voice` reads as the one element that it is.

    Args:
        vocabulary: single characters; the index of one is its token id.
        kind: what the element is to be, or None to leave that to the voice.
        cast: the only names, as `script.name` makes them, that a cue can have. A name that the
            vocabulary cannot spell is left out. Without a kind it is a lock: the voice writes
            action, a heading or speech, but does not begin with the name of anybody else.
        speaking: the cue and its newline have been read already, so that speech is written.

    Raises:
        ValueError: with one sentence, where the vocabulary cannot spell what is asked for (none of
            the cast, for example), and for a transition, or speech that is to be something else.
    """
    letters = _alphabet(tuple(vocabulary))
    match kind:
        case Kind.TRANSITION:
            raise ValueError(say("A transition cannot be asked for."))
        case Kind.HEADING | Kind.ACTION if speaking:
            raise ValueError(say("Speech is neither action nor a scene heading."))
        case _ if speaking:
            return _finished(_machine(letters, _lines(letters)), _UNSPELT_SPEECH)
        case Kind.HEADING:
            return _finished(_heading(letters), _UNSPELT_HEADING)
        case Kind.ACTION:
            return _finished(_action(letters), _UNSPELT_ACTION)
        case Kind.DIALOGUE if not cast:
            return _finished(_dialogue(letters), _UNSPELT_SPEECH)
    names = [name for name in cast if letters.spell(cue_line(name))]
    if cast and not names:
        raise ValueError(
            say("This voice's characters cannot spell the name of anybody in the cast.")
        )
    if kind is Kind.DIALOGUE:
        return _finished(_dialogue_among(letters, names), _UNSPELT_SPEECH)
    if not names:
        size = len(letters.vocabulary)
        return Automaton(FREE, np.ones((1, size), np.bool_), np.zeros((1, size), np.int32))
    action = _both(_action(letters), _beside_names(letters, names))
    return _finished(_either(action, _dialogue_among(letters, names), _heading(letters)), _UNSPELT)


# Characters ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Alphabet:
    """A vocabulary as masks of its tokens."""

    vocabulary: tuple[str, ...]

    def where(self, test: Callable[[str], bool]) -> Mask:
        return np.fromiter(map(test, self.vocabulary), np.bool_, len(self.vocabulary))

    def these(self, characters: str) -> Mask:
        mask = np.zeros(len(self.vocabulary), np.bool_)
        mask[[self.ids[one] for one in characters if one in self.ids]] = True
        return mask

    def alike(self, character: str) -> Mask:
        """The character in all that some parser takes for its upper or lower case."""
        pattern = re.compile(re.escape(character), re.IGNORECASE)
        return self.where(lambda one: pattern.fullmatch(one) is not None)

    def spell(self, text: str) -> bool:
        return self.ids.keys() >= set(text)

    @cached_property
    def ids(self) -> dict[str, int]:
        return {character: token for token, character in enumerate(self.vocabulary)}

    @cached_property
    def all(self) -> Mask:
        return self.where(lambda _: True)

    @cached_property
    def newline(self) -> Mask:
        return self.these("\n")

    @cached_property
    def space(self) -> Mask:
        return self.these(" ")

    @cached_property
    def written(self) -> Mask:
        """All that can stand in a line, without what `clean` would drop or replace."""
        return self.where(lambda one: clean(f"1{one}1") == f"1{one}1") & ~self.newline

    @cached_property
    def alphanumeric(self) -> Mask:
        return self.where(str.isalnum) & self.written

    @cached_property
    def upper(self) -> Mask:
        return self.where(str.isupper)

    @cached_property
    def lower(self) -> Mask:
        return self.where(str.islower)

    @cached_property
    def title(self) -> Mask:
        """Letters such as the U+01C5, which are neither upper-case nor lower-case."""
        return self.where(str.istitle) & ~self.upper

    @cached_property
    def caseless(self) -> Mask:
        return self.where(str.isalpha) & ~(self.upper | self.lower | self.title)

    @cached_property
    def named(self) -> Mask:
        """What can stand in a name, besides a space."""

        def is_in_cues(one: str) -> bool:
            read = from_voice(f"@A{one}A\n.")
            return read is not None and read.kind is Kind.DIALOGUE

        return self.where(is_in_cues) & self.written & ~self.space

    @cached_property
    def marks(self) -> Mask:
        """What sits on the character before it."""
        return self.where(_is_mark)

    @cached_property
    def joiners(self) -> Mask:
        return self.these("\u200c\u200d")

    @cached_property
    def joined(self) -> Mask:
        """What a joiner can stand before."""
        return self.where(lambda one: unicodedata.category(one) in {"Lo", "So"}) & self.written

    @cached_property
    def joining(self) -> Mask:
        """What a joiner can stand behind."""
        kinds = {"Mc", "Sk"}
        return self.joined | (
            self.where(lambda one: unicodedata.category(one) in kinds) & self.written
        )


@lru_cache(maxsize=8)
def _alphabet(vocabulary: tuple[str, ...]) -> _Alphabet:
    return _Alphabet(vocabulary)


# Machines --------------------------------------------------------------------------------------

_END, _BAR = "end", "bar"
_ENDED, _BARRED = 0, 1

Rows = Mapping[str, Sequence[tuple[Mask, str]]]
"""For each state, what leads where; a later pair overrides an earlier one, the rest is barred."""


@dataclass(frozen=True)
class _Machine:
    """An automaton whose states 0 and 1 are `_ENDED` and `_BARRED`, which are never left.

    A grammar ends with its element. A condition ends where it has nothing more to ask.
    """

    start: int
    next: Table


def _machine(letters: _Alphabet, rows: Rows, start: str = "start") -> _Machine:
    numbers = {_END: _ENDED, _BAR: _BARRED}
    for state in rows:
        numbers[state] = len(numbers)
    table = np.full((len(numbers), len(letters.vocabulary)), _BARRED, np.int32)
    table[_ENDED] = _ENDED
    for state, pairs in rows.items():
        row = table[numbers[state]]
        for mask, target in pairs:
            row[mask] = numbers[target]
    return _Machine(numbers[start], table)


def _both(grammar: _Machine, *conditions: _Machine) -> _Machine:
    """What the grammar allows and no condition bars."""
    return _product(
        (grammar, *conditions),
        ended=lambda after: after[0] == _ENDED,
        barred=lambda after: np.logical_or.reduce(after == _BARRED),
    )


def _either(*grammars: _Machine) -> _Machine:
    """What one of the grammars allows."""
    return _product(
        grammars,
        ended=lambda after: np.logical_or.reduce(after == _ENDED),
        barred=lambda after: np.logical_and.reduce(after == _BARRED),
    )


def _product(
    machines: Sequence[_Machine],
    ended: Callable[[Table], Mask],
    barred: Callable[[Table], Mask],
) -> _Machine:
    """The machines side by side: a state is one state of each, numbered when it is reached."""
    sizes = tuple(len(machine.next) for machine in machines)
    classes, of_class = _token_classes([machine.next for machine in machines])
    tables = [machine.next[:, classes] for machine in machines]
    # A state's code is a number whose digits are the machines' states.
    digits = np.cumprod((1, *sizes[:-1]))
    end, bar = int(digits.sum() * _ENDED), int(digits.sum() * _BARRED)
    reached = np.array([digits @ [machine.start for machine in machines]])
    known = np.array([end, bar])
    rows = [np.full((1, len(classes)), state) for state in (end, bar)]
    while reached.size:
        states = reached // digits[:, None] % np.array(sizes)[:, None]
        after = np.stack([table[at] for table, at in zip(tables, states, strict=True)])
        codes = np.tensordot(digits, after, 1)
        codes[ended(after)] = end
        codes[barred(after)] = bar
        rows.append(codes)
        known = np.concatenate((known, reached))
        reached = np.setdiff1d(codes, known)
    order = np.argsort(known)
    numbers = order[np.searchsorted(known, np.concatenate(rows), sorter=order)]
    return _Machine(2, numbers.astype(np.int32)[:, of_class])


def _token_classes(tables: Sequence[Table]) -> tuple[list[int], list[int]]:
    """One token of each class that all the tables treat alike, and each token's class."""
    classes: dict[bytes, int] = {}
    columns = np.ascontiguousarray(np.concatenate(tables).T)
    of_class = [classes.setdefault(column.tobytes(), len(classes)) for column in columns]
    return [of_class.index(number) for number in range(len(classes))], of_class


def _finished(machine: _Machine, unspelt: str) -> Automaton:
    """The machine without the states from which an element cannot be ended any more.

    Raises ValueError, with the sentence ``unspelt``, where no state is left.
    """
    live = np.zeros(len(machine.next), np.bool_)
    live[_ENDED] = True
    while True:
        others = np.flatnonzero(~live)
        leading = others[live[machine.next[others]].any(axis=1)]
        if not leading.size:
            break
        live[leading] = True
    if not live[machine.start]:
        raise ValueError(say(unspelt))
    numbers = np.cumsum(live, dtype=np.int32) - 1
    allowed = live[machine.next]
    table = np.where(allowed, numbers[machine.next], FREE).astype(np.int32)
    return Automaton(int(numbers[machine.start]), allowed[live], table[live])


# Grammars --------------------------------------------------------------------------------------


def _lines(letters: _Alphabet) -> Rows:
    """Lines of text, from "start"; nothing in them forces, escapes or hides anything."""
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
        (letters.space | letters.marks | these("#=~>@!"), _BAR),
        (these("."), "dot"),
        (letters.newline, _END),
    ]
    return {
        "start": [*line, (letters.newline, _BAR)],
        "line": line,
        "text": inside,
        # Neither white space at the end of a line nor a mark that sits on nothing.
        "gap": [*inside, (letters.newline | letters.marks, _BAR)],
        "bracket": [*inside, (these("["), _BAR)],
        "slash": [*inside, (these("*"), _BAR)],
        # One dot would force a heading; an ellipsis is text.
        "dot": [(these("."), "text")],
        "joining": [*inside, (letters.joiners, "joiner"), (letters.marks, "joining")],
        "joiner": [(letters.joined, "joining")],
    }


def _spelt(letters: _Alphabet, start: str, texts: Mapping[str, str]) -> Rows:
    """One of the texts, none of which begins another; each leads to the state beside it."""
    rows: dict[str, dict[str, str]] = {start: {}}
    for text, target in texts.items():
        if letters.spell(text):
            state = start
            for at, character in enumerate(text, 1):
                reached = target if at == len(text) else f"{start}:{text[:at]}"
                rows.setdefault(state, {})[character] = reached
                state = reached
    return {
        state: [(letters.these(character), reached) for character, reached in row.items()]
        for state, row in rows.items()
    }


def _heading(letters: _Alphabet) -> _Machine:
    small = letters.lower | letters.title if letters.upper.any() else letters.newline
    # A number between two # is no part of the heading; the others could open a note or a comment.
    body = letters.written & ~(small | letters.these("#[*"))
    inside = [(body, "text"), (letters.space, "gap"), (letters.newline, "last")]
    starts = (".", "INT. ", "EXT. ", "EST. ", "INT./EXT. ", "I/E. ")
    rows: Rows = {
        **_spelt(letters, "start", dict.fromkeys(starts, "place")),
        "place": [(body & letters.alphanumeric, "text")],
        "text": inside,
        "gap": [*inside, (letters.newline | letters.marks, _BAR)],
        "last": [(letters.newline, _END)],
    }
    return _both(_machine(letters, rows), _first_line_within(letters, HEADING_LIMIT))


def _action(letters: _Alphabet) -> _Machine:
    conditions = [_unlike_headings(letters), _unlike_cues(letters)]
    if not letters.lower.any():
        conditions.append(_unlike_transitions(letters))
    return _both(_machine(letters, _lines(letters)), *conditions)


def _dialogue(letters: _Alphabet) -> _Machine:
    """Speech under any cue: upper-case, or forced."""
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
            f"{nobody} gap": [*name, (letters.marks, _BAR)],
            somebody: [
                (allowed, somebody),
                (letters.space, f"{somebody} gap"),
                (letters.newline, "start"),
            ],
            f"{somebody} gap": [
                (allowed, somebody),
                (letters.marks, _BAR),
                (letters.these("("), "extension"),
            ],
        }
    rows["cue"] = [*rows["cue"], (letters.these("@"), "@cue")]
    return _both(
        _machine(letters, rows, "cue"),
        _first_line_within(letters, CUE_LIMIT),
        _unlike_headings(letters),
    )


def _dialogue_among(letters: _Alphabet, names: Iterable[str]) -> _Machine:
    """Speech by one of those."""
    cues = [cue_line(name) for name in names]
    ways = {f"{cue}\n": "start" for cue in cues} | {f"{cue} (": "extension" for cue in cues}
    rows = {**_lines(letters), **_extension(letters), **_spelt(letters, "cue", ways)}
    return _machine(letters, rows, "cue")


def _extension(letters: _Alphabet) -> Rows:
    ways = {f"{extension})\n": "start" for extension in EXTENSIONS}
    return _spelt(letters, "extension", ways)


# Conditions ------------------------------------------------------------------------------------


def _first_line_within(letters: _Alphabet, limit: int) -> _Machine:
    rows = {
        str(length): [(letters.all, str(length + 1)), (letters.newline, _END)]
        for length in range(limit)
    }
    return _machine(letters, {**rows, str(limit): [(letters.newline, _END)]}, "0")


def _unlike_headings(letters: _Alphabet) -> _Machine:
    """Nothing that any parser takes for the beginning of a scene heading."""
    starts = ("INT", "EXT", "EST", "I/E", "INT/EXT")
    return _unlike(letters, [f"{start}{end}" for start in starts for end in " ."])


def _unlike(letters: _Alphabet, starts: Sequence[str]) -> _Machine:
    """It begins with none of these, in upper case or lower case."""
    alike = {character: letters.alike(character) for character in set().union(*starts)}
    rows: dict[str, list[tuple[Mask, str]]] = {}
    for start in starts:
        for at, character in enumerate(start):
            row = rows.setdefault(f":{start[:at]}", [(letters.all, _END)])
            reached = _BAR if at == len(start) - 1 else f":{start[: at + 1]}"
            row.append((alike[character], reached))
    return _machine(letters, rows, ":")


def _unlike_cues(letters: _Alphabet) -> _Machine:
    """The first line of action: a line in upper case with others below it would be a cue.

    So it holds a lower-case letter, or letters of a script that has no cases and no others. Where
    the vocabulary has no lower-case letters, a line in upper case stands alone.
    """
    shouts = letters.upper | letters.title, "large"
    caseless = letters.caseless, "caseless"
    shows = letters.lower, _END
    ends = letters.newline, _BAR if letters.lower.any() else "last"
    rows: Rows = {
        "bare": [(letters.all, "bare"), caseless, shouts, shows, ends],
        "caseless": [(letters.all, "caseless"), shouts, shows, (letters.newline, _END)],
        "large": [(letters.all, "large"), shows, (letters.these("("), "aside"), ends],
        # What is in parentheses does not keep a line from being a cue, so this one stands alone.
        "aside": [(letters.all, "aside"), (letters.lower, "shown_aside"), ends],
        "shown_aside": [(letters.all, "shown_aside"), (letters.newline, "last")],
        "last": [(letters.newline, _END)],
    }
    return _machine(letters, rows, "bare")


def _unlike_transitions(letters: _Alphabet) -> _Machine:
    """A line in upper case is neither "CUT TO:" nor "FADE OUT."."""
    colon = letters.these(":")
    rows: Rows = {
        "start": [(letters.all, "start"), (colon, "colon")],
        "colon": [(letters.all, "start"), (colon, "colon"), (letters.newline, _BAR)],
    }
    return _both(_machine(letters, rows), _unlike(letters, ["FADE OUT."]))


def _beside_names(letters: _Alphabet, names: Sequence[str]) -> _Machine:
    """Until a lower-case letter shows that this is action, it names nobody but these.

    So two upper-case letters in a row are part of a name, and no name goes on where it should end:
    "Enter MAYA", "MAYA rises" and "MAYA, JO", but neither "GU" nor "MAYAS". In parentheses nobody
    is named.
    """
    ways: dict[str, set[str]] = {"": set()}
    for name in names:
        for at, character in enumerate(name):
            ways.setdefault(name[:at], set()).add(character)
        ways.setdefault(name, set())

    def spelling(prefix: str) -> list[tuple[Mask, str]]:
        return [(letters.these(one), f":{prefix}{one}") for one in ways[prefix]]

    shown = letters.lower | letters.caseless | letters.newline | letters.these("(")
    begin = [(letters.all, ":"), (letters.upper, "large"), *spelling(""), (shown, _END)]
    large = [*begin, (letters.upper, _BAR)]
    whole = [*begin, (letters.upper | letters.where(str.isdigit), _BAR)]

    def leaving(prefix: str) -> list[tuple[Mask, str]]:
        if prefix in names:
            return whole
        if prefix.rstrip(" .'\u2019-&/#_+") in names:
            return begin
        if _shouts(prefix):
            return []
        return large if prefix[-1:].isupper() else begin

    rows = {f":{prefix}": [*leaving(prefix), *spelling(prefix)] for prefix in ways}
    return _machine(letters, {**rows, "large": large, ":": begin}, ":")


def _shouts(text: str) -> bool:
    """Whether there are two upper-case letters in a row."""
    return any(one.isupper() and two.isupper() for one, two in pairwise(text))


# Banned words ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Banned:
    """Words and phrases that must not be said, found as they are written, in S states.

    They are whole words, whatever their case and accents are; between the words of a phrase stands
    any run of characters that are neither letters nor digits.
    """

    start: int
    """The state in which no word has begun, such as at the start of a line."""
    next: Table
    """The state after each token, int32 [S, V]."""
    words: NDArray[np.int16]
    """How many words are to be taken back, int16 [S].

    0, or in the state after the character behind a banned word or phrase how many words that has:
    the fewest, where several have ended. It stays so while no other word begins.
    """
    longest: int
    """The most words of any entry; 0 if there is none."""

    @classmethod
    def of(cls, vocabulary: Sequence[str], words: Iterable[str]) -> Banned:
        """Finds these words in what is spelt with the vocabulary.

        Words without letters and digits are ignored, and so are those that cannot be spelt.
        """
        plain = [_plain(character) for character in vocabulary]
        symbols = {one: at for at, one in enumerate(sorted({" "}.union(*plain)))}
        phrases = [entry for word in words if (entry := plain_words(word))]
        spelt = {entry for entry in phrases if symbols.keys() >= set(entry)}
        after, found = _searching(symbols, spelt)
        table = np.empty((len(after), len(plain)), np.int32)
        for token, text in enumerate(plain):
            states = np.arange(len(after), dtype=np.int32)
            for symbol in text:
                states = after[states, symbols[symbol]]
            table[:, token] = states
        return cls(
            start=_APART,
            next=table,
            words=found,
            longest=max((entry.count(" ") + 1 for entry in phrases), default=0),
        )


def boundaries(vocabulary: Sequence[str]) -> Mask:
    """The tokens that end a word, bool [V]: no letters, no digits, and nothing that is part of one,
    as accents are."""
    return np.array([_plain(character) == " " for character in vocabulary], np.bool_)


def said(text: str, words: Iterable[str]) -> str | None:
    """The first of the banned words in a text, as the list spells it; None if there is none."""
    spoken = f" {plain_words(text)} "
    found = [
        (at, word)
        for word in words
        if (entry := plain_words(word)) and (at := spoken.find(f" {entry} ")) >= 0
    ]
    return min(found)[1] if found else None


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """Its letters and digits without case and accents; " " if it has none.

    Nothing, if it has no place of its own: an accent, or a format character, which is not seen.
    """
    if _is_mark(character) or unicodedata.category(character) == "Cf":
        return ""
    parts = unicodedata.normalize("NFKD", character)
    folded = "".join(one for one in parts if not _is_mark(one)).casefold()
    return "".join(filter(str.isalnum, folded)) or " "


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def plain_words(text: str) -> str:
    """The words of a text as `Banned` compares them: plain letters and digits, single spaces."""
    return " ".join("".join(map(_plain, text)).split())


_WITHIN, _APART = 0, 1


def _searching(
    symbols: Mapping[str, int], phrases: Iterable[str]
) -> tuple[Table, NDArray[np.int16]]:
    """Searches for phrases (Aho and Corasick 1975), where a word can begin only behind a space.

    Returns the state after each symbol, int32 [S, symbols], and the words found, int16 [S]. In
    `_WITHIN` a word goes on that is none of theirs; in `_APART` none has begun.
    """
    # A state is as much of a phrase, and of the space behind it, as has been read.
    ways: list[dict[str, int]] = [{}, {}]
    own: dict[int, int] = {}
    for entry in phrases:
        state = _APART
        for symbol in f"{entry} ":
            following = ways[state].setdefault(symbol, len(ways))
            if following == len(ways):
                ways.append({})
            state = following
        own[state] = entry.count(" ") + 1
    after = np.full((len(ways), len(symbols)), _WITHIN, np.int32)
    after[:, symbols[" "]] = _APART
    found = np.zeros(len(ways), np.int16)
    # `shorter` is where the longest ending of what has been read leads that begins a phrase, too.
    queue = deque([(" ", _APART, _WITHIN)])
    while queue:
        last, state, shorter = queue.popleft()
        after[state] = after[shorter]
        found[state] = found[shorter] or own.get(state, 0)
        if last == " ":
            after[state, symbols[" "]] = state
        for symbol, following in ways[state].items():
            queue.append((symbol, following, int(after[shorter, symbols[symbol]])))
            after[state, symbols[symbol]] = following
    return after, found
