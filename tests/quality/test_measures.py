"""Tests of the counts on how lines read."""

import random

import numpy as np
import pytest

from bot.screenplay.fountain import parse_model_text
from tests.quality.measures import (
    BLOCK,
    COPIED,
    NEAR,
    Counts,
    English,
    distinct,
    longest_copies,
    loops,
    repeated,
    words,
)


@pytest.fixture(scope="module")
def english() -> English:
    return English(["Enter XYZZY, a wizard."])


def test_a_word_of_a_dictionary_or_the_training_text_is_real(english: English):
    assert english.real("The wizard Xyzzy said flibberty.") == (4, 5)
    assert words("Who\u2019s THERE, at 5?") == ["who's", "there", "at"]


def test_content_words_match_without_their_endings(english: English):
    before = "Two swans stood in my kitchen.\nAnd the feathers?"
    assert english.content(before) == {"swan", "stood", "kitchen", "feather"}
    assert english.taken_up(before, "That swan's feather is mine.") == (2, 4)
    assert english.taken_up(before, "And what did you get?") == (0, 4)
    assert english.taken_up("And what did you get?", before) == (0, 0)
    assert not english.content("What hast thou done to me, sir?") - {"done"}


def test_a_repetition_within_reach_is_a_loop():
    assert not any(repeated("The rain in Spain."))
    assert sum(repeated("To be so. To be so.")) == 2
    far = "To be so." + "".join(map(chr, range(1000, 1000 + NEAR))) + "To be so."
    assert not any(repeated(far))


def test_only_loops_of_the_line_are_counted():
    assert loops("No, no, no, no, no, no.", "Yes.") == (0, 4)
    assert loops("I know the rain in Spain.", "I know the rain.")[0] == len("I know the rain") - 7
    assert loops("x" * NEAR + "I know.", "") == (0, 0)


def test_lines_with_other_words_are_distinct():
    lines = ["MAYA\nYes.", "JONAS\nYes!", "MAYA\nNo.", "MAYA\n(nods)\nYes."]
    assert distinct([parse_model_text(line) for line in lines]) == 0.75


def test_copies_are_measured_to_the_character():
    chance = random.Random(1)
    text = "".join(chance.choices("abcdefgh ", k=20_000))
    learned = [text[:9_000], text[9_000:]]
    for length in (COPIED + 1, COPIED + 7, 333, 1_000):
        for at in (5_000, 5_001, 5_000 + BLOCK - 1, 9_000, 20_000 - length):
            inside = "#" + text[at : at + length] + "#"
            assert longest_copies(["#" * length, inside], learned) == [0, length]
    across = text[9_000 - 100 : 9_000 + 70]
    assert longest_copies([across], learned) == [100]  # no text continues in the next one


def test_a_measure_is_a_ratio_of_sums_with_an_error():
    chance = np.random.default_rng(2)
    size = chance.uniform(10, 100, 400)
    people = Counts({"bits": np.stack([1.4 * size, size], axis=1)}, 1.0)
    cost = size * chance.normal(1.75, 0.5, 400)
    voice = Counts({"bits": np.stack([cost, size], axis=1)}, 0.9)
    assert people.value("bits") == pytest.approx(1.4)
    assert voice.value("bits") == pytest.approx(cost.sum() / size.sum())
    share, error = voice.over(people, "bits")
    assert share == pytest.approx(cost.sum() / (1.4 * size.sum()))
    # A mean of 400 values that each err by 0.5, and by more because lengths differ; over 1.4.
    assert 0.5 / 20 / 1.4 < error < 1.4 * 0.5 / 20 / 1.4
    assert voice.over(people, "bits") == (share, error)
    assert voice.over(people, "distinct") == (0.9, pytest.approx(float("nan"), nan_ok=True))


def test_a_measure_of_nothing_has_no_share():
    never = Counts({"copies": np.array([[0, 1], [0, 1]], float)})
    assert np.isnan(never.over(never, "copies")).all()
