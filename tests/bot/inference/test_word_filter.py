"""Test banned words in random texts against slow references."""

import re
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.generation.generator import build_cached_filter
from bot.inference.automaton import BARRED
from bot.inference.word_filter import build_word_filter, find_banned_word
from bot.session.banned_words import MAX_WORD_LENGTH, MAX_WORDS

LETTERS = ("\n", *"abAé '-1ß\u0301")
texts = st.lists(st.sampled_from([*LETTERS, "a b", " a ", " b\n", "-b'"]), max_size=16).map("".join)
entries = st.one_of(
    st.text(alphabet="abA é'-ßs\u0301", max_size=6),
    st.lists(st.sampled_from(["a", "b", "É", "ab"]), max_size=3).map(" ".join),
)


def words_of(text: str) -> list[str]:
    plain = text.lower().replace("\u0301", "").replace("ß", "ss").replace("é", "e")
    return re.findall(r"\w+", plain)


def find_end(text: str, words: list[str]) -> int | None:
    """Return the place of the first character that the filter bars in a text, or None."""
    banned = build_word_filter(LETTERS, words)
    state = banned.start
    for at, character in enumerate(text):
        state = int(banned.next[state, LETTERS.index(character)])
        if state == BARRED:
            return at
    return None


@settings(max_examples=60)
@given(texts, st.lists(entries, max_size=6))
def test_banned_words_are_barred_where_they_end(text: str, words: list[str]):
    phrases = [phrase for word in words if (phrase := words_of(word))]
    ends = [
        at
        for at, character in enumerate(text)
        if character in "\n '-"
        and any(words_of(text[:at])[-len(phrase) :] == phrase for phrase in phrases)
    ]
    assert find_end(text, words) == (ends[0] if ends else None)


@settings(max_examples=60)
@given(texts, st.lists(entries, max_size=6))
def test_a_search_finds_what_the_filter_finds(text: str, words: list[str]):
    found = find_end(text + "\n", words) is not None
    assert (find_banned_word(text, words) is not None) == found


@pytest.mark.parametrize(
    ("word", "texts"),
    [
        ("damn", ["Oh, damn!", "DAMN", "dámn", "da\u0301mn", "ｄａｍｎ", "da\u200bmn", "damn's"]),
        ("don't", ["don't", "DON\u2019T", "don\n\n  t"]),
        ("straße", ["Strasse"]),
        ("a b c", ["a.b--C", "so a b c, damn"]),
        (None, ["damned", "goddamn", "dont", "a bc", "", "?! ..."]),
    ],
)
def test_a_search_ignores_case_accents_and_punctuation(word: str | None, texts: list[str]):
    for text in texts:
        assert find_banned_word(text, ["damn", "don't", "straße", "a b c", "...", ""]) == word


@pytest.mark.parametrize(
    ("text", "end"),
    [("b a ", 3), ("a b ", 3), ("a- b a\n", 4), ("a b", None), ("a ", None), ("ab a ", None)],
)
def test_a_phrase_may_have_words_between_which_anything_stands(text: str, end: int | None):
    assert find_end(text, ["a b", "b a", "a b a"]) == end


def test_words_outside_the_vocabulary_ban_nothing():
    letters = ("\n", "a", " ")
    assert (build_word_filter(letters, ["xyz", "", "...", "b a"]).next != BARRED).all()
    assert (build_word_filter(("\n",), []).next != BARRED).all()


def test_the_cached_filters_of_the_longest_lists_are_small():
    random = np.random.default_rng(0)
    # A server's list and a channel's.
    letters, size = [*string.ascii_lowercase], (2 * MAX_WORDS, MAX_WORD_LENGTH)
    words = ["".join(word) for word in random.choice(letters, size)]
    banned = build_word_filter(("\n", *map(chr, range(32, 127)), *"éèàß"), words)
    assert banned.next.nbytes * build_cached_filter.cache_info().maxsize < 100e6
