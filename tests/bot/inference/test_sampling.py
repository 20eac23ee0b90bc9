"""Test the draw of a character: against a slow reference, and against the probabilities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.sampling import LARGEST_UNIFORM, compute_token_bits, draw_tokens, draw_uniforms


def draw(logits: list[float], *settings: float) -> int:
    """Return the draw of a row that is alone: at a temperature, top-p, min-p and random number."""
    columns = (np.array([x], np.float32) for x in settings)
    [token] = draw_tokens(np.array([logits], np.float32), *columns)
    return int(token)


def slowly(
    logits: list[float], temperature: float, top_p: float, min_p: float, uniform: float
) -> int:
    """Return the same draw as on paper: cut the tail off, walk until the share is reached."""
    weights = [math.exp((x - max(logits)) / temperature) for x in logits]
    nucleus = 0.0
    least = 0.0
    for weight in sorted(weights, reverse=True):
        if nucleus >= top_p * sum(weights):
            break
        nucleus += weight
        least = weight
    kept = [w if w >= least * (1 - 1e-6) and w >= min_p else 0.0 for w in weights]
    passed = 0.0
    for token, weight in enumerate(kept):
        passed += weight / sum(kept)
        if passed > uniform:
            return token
    return max(token for token, weight in enumerate(kept) if weight)


def around(number: float) -> tuple[float, float]:
    """Return the bounds of what single-precision rounding can make of a number."""
    return number * (1 - 1e-5), number * (1 + 1e-5)


possible = st.floats(-12, 12, width=32) | st.sampled_from([0.0, 1.0])
Row = tuple[list[float], float, float, float, float]
rows = st.tuples(
    st.lists(possible | st.just(-math.inf), min_size=1, max_size=12).filter(
        lambda logits: max(logits) > -math.inf
    ),
    st.integers(1, 20).map(lambda n: n / 10),
    st.integers(1, 100).map(lambda n: n / 100),
    st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]),
    st.integers(0, 999).map(lambda n: n / 1000),
)


@given(rows)
def test_a_draw_agrees_with_the_slow_reference(row: Row):
    logits, temperature, top_p, min_p, uniform = row
    near = {
        slowly(logits, temperature, p, m, u)
        for p in around(top_p)
        for m in (min_p * (1 - 1e-5), min(1.0, min_p * (1 + 1e-5)))
        for u in around(uniform)
    }
    assert draw(*row) in near


@given(rows, st.sampled_from([0.0, 0.5, LARGEST_UNIFORM]))
def test_no_draw_is_barred_and_that_of_a_tiny_nucleus_is_the_likeliest(row: Row, uniform: float):
    logits, temperature, _, min_p, _ = row
    assert logits[draw(logits, temperature, 1.0, min_p, uniform)] > -math.inf
    likeliest = logits[draw(logits, temperature, 1e-9, min_p, uniform)]
    assert likeliest == pytest.approx(max(logits), abs=1e-5)


@given(st.integers(0, 2**63 - 1), st.integers(1, 40), st.integers(1, 90))
def test_a_draw_does_not_depend_on_other_rows(seed: int, count: int, characters: int):
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=4, size=(count, characters)).astype(np.float32)
    ranges = ((0.1, 2), (0.01, 1), (0, 0.2), (0, 1))
    columns = [rng.uniform(*ends, count).astype(np.float32) for ends in ranges]
    before = logits.copy()
    together = draw_tokens(logits, *columns)
    assert together.dtype == np.int64
    assert together.tolist() == [draw(*row) for row in zip(logits.tolist(), *columns, strict=True)]
    costs = compute_token_bits(logits, together)
    for i in range(count):
        assert compute_token_bits(logits[i : i + 1], together[i : i + 1])[0] == costs[i]
    np.testing.assert_array_equal(logits, before)


def test_a_share_includes_its_beginning_and_excludes_its_end():
    logits = [math.log(x) for x in (4, 3, 2, 1)]
    drawn = [draw(logits, 1.0, 0.65, 0.0, uniform) for uniform in (0.0, 0.57, 0.58, 0.999)]
    assert drawn == [0, 0, 1, 1]


def test_surprisal_is_in_bits():
    logits = np.log(np.array([[1, 2, 1], [5, 0.5, 4.5]], np.float32)) + 7
    np.testing.assert_allclose(compute_token_bits(logits, np.array([0, 0])), [2, 1], rtol=1e-5)
    np.testing.assert_allclose(
        compute_token_bits(logits, np.array([1, 2])), [1, math.log2(10 / 4.5)], rtol=1e-5
    )


def test_the_uniform_numbers_of_a_line_depend_on_its_seed():
    numbers = draw_uniforms(3, 10_000)
    np.testing.assert_array_equal(numbers, draw_uniforms(3, 10_000))
    np.testing.assert_array_equal(numbers[:5], draw_uniforms(3, 5))
    assert not np.array_equal(numbers, draw_uniforms(4, 10_000))
    assert numbers.dtype == np.float32
    assert ((numbers >= 0) & (numbers < 1)).all()
    np.testing.assert_allclose(np.histogram(numbers, 10, (0, 1))[0], 1000, atol=120)
    assert len({draw_uniforms(seed, 1)[0] for seed in (0, 2**16, 2**32, 2**63 - 1)}) == 4
