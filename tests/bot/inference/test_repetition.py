"""Test the cost of repetition against a slow reference, and by examples."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.processors.repetition import (
    FREE_MATCH,
    LONGEST_MATCH,
    NO_PASSAGE,
    PENALTY,
    REACH,
    advance_matches,
    find_passages,
    subtract_penalty,
)

LETTERS = "\n ABCXYZabcxyz."
IDS = {letter: i for i, letter in enumerate(LETTERS)}
LOWER_CASE = np.array([letter.islower() for letter in LETTERS])
MODEL = SimpleNamespace(lower_case=LOWER_CASE, newline=IDS["\n"])


def tokens(text: str) -> np.ndarray:
    return np.array([IDS[letter] for letter in text], np.int64)


def shown(text: str) -> tuple[str, bool]:
    """Return the text with a dash for each character that does not count."""
    passages, counting = find_passages(tokens(text), MODEL)
    marks = ("-" if passage == NO_PASSAGE else LETTERS[passage] for passage in passages)
    return "".join(marks).replace("\n", "/"), counting


def costs(past: list[int], repetition: float = 1.0) -> np.ndarray:
    """Return the cost of each character after the past, step by step."""
    log = np.full((1, REACH + len(past)), NO_PASSAGE, np.int16)
    matches = np.zeros((1, REACH), np.uint8)
    for i, passage in enumerate(past):
        advance_matches(matches, log[:, i : i + REACH], np.array([passage], np.int16))
        log[0, REACH + i] = passage
    logits = np.zeros((1, len(LETTERS)), np.float32)
    subtract_penalty(logits, matches, log[:, len(past) :], np.array([repetition], np.float32))
    return -logits[0]


def slowly(past: list[int]) -> np.ndarray:
    """Return the same costs from a look at every earlier place."""
    cost = np.zeros(len(LETTERS), np.float32)
    for end in range(max(0, len(past) - 1 - REACH), len(past) - 1):
        agree = 0
        while agree <= end and past[end - agree] == past[-1 - agree] != NO_PASSAGE:
            agree += 1
        following = past[end + 1]
        if following != NO_PASSAGE:
            cost[following] = max(cost[following], PENALTY[min(agree, 255)])
    return cost


repetitive = st.lists(
    st.lists(st.integers(2, 4) | st.just(NO_PASSAGE), min_size=1, max_size=12),
    min_size=1,
    max_size=4,
).flatmap(lambda parts: st.lists(st.sampled_from(parts), min_size=1, max_size=30))


@given(repetitive)
def test_costs_agree_with_the_slow_reference(parts: list[list[int]]):
    past = [passage for part in parts for passage in part]
    np.testing.assert_array_equal(costs(past), slowly(past))


def test_a_long_loop_is_counted_to_the_end():
    past = [3, 4, 5] * 200
    np.testing.assert_array_equal(costs(past), slowly(past))
    assert costs(past)[3] == PENALTY[LONGEST_MATCH]


def test_a_longer_match_costs_more():
    sentence = tokens("abcxyzabccxyz.a x").tolist()
    seen = []
    for length in range(1, len(sentence)):
        cost = costs([*sentence, NO_PASSAGE, *sentence[:length]])
        seen.append(float(cost[sentence[length]]))
        assert np.count_nonzero(cost) <= 1
    assert all(cost == 0 for cost in seen[: FREE_MATCH - 1])
    assert seen[FREE_MATCH - 1] == 1
    assert seen[FREE_MATCH - 1 :] == sorted(set(seen[FREE_MATCH - 1 :]))
    half = costs([*sentence, NO_PASSAGE, *sentence[:-1]], repetition=0.5)
    assert float(half.max()) == seen[-1] / 2


def test_a_passage_beyond_the_reach_costs_nothing():
    sentence = tokens("abcxyzabccxyz.").tolist()
    between = [NO_PASSAGE] * (REACH - len(sentence))
    assert costs([*sentence, *between[1:], *sentence[:-1]]).any()
    assert not costs([*sentence, *between, *between, *sentence[:-1]]).any()


def test_speech_and_action_count_and_cues_and_headings_do_not():
    assert shown("\nABC\nXa by.\n") == ("-----Xa by./", True)
    assert shown("\n.XYZ A\n\nA abc.\n") == ("--------/---bc./", True)
    assert shown("\nABC\nX.\n\nXYZ\n") == ("-----X.//----", True)
    assert shown("\nABC\nX.\n\nX") == ("-----X.//-", False)
    assert shown("\nABC\n") == ("-----", True)
