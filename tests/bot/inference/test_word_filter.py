"""Test banned words in random texts against slow references."""

from __future__ import annotations

import re
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inference.word_filter import BannedWordFilter, find_banned_word, find_word_boundaries

often = settings(max_examples=60, deadline=None, derandomize=True)

LETTERS = ("\n", *"abAé '-1ß\u0301")
texts = st.lists(st.sampled_from([*LETTERS, "a b", " a ", " b\n", "-b'"]), max_size=16).map("".join)
entries = st.one_of(
    st.text(alphabet="abA é'-ßs\u0301", max_size=6),
    st.lists(st.sampled_from(["a", "b", "É", "ab"]), max_size=3).map(" ".join),
)


def words_of(text: str) -> list[str]:
    plain = text.lower().replace("\u0301", "").replace("ß", "ss").replace("é", "e")
    return re.findall(r"\w+", plain)


@often
@given(texts, st.lists(entries, max_size=6))
def test_banned_words_are_found_where_they_end(text: str, words: list[str]):
    banned = BannedWordFilter.of(LETTERS, words)
    phrases = [phrase for word in words if (phrase := words_of(word))]
    state, expected = banned.start, 0
    for at, character in enumerate(text):
        token = LETTERS.index(character)
        state = banned.next[state, token]
        if character != "\u0301":
            ends = [len(one) for one in phrases if words_of(text[:at])[-len(one) :] == one]
            expected = min(ends, default=0) if character in "\n '-" else 0
        assert find_word_boundaries(LETTERS)[token] == (character in "\n '-")
        assert banned.words[state] == expected
    assert banned.longest == max(map(len, phrases), default=0)


@often
@given(texts, st.lists(entries, max_size=6))
def test_a_search_finds_what_the_filter_finds(text: str, words: list[str]):
    banned = BannedWordFilter.of(LETTERS, words)
    state, found = banned.start, False
    for character in text + "\n":
        state = banned.next[state, LETTERS.index(character)]
        found = found or banned.words[state] > 0
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
    ("text", "count"),
    [("b a b ", 1), ("a b ", 1), ("b a ", 2), ("a- b a\n", 2), ("a b", 0), ("a ", 0), ("ab ", 0)],
)
def test_as_few_words_as_possible_are_taken_back(text: str, count: int):
    banned = BannedWordFilter.of(LETTERS, ["a b", "b a", "b", "a b a"])
    state = banned.start
    for character in text:
        state = int(banned.next[state, LETTERS.index(character)])
    assert banned.words[state] == count
    assert banned.longest == 3


def test_words_outside_the_vocabulary_ban_nothing():
    banned = BannedWordFilter.of(("\n", "a", " "), ["xyz", "", "...", "b a"])
    assert not banned.words.any()
    assert banned.longest == 2
    assert not BannedWordFilter.of(("\n",), []).words.any()


def test_the_table_of_a_long_list_is_small():
    random = np.random.default_rng(0)
    words = ["".join(random.choice([*string.ascii_lowercase], 8)) for _ in range(1000)]
    banned = BannedWordFilter.of(("\n", *map(chr, range(32, 127)), *"éèàß"), words)
    assert banned.next.nbytes < 5e6
    assert banned.next.dtype == np.int32
    assert banned.words.dtype == np.int16
