"""Tests that the n-gram model is the one of the book."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from training.experiments.counted import KneserNey

TEXT = np.array(
    [int(c) for c in "3141592653589793238462643383279502884197169399375105820974944592"]
)
SYMBOLS = 10


def slowly(text: list[int], context: tuple[int, ...], longest: int) -> np.ndarray:
    """Compute interpolated modified Kneser-Ney by its definition, after one context."""
    read = [-1] * longest + text
    grams = Counter(tuple(read[i : i + longest + 1]) for i in range(len(text)))
    for _ in range(longest - len(context)):
        grams = Counter(gram[1:] for gram in grams)  # number of distinct predecessors
    n = [sum(count == k for count in grams.values()) or 1 for k in range(5)]
    y = n[1] / (n[1] + 2 * n[2])
    raw = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
    discount = [min(max(d, 0.1), k + 1) for k, d in enumerate(raw)]
    after: dict[int, int] = defaultdict(int)
    for gram, count in grams.items():
        if gram[:-1] == context:
            after[gram[-1]] += count
    shorter = slowly(text, context[1:], longest) if context else np.full(SYMBOLS, 1 / SYMBOLS)
    if not after:
        return shorter
    total = sum(after.values())
    left = sum(discount[min(count, 3) - 1] for count in after.values())
    found = shorter * left / total
    for symbol, count in after.items():
        found[symbol] += (count - discount[min(count, 3) - 1]) / total
    return found


def after(model: KneserNey, text: np.ndarray) -> np.ndarray:
    """Return the distribution after each token of a text: [length, symbols]."""
    logits, _ = model(torch.from_numpy(text)[:, None], model.start(1))
    return logits[:, 0].exp().numpy()


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_probabilities_are_those_of_modified_kneser_ney(longest: int):
    model = KneserNey([TEXT], SYMBOLS, longest)
    other = np.array([3, 1, 4, 1, 8, 8, 0, 7, 9, 3, 2])
    found = after(model, other)
    padded = [-1] * longest + other.tolist()
    for i in range(len(other)):
        context = tuple(padded[i + 1 : i + 1 + longest])
        np.testing.assert_allclose(found[i], slowly(TEXT.tolist(), context, longest), rtol=1e-5)


def test_probabilities_sum_to_1_and_none_is_0():
    found = after(KneserNey([TEXT, TEXT[::-1]], SYMBOLS, 4), TEXT)
    assert found.shape == (len(TEXT), SYMBOLS)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert found.min() > 0


def test_n_grams_do_not_reach_from_one_text_into_the_next():
    apart = KneserNey([np.array([0, 1, 0, 1]), np.array([2, 3, 2, 3])], SYMBOLS, 2)
    joined = KneserNey([np.array([0, 1, 0, 1, 2, 3, 2, 3])], SYMBOLS, 2)
    after_1 = np.array([0, 1])
    assert after(apart, after_1)[1][2] < after(joined, after_1)[1][2]
