"""Test grammars with random texts that they allow, by other parsers of Fountain."""

import os
import re
import string
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.cleaning import clean
from bot.errors import UnspellableElement
from bot.inference.automaton import BARRED, FREE, Automaton
from bot.inference.grammar import CUE_LIMIT, HEADING_LIMIT, build_grammar, build_speech
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import make_cue, parse_model_text
from tests.bot.screenplay.parsers import BEFORE, assert_one_element

WALKS = int(os.environ.get("ONBOOK_WALKS", "6"))
"""The number of texts for each vocabulary and constraint; 300 make 10,000 in all."""

ASCII = "".join(map(chr, range(32, 127)))
VOCABULARIES = {
    "stage": tuple("\n !\"&'(),-.2:;?" + string.ascii_letters + "[]"),
    "ascii": tuple("\n" + ASCII),
    "world": tuple(
        "\n"
        + ASCII
        + "éÉßŒœ茂来たか。İıſªŉǆǅⅧ½\u0301\u0338क्षी\u200d👩🚀↔\u3164\xa0\u2028\t\r\u212a"
    ),
    "world in few letters": tuple("\nAa \u0301茂\u200d[/*.!(T)O:Eİnſ\u0131x@#>123"),
    "capitals": tuple("\n" + string.ascii_uppercase + " .,:;!?'-/()[]*@>茂"),
    "no capitals": tuple("\n" + string.ascii_lowercase + " .,:;!?'-/()[]*@>"),
}
CAST = ("MAYA", "MAYA STONE", "JO", "O'BRIEN", "2ND GUARD", "EST. CLAIRE", "茂")
ALL = {
    "speech": {},
    "dialogue": {"kind": Kind.DIALOGUE},
    "dialogue of the cast": {"kind": Kind.DIALOGUE, "cast": CAST},
    "action": {"kind": Kind.ACTION},
    "heading": {"kind": Kind.HEADING},
}


def build(vocabulary: Sequence[str], **asked: Any) -> Automaton:
    """Return the automaton of an element, or of speech below a cue."""
    return build_grammar(vocabulary, **asked) if asked else build_speech(vocabulary)


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


@cache
def built(name: str, alphabet: str) -> Automaton:
    try:
        return build(VOCABULARIES[alphabet], **ALL[name])
    except UnspellableElement:
        pytest.skip("these characters cannot spell it")


@pytest.mark.parametrize("alphabet", VOCABULARIES)
@pytest.mark.parametrize("name", ALL)
def test_an_allowed_text_is_one_element(name: str, alphabet: str):
    automaton = built(name, alphabet)
    kind = ALL[name].get("kind", Kind.DIALOGUE)
    opening = "MAYA\n" if name == "speech" else ""
    for at, written in enumerate(walks(automaton, VOCABULARIES[alphabet], WALKS)):
        text = clean(opening + written[:-2])
        # The text is stored as written, because nothing needed forcing or an escape.
        read = parse_model_text(text)
        assert read is not None
        assert read.text == text
        assert read.kind is kind
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


@pytest.mark.parametrize(
    ("name", "start", "limit"), [("dialogue", "", CUE_LIMIT), ("heading", ".", HEADING_LIMIT)]
)
def test_a_cue_and_a_heading_end_at_their_limits(name: str, start: str, limit: int):
    automaton = built(name, "stage")
    state = follow(automaton, "stage", start + "X" * (limit - len(start)))
    newline = VOCABULARIES["stage"].index("\n")
    assert np.flatnonzero(automaton.next[state] != BARRED).tolist() == [newline]


characters = st.one_of(
    st.sampled_from("\nAaBIiNTEX MOY.:/*[(@!#~1-'茂ǅ\u0301\u200dİ\xa0"),
    st.characters(codec="utf-8"),
)


@settings(max_examples=30)
@given(
    st.sets(characters, max_size=14), st.sampled_from([*ALL]), st.sets(st.text("AB C", min_size=1))
)
def test_no_state_is_a_dead_end(alphabet: set[str], name: str, cast: set[str]):
    vocabulary = ("\n", *sorted(alphabet - {"\n"}))
    asked = ALL[name] | ({"cast": sorted(cast)} if "cast" in ALL[name] else {})
    refusal = ""
    try:
        automaton = build(vocabulary, **asked)
    except UnspellableElement as error:
        refusal = str(error)
    if refusal:
        assert re.fullmatch(r"This voice cannot write .+\.", refusal)
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


ALLOWED = {
    "speech": [
        *("Hello.", "(quietly)\n...you came.\nINT. is short for interior. \\*wink\\*", "STOP!")
    ],
    "dialogue": [
        *("MAYA\nHello.", "THE 2ND O'HARA (V.O.)\nHello.", "@McAvoy\nHello."),
        "MAYA (CONT'D)\nA/B [C] *D*",
    ],
    "dialogue of the cast": ["MAYA\nHello.", "MAYA STONE (V.O.)\nHello.", "@EST. CLAIRE\nHello."],
    "action": [
        *("Rain.\nWIND.\n(Thunder.)", "I/O: Maya rises.\nMAYA STONE (40s) waits."),
        *("Internal affairs", "...and so on"),
        # A stored script may have these.
        *("The ghost beckons.", "She (still) waits.", "Exit HAMLET."),
    ],
    "heading": [
        *("INT. DINER - NIGHT", "I/E. CAR", "INT./EXT. CAR, MOVING"),
        ".ELSINORE. A PLATFORM BEFORE THE CASTLE",
    ],
}


@pytest.mark.parametrize("name", ALL)
def test_plain_fountain_is_allowed(name: str):
    for text in ALLOWED[name]:
        assert follow(built(name, "ascii"), "ascii", text + "\n\n") == FREE, text
        stored = ("MAYA\n" if name == "speech" else "") + text
        assert parse_model_text(stored).text == stored


REFUSED = {
    "speech": ["\n", " ", "#", "!", ".5", ">", "Hi.\n@", "Hi \n", "Hi\n ", "a [[", "a /*", "a\n~"],
    "dialogue": ["a", "Mc", "23\n", "MAYA\n\n", "MAYA:", "INT.", "@23\n", "EST ", "@a  ", "X" * 41],
    "dialogue of the cast": ["B", "MAX", "MAYAS", "JO\n\n", "E", "MAYA (Q"],
    "action": ["MA", "A MA", "MC", "int.", "Int ", ".5", "I/E.", "CU", "2\n"],
    "heading": ["A", "..", ". ", "INT.\n", "INT. -", ".A b", ".Ab", ".X [", "EST.A"],
}


@pytest.mark.parametrize("name", ALL)
def test_other_texts_are_barred_at_their_last_character(name: str):
    automaton = built(name, "ascii")
    for text in REFUSED[name]:
        assert follow(automaton, "ascii", text[:-1]) is not None, text
        assert follow(automaton, "ascii", text) is None, text


def test_action_in_capitals_is_no_transition():
    automaton = built("action", "capitals")
    for text in ("A FLOURISH.", "FADE", "茂茂\nAND SO ON"):
        assert follow(automaton, "capitals", f"{text}\n\n") == FREE
    for text in ("FADE OUT.", "FADE IN:", "WE CUT TO:", "WE CUT\nAWAY"):
        assert follow(automaton, "capitals", f"{text}\n\n") != FREE


def test_everybody_in_the_cast_can_speak():
    name = "dialogue of the cast"
    automaton = built(name, "world")
    for speaker in CAST:
        cue = f"{make_cue(speaker)}\n"
        assert follow(automaton, "world", cue) not in {FREE, None}
    stage = built(name, "stage")
    assert follow(stage, "stage", "MAYA STONE\nHello.\n\n") == FREE


def test_an_element_that_the_vocabulary_cannot_spell_is_refused():
    vocabulary = VOCABULARIES["stage"]
    with pytest.raises(UnspellableElement, match=r"any name in the cast"):
        build_grammar(vocabulary, Kind.DIALOGUE, ["茂", "EST. CLAIRE"])
    with pytest.raises(UnspellableElement, match="scene headings"):
        build_grammar(("\n", "a"), Kind.HEADING)


def test_tables_are_small():
    cast = [f"{letter}{vowel}RENCIA THE {letter}" for letter in "ABCDE" for vowel in "AEIOU"]
    automaton = build_grammar(VOCABULARIES["ascii"], Kind.DIALOGUE, cast)
    assert automaton.next.nbytes < 10e5
