"""Test banned words in random texts against slow references."""

from __future__ import annotations

import re
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inference.word_filter import BannedWordFilter, find_banned_word, find_word_boundaries

often = settings(max_examples=200, deadline=None, derandomize=True)

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
def test_banned_words_are_found_where_they_end(text: str, words: list[str]) -> None:
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
def test_what_is_said_is_found(text: str, words: list[str]) -> None:
    banned = BannedWordFilter.of(LETTERS, words)
    state, found = banned.start, False
    for character in text + "\n":
        state = banned.next[state, LETTERS.index(character)]
        found = found or banned.words[state] > 0
    assert (find_banned_word(text, words) is not None) == found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Oh, damn!", "damn"),
        ("DAMN", "damn"),
        ("dámn", "damn"),
        ("da\u0301mn", "damn"),
        ("ｄａｍｎ", "damn"),
        ("da\u200bmn", "damn"),
        ("damn's", "damn"),
        ("damned", None),
        ("goddamn", None),
        ("don't", "don't"),
        ("DON\u2019T", "don't"),
        ("don\n\n  t", "don't"),
        ("dont", None),
        ("Strasse", "straße"),
        ("a.b--C", "a b c"),
        ("a bc", None),
        ("so a b c, damn", "a b c"),
        ("", None),
        ("?! ...", None),
    ],
)
def test_said(text: str, word: str | None) -> None:
    assert find_banned_word(text, ["damn", "don't", "straße", "a b c", "...", ""]) == word


@pytest.mark.parametrize(
    ("text", "count"),
    [("b a b ", 1), ("a b ", 1), ("b a ", 2), ("a- b a\n", 2), ("a b", 0), ("a ", 0), ("ab ", 0)],
)
def test_the_fewest_words_are_taken_back(text: str, count: int) -> None:
    banned = BannedWordFilter.of(LETTERS, ["a b", "b a", "b", "a b a"])
    state = banned.start
    for character in text:
        state = int(banned.next[state, LETTERS.index(character)])
    assert banned.words[state] == count
    assert banned.longest == 3


def test_a_list_of_words_that_cannot_be_said() -> None:
    banned = BannedWordFilter.of(("\n", "a", " "), ["xyz", "", "...", "b a"])
    assert not banned.words.any()
    assert banned.longest == 2
    assert not BannedWordFilter.of(("\n",), []).words.any()


def test_a_long_list_is_small() -> None:
    random = np.random.default_rng(0)
    words = ["".join(random.choice([*string.ascii_lowercase], 8)) for _ in range(2000)]
    banned = BannedWordFilter.of(("\n", *map(chr, range(32, 127)), *"éèàß"), words)
    assert banned.next.nbytes < 10e6
    assert banned.next.dtype == np.int32
    assert banned.words.dtype == np.int16
