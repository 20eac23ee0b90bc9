"""Test grammars with random texts that they allow, by other parsers of Fountain."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.cleaning import clean
from bot.errors import UnspellableElement
from bot.inference.automaton import BARRED, FREE, Automaton
from bot.inference.grammar import CUE_LIMIT, HEADING_LIMIT, build_grammar
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import make_cue, parse_model_text
from tests.bot.screenplay.test_fountain import BEFORE, assert_one_element

WALKS = int(os.environ.get("ONBOOK_WALKS", "10"))
"""The number of texts for each vocabulary and constraint; 300 make 10,000 in all."""

steadily = settings(max_examples=60, deadline=None, derandomize=True)

ASCII = "".join(map(chr, range(32, 127)))
VOCABULARIES = {
    "stage": tuple("\n !\"&'(),-.2:;?" + string.ascii_letters + "[]"),
    "ascii": tuple("\n" + ASCII),
    "world": tuple(
        "\n" + ASCII + "éÉßŒœ茂来たか。İıſªŉǆǅⅧ½\u0301\u0338क्षी\u200d👩🚀\u3164\xa0\u2028\t\r\u212a"
    ),
    "world in few letters": tuple("\nAa \u0301茂\u200d[/*.!(T)O:Eİnſ\u0131x@#>123"),
    "capitals": tuple("\n" + string.ascii_uppercase + " .,:;!?'-/()[]*@>茂"),
    "no capitals": tuple("\n" + string.ascii_lowercase + " .,:;!?'-/()[]*@>"),
}
CAST = ("MAYA", "MAYA STONE", "JO", "O'BRIEN", "2ND GUARD", "EST. CLAIRE", "茂")
ALL = {
    "speech": {"kind": None, "speaking": True},
    "dialogue": {"kind": Kind.DIALOGUE},
    "dialogue of the cast": {"kind": Kind.DIALOGUE, "cast": CAST},
    "action": {"kind": Kind.ACTION},
    "heading": {"kind": Kind.HEADING},
    "lock": {"kind": None, "cast": CAST},
}


def distances(automaton: Automaton) -> NDArray[np.int64]:
    """Return the fewest characters from each state to the end; S + 1 where none lead there."""
    far = len(automaton.next) + 1
    found = np.full(len(automaton.next), far)
    found[FREE] = 0
    while True:
        after = np.where(automaton.next == BARRED, far, found[automaton.next])
        closer = np.minimum(found, after.min(axis=1) + 1)
        if np.array_equal(closer, found):
            return found
        found = closer


def walks(automaton: Automaton, vocabulary: tuple[str, ...], count: int) -> Iterator[str]:
    """Yield allowed texts of about some length, each allowed character as likely as the others."""
    random = np.random.default_rng(0)
    closeness = distances(automaton)
    states = np.full(count, automaton.start)
    lengths = random.integers(0, 50, count)
    texts = [""] * count
    for step in range(400):
        allowed = automaton.next[states] != BARRED
        weights = np.where(allowed, random.random((count, len(vocabulary))), -1)
        after = closeness[automaton.next[states]]
        ends = allowed & (after == (closeness[states] - 1)[:, None])
        weights += 2 * (ends & (step >= lengths)[:, None])
        tokens = weights.argmax(axis=1)
        for at in np.flatnonzero(states != FREE):
            assert automaton.next[states[at], tokens[at]] != BARRED
            texts[at] += vocabulary[tokens[at]]
        states = np.where(states == FREE, FREE, automaton.next[states, tokens])
        if not states.any():
            break
    assert not states.any()
    for text in texts:
        # The engine stops at the first two newlines in a row, and takes none at the start.
        assert text.index("\n\n") == len(text) - 2 > 0
        yield text


def built(name: str, alphabet: str) -> Automaton:
    try:
        return build_grammar(VOCABULARIES[alphabet], **ALL[name])
    except UnspellableElement:
        pytest.skip("these characters cannot spell it")


@pytest.mark.parametrize("alphabet", VOCABULARIES)
@pytest.mark.parametrize("name", ALL)
def test_whatever_is_written_is_one_element(name: str, alphabet: str) -> None:
    automaton = built(name, alphabet)
    kind = Kind.DIALOGUE if name == "speech" else ALL[name]["kind"]
    opening = "MAYA\n" if name == "speech" else ""
    for at, written in enumerate(walks(automaton, VOCABULARIES[alphabet], WALKS)):
        text = clean(opening + written[:-2])
        # The text is stored as written, because nothing needed forcing or an escape.
        read = parse_model_text(text)
        assert read is not None
        assert read.text == text
        assert read.kind is kind or kind is None
        assert not re.search(r"\[\[|/\*|^ | $", text, re.MULTILINE)
        assert_one_element(read, [BEFORE[at % len(BEFORE)]])
        first = text.split("\n")[0]
        if read.kind is Kind.HEADING:
            assert len(first) <= HEADING_LIMIT
            assert alphabet == "no capitals" or not any(map(str.islower, first))
        if read.kind is Kind.DIALOGUE:
            assert len(first) <= CUE_LIMIT
            if ALL[name].get("cast"):
                assert read.cue in CAST
        if name == "lock" and read.kind is Kind.ACTION:
            assert names_nobody_else(first)


def names_nobody_else(line: str) -> bool:
    lead = next((line[:at] for at, one in enumerate(line) if one.islower() or one == "("), line)
    lead = next((lead[:at] for at, one in enumerate(lead) if one in "茂来たかक्ष"), lead)
    for name in sorted(CAST, key=len, reverse=True):
        lead = re.sub(rf"{name}(?![A-Z0-9])", "-", lead)
    return not any(one.isupper() and two.isupper() for one, two in pairwise(lead))


@pytest.mark.parametrize(
    ("name", "start", "limit"), [("dialogue", "", CUE_LIMIT), ("heading", ".", HEADING_LIMIT)]
)
def test_limits(name: str, start: str, limit: int) -> None:
    """Check that a line ends which the voice never ends by itself."""
    automaton = built(name, "stage")
    state = follow(automaton, "stage", start + "X" * (limit - len(start)))
    newline = VOCABULARIES["stage"].index("\n")
    assert np.flatnonzero(automaton.next[state] != BARRED).tolist() == [newline]


characters = st.one_of(
    st.sampled_from("\nAaBIiNTEX MOY.:/*[(@!#~1-'茂ǅ\u0301\u200dİ\xa0"),
    st.characters(codec="utf-8"),
)


@steadily
@given(
    st.sets(characters, max_size=14), st.sampled_from([*ALL]), st.sets(st.text("AB C", min_size=1))
)
def test_no_state_is_a_dead_end(alphabet: set[str], name: str, cast: set[str]) -> None:
    vocabulary = ("\n", *sorted(alphabet - {"\n"}))
    asked = ALL[name] | ({"cast": sorted(cast)} if "cast" in ALL[name] else {})
    refusal = ""
    try:
        automaton = build_grammar(vocabulary, **asked)
    except UnspellableElement as error:
        refusal = str(error)
    if refusal:
        assert re.fullmatch(r"This voice cannot spell .+\.", refusal)
        return
    assert automaton.next.shape == (len(automaton.next), len(vocabulary))
    assert (automaton.next[FREE] == FREE).all()
    assert distances(automaton).max() < len(automaton.next)
    assert (automaton.next != BARRED).any(axis=1).all()


def follow(automaton: Automaton, alphabet: str, text: str) -> int | None:
    """Return the state after a text; None where the automaton bars the text."""
    state = automaton.start
    for character in text:
        token = VOCABULARIES[alphabet].index(character)
        if automaton.next[state, token] == BARRED:
            return None
        state = int(automaton.next[state, token])
    return state


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("speech", "Hello."),
        ("speech", "(quietly)\n...you came.\nINT. is short for interior. \\*wink\\*"),
        ("speech", "STOP!\n"[:-1]),
        ("dialogue", "MAYA\nHello."),
        ("dialogue", "THE 2ND O'HARA (V.O.)\nHello."),
        ("dialogue", "@McAvoy\nHello."),
        ("dialogue", "MAYA (CONT'D)\nA/B [C] *D*"),
        ("dialogue of the cast", "MAYA\nHello."),
        ("dialogue of the cast", "MAYA STONE (V.O.)\nHello."),
        ("dialogue of the cast", "@EST. CLAIRE\nHello."),
        ("action", "Rain.\nWIND.\n(Thunder.)"),
        ("action", "I/O: Maya rises.\nMAYA STONE (40s) waits."),
        ("action", "Internal affairs"),
        ("action", "...and so on"),
        ("heading", "INT. DINER - NIGHT"),
        ("heading", "I/E. CAR"),
        ("heading", "INT./EXT. CAR, MOVING"),
        ("heading", ".ELSINORE. A PLATFORM BEFORE THE CASTLE"),
        ("lock", "MAYA\nHello."),
        ("lock", "MAYA STONE (O.S.)\nHello."),
        ("lock", "MAYA rises, and BOB falls.\nGUARDS enter."),
        ("lock", "MAYA, JO and a guard rise."),
        ("lock", "Enter BOB."),
        ("lock", "A flourish."),
        ("lock", "(BOB waits.)"),
        ("lock", "INT. BOB'S DINER - NIGHT"),
        ("lock", ".BOB'S DINER"),
    ],
)
def test_what_is_allowed(name: str, text: str) -> None:
    assert follow(built(name, "ascii"), "ascii", text + "\n\n") == FREE
    assert parse_model_text(("MAYA\n" if name == "speech" else "") + text) is not None


REFUSED = {
    "speech": ["\n", " ", "#", "!", ".5", ">", "Hi.\n@", "Hi \n", "Hi\n ", "a [[", "a /*", "a\n~"],
    "dialogue": [
        "a",
        "Mc",
        "23\n",
        "MAYA\n\n",
        "MAYA:",
        "INT.",
        "@23\n",
        "EST ",
        "@a  ",
        "X" * 41,
    ],
    "dialogue of the cast": ["B", "MAX", "MAYAS", "JO\n\n", "E", "MAYA (Q"],
    "action": ["MA", "A MA", "MC", "int.", "Int ", ".5", "I/E.", "CU", "2\n"],
    "heading": ["A", "..", ". ", "INT.\n", "INT. -", ".A b", ".Ab", ".X [", "EST.A"],
    "lock": ["BO", "MAYAS", "MAX", "MAYA ST\n", "A GU", "2ND\n", "MAYA, BO", "JO\n\n", "DI", "CU"],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts]
)
def test_what_is_barred(name: str, text: str) -> None:
    automaton = built(name, "ascii")
    assert follow(automaton, "ascii", text[:-1]) is not None
    assert follow(automaton, "ascii", text) is None


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("A FLOURISH.", True),
        ("FADE", True),
        ("茂茂\nAND SO ON", True),
        ("FADE OUT.", False),
        ("FADE IN:", False),
        ("WE CUT TO:", False),
        ("WE CUT\nAWAY", False),
    ],
)
def test_action_in_capitals(text: str, allowed: bool) -> None:
    automaton = built("action", "capitals")
    assert (follow(automaton, "capitals", f"{text}\n\n") == FREE) is allowed


@pytest.mark.parametrize("name", ["dialogue of the cast", "lock"])
def test_everybody_in_the_cast_can_speak(name: str) -> None:
    automaton = built(name, "world")
    for one in CAST:
        cue = f"{make_cue(one)}\n"
        assert follow(automaton, "world", cue) not in {FREE, None}
    stage = built(name, "stage")
    assert follow(stage, "stage", "MAYA STONE\nHello.\n\n") == FREE


def test_what_cannot_be_asked_for() -> None:
    vocabulary = VOCABULARIES["stage"]
    with pytest.raises(UnspellableElement, match=r"any name in the cast"):
        build_grammar(vocabulary, Kind.DIALOGUE, ["茂", "EST. CLAIRE"])
    with pytest.raises(UnspellableElement, match=r"any name in the cast"):
        build_grammar(vocabulary, None, ["茂"])
    with pytest.raises(UnspellableElement, match="transition"):
        build_grammar(vocabulary, Kind.TRANSITION)
    with pytest.raises(UnspellableElement, match="heading"):
        build_grammar(vocabulary, Kind.HEADING, speaking=True)
    with pytest.raises(UnspellableElement, match="a scene heading"):
        build_grammar(("\n", "a"), Kind.HEADING)


def test_nothing_is_asked_for() -> None:
    automaton = build_grammar(("\n", "a"), None)
    assert automaton.start == FREE
    assert automaton.next.tolist() == [[FREE, FREE]]


def test_tables_are_small() -> None:
    cast = [f"{one}{two}RENCIA THE {one}" for one in "ABCDE" for two in "AEIOU"]
    automaton = build_grammar(VOCABULARIES["ascii"], None, cast)
    assert automaton.next.nbytes < 10e5


def test_what_is_barred_is_nothing_that_a_script_has() -> None:
    """Check that an element of a stored script can be written as it stands."""
    automaton = built("action", "ascii")
    for text in ("The ghost beckons.", "She (still) waits.", "Exit HAMLET."):
        assert parse_model_text(text) == Element(Kind.ACTION, text)
        assert follow(automaton, "ascii", f"{text}\n\n") == FREE
