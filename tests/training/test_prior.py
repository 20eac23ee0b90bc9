"""Tests of the prior: its expectations, and that its trust is fitted on text it has not seen."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from training.finetune import add_characters, add_contexts
from training.model.contexts import Level, count_followers, join_texts
from training.model.corrections import compute_kneser_ney_counts
from training.model.network import CharLSTM, Shape
from training.model.perfect_hash import place_keys
from training.model.prior import FOLDS, NO_PRIOR, NgramPrior, PriorShape, choose_shape
from training.model.tables import draw_keys

SHAPE = PriorShape(contexts=10_000, longest=6, rows=400, dense=2)

CHARACTERS = 10

SIZES = Shape(CHARACTERS, embedding=6, lower=8, upper=8, prior=SHAPE)


def digits_of(seed: int) -> torch.Tensor:
    """Return 700 digits, some of which are likely after others, more so after longer contexts."""
    generator = np.random.default_rng(seed)
    text = [0, 1, 2, 3]
    for step in generator.integers(1, 4, 700):
        text.append(int((text[-1] + text[-3] * step // 2 + step) % CHARACTERS))
    return torch.tensor(text[4:])


TEXTS = [digits_of(seed) for seed in range(12)]
NEW = digits_of(99)


def test_contexts_that_no_key_tells_apart_are_refused():
    twice = Level(np.zeros(2, dtype=np.int32), np.ones(2, dtype=np.uint8))
    with pytest.raises(ValueError, match="distinct"):
        draw_keys([twice], None)


def prior_of(
    texts: list[torch.Tensor], shape: PriorShape = SHAPE, characters: int = CHARACTERS
) -> NgramPrior:
    prior = NgramPrior(choose_shape(texts, characters, shape), characters)
    prior.learn(texts)
    return prior


@pytest.fixture(scope="module")
def prior() -> NgramPrior:
    return prior_of(TEXTS)


def after(prior: NgramPrior, text: torch.Tensor, folds: torch.Tensor | None = None) -> torch.Tensor:
    """Return the expectations after each character of a whole text: [length, characters]."""
    nothing = torch.zeros(1, prior.shape.history)
    return prior(text[:, None], nothing, None if folds is None else folds[:, None])[0][:, 0]


def cost(prior: NgramPrior, text: torch.Tensor, folds: torch.Tensor | None = None) -> float:
    """Return the bits per character."""
    expected = after(prior, text[:-1], None if folds is None else folds[:-1])
    return -expected[torch.arange(len(text) - 1), text[1:]].mean().item() / np.log(2)


def test_expectations_are_probabilities(prior: NgramPrior):
    expected = after(prior, NEW)
    assert torch.allclose(expected.exp().sum(dim=1), torch.ones(len(NEW)), atol=1e-5)
    assert expected.min() > -20


def test_new_text_costs_less_than_by_kneser_ney(prior: NgramPrior):
    # Modified Kneser-Ney smoothing (Chen & Goodman 1999) of up to 4 characters costs 2.32 bits; no
    # program here computes this again.
    assert cost(prior, NEW) < 2.32 - 0.2
    assert cost(prior, NEW) < cost(prior_of(TEXTS, replace(SHAPE, longest=3)), NEW) - 0.1


def test_a_follower_counts_once_after_each_longer_kept_context():
    # Two works, "aab" and "ab": the context "a" is kept, and "b" is not.
    text = join_texts([np.array([0, 0, 1]), np.array([0, 1])], 1)
    folds = join_texts([np.array([0, 0, 0]), np.array([1, 1])], 1).clip(1) - np.uint8(1)
    level = Level(np.array([0], dtype=np.int32), np.array([1], dtype=np.uint8))
    nothing, after_a = count_followers(text, folds, 2, [level])
    # "a" and "b", in the fold of each work; how works begin counts in the first fold.
    assert nothing.by_fold.tolist() == [[3, 0], [1, 1]]
    assert after_a.by_fold.tolist() == [[1, 0], [1, 1]]
    # In both works, without the first, and without the second: "b" comes twice after "a".
    counts = compute_kneser_ney_counts(nothing, level, after_a, 2)
    assert counts.tolist() == [[3, 0, 3], [1, 1, 1]]


def test_known_contexts_occurred_often_enough(prior: NgramPrior):
    joined = " ".join("".join(map(str, text.tolist())) for text in TEXTS)
    lengths = prior.find_lengths(NEW[:, None], torch.zeros(1, prior.shape.history))[:, 0]
    new = "".join(map(str, NEW.tolist()))
    false = 0
    for i, length in enumerate(lengths.tolist()):
        context = new[max(0, i + 1 - length) : i + 1]
        false += len(re.findall(f"(?={context})", joined)) < 4
        false += len(context) < length
    # One byte tells contexts apart.
    assert false < 0.02 * len(NEW)
    assert lengths.float().mean() > 2.5


def test_more_contexts_make_a_text_cheaper():
    shapes = [replace(SHAPE, contexts=contexts) for contexts in (120, 300, 1200)]
    costs = [cost(prior_of(TEXTS, shape), NEW) for shape in shapes]
    assert costs[0] > costs[1] + 0.01 > costs[2] + 0.02


def test_a_fold_is_predicted_from_the_other_folds():
    alone = torch.tensor([9, 9, 9, 8, 8, 9, 8, 9, 9, 8] * 40)
    prior = NgramPrior(SHAPE, CHARACTERS)
    texts = [*TEXTS[:5], alone, *TEXTS[5:]]
    folds = prior.learn(texts).split([len(text) for text in texts])
    assert folds[5].unique().tolist() == [5]
    others = prior_of(TEXTS)
    assert cost(prior, alone, folds[5]) > cost(prior, alone) + 0.1
    assert cost(prior, alone, folds[5]) < cost(others, alone)


def test_uncounted_text_is_predicted_from_all_counts(prior: NgramPrior):
    tokens, history = TEXTS[0][:30, None], torch.zeros(1, prior.shape.history)
    folds = torch.full_like(tokens, -1)
    folds[:10] = 0
    mixed, _ = prior(tokens, history, folds)
    assert torch.equal(mixed[10:], prior(tokens, history)[0][10:])
    assert torch.equal(mixed[:10], prior(tokens, history, torch.zeros_like(tokens))[0][:10])


def test_works_are_held_out_whole_unless_one_is_too_large():
    def folds(texts: list[torch.Tensor]) -> list[int]:
        prior = NgramPrior(SHAPE, CHARACTERS)
        found = prior.learn(texts).tolist()
        assert len(prior.held_out) == max(found) + 1
        return found

    texts = [text[:300] for text in TEXTS[:3]]
    assert folds(texts) == [0] * 300 + [1] * 300 + [2] * 300
    cut = [i * FOLDS // 300 for i in range(300)]
    shorter = [i * FOLDS // 240 for i in range(240)]
    assert folds([*texts[:2], texts[2][:240]]) == [*cut, *cut, *shorter]
    assert folds(texts[:1]) == cut


def test_a_prior_is_restored_from_its_state_or_tables(prior: NgramPrior):
    again = NgramPrior(SHAPE, CHARACTERS)
    again.load_state_dict(prior.state_dict())
    assert torch.equal(after(again, NEW), after(prior, NEW))
    another = NgramPrior(SHAPE, CHARACTERS)
    another.set_tables(prior.to_tables())
    assert torch.equal(after(another, NEW), after(prior, NEW))


def test_no_prior_where_nothing_is_repeated_or_bytes_are_too_few():
    assert choose_shape(TEXTS, CHARACTERS, SHAPE) == SHAPE
    assert choose_shape([torch.arange(9)], CHARACTERS, SHAPE) == NO_PRIOR
    assert choose_shape(TEXTS, 255, SHAPE) == NO_PRIOR
    assert choose_shape(TEXTS, CHARACTERS, NO_PRIOR) == NO_PRIOR


@torch.no_grad()
def test_a_silent_network_predicts_like_its_prior(prior: NgramPrior):
    model = CharLSTM(SIZES).eval()
    assert model.prior
    model.prior.set_tables(prior.to_tables())
    model.output.weight.zero_()
    model.output.bias.zero_()
    text = NEW[:40]
    logits, state = model(text[:, None], model.start(1))
    assert torch.equal(logits[:, 0], after(prior, text))
    assert state[0, -5:].tolist() == (text[-5:] + 1).tolist()
    model.trust.bias.fill_(0.5)
    assert torch.equal(model(text[:, None], model.start(1))[0], logits / 2)
    model.trust_length.weight[2] = 0.5
    _, lengths = prior(text[:, None], torch.zeros(1, 5))
    trusted = torch.where(lengths[..., None] == 2, logits, logits / 2)
    assert torch.equal(model(text[:, None], model.start(1))[0], trusted)


# The blend with further texts


def walk_of(seed: int, length: int, most: int = CHARACTERS) -> torch.Tensor:
    """Return a text that walks round ``most`` digits in small steps."""
    generator = np.random.default_rng(seed)
    steps = generator.integers(1, 3, length) * generator.integers(1, 3, length)
    return torch.from_numpy(np.cumsum(steps) % most)


MORE = [walk_of(seed, 400, 12) for seed in range(5, 9)]
"""Texts with two characters more."""


SMALL = PriorShape(400, 4, rows=100, dense=2)


@pytest.fixture(scope="module")
def before() -> NgramPrior:
    return prior_of([walk_of(seed, 2000) for seed in range(2)], SMALL)


@pytest.fixture(scope="module")
def both(before: NgramPrior) -> tuple[NgramPrior, torch.Tensor]:
    return add_contexts(add_characters(before, MORE, 12), MORE)


def test_a_grown_prior_keeps_its_contexts_and_shares(before: NgramPrior):
    larger = add_characters(before, MORE, 12)
    text, nothing = walk_of(3, 50), torch.zeros(1, before.shape.history)
    known = [prior.find_lengths(text[:, None], nothing) for prior in (before, larger)]
    assert torch.equal(*known)
    were, found = after(before, text), after(larger, text)
    share = sum((text >= 10).sum() for text in MORE) / sum(map(len, MORE))
    # Corrections take the same share from new characters as from all others.
    shares = were.exp() / (found[:, :10].exp() / (1 - found[:, 10:].exp().sum(1, True)))
    assert torch.allclose(shares, torch.ones_like(shares), rtol=0.05)
    least, most = found[:, 10:].exp().sum(1).aminmax()
    assert 0 < least < share < most * 1.2


def test_a_blend_predicts_better_than_either(before: NgramPrior, both):
    new = prior_of(MORE, SMALL, 12)
    # One half reads like the old texts, the other like the new ones.
    judged = [walk_of(20, 400), walk_of(21, 400, 12)]
    costs = [
        sum(cost(prior, text) for text in judged)
        for prior in (both[0], add_characters(before, MORE, 12), new)
    ]
    assert costs[0] < min(costs[1:])


def test_a_fold_is_predicted_from_the_old_texts_and_the_other_folds(
    before: NgramPrior, both: tuple[NgramPrior, torch.Tensor]
):
    prior, folds = both
    assert folds.tolist() == [i for i in range(4) for _ in range(400)]
    assert prior.held_out.shape == (4, len(prior.codes))
    for fold, text in enumerate(MORE):
        alone = cost(prior, text, torch.full_like(text, fold))
        assert cost(prior, text) + 0.01 < alone < cost(add_characters(before, MORE, 12), text)


def test_a_blend_can_be_blended_again(both):
    newer = [walk_of(seed, 400, 11) for seed in range(30, 34)]
    again, _ = add_contexts(both[0], newer)
    assert again.lengths.tolist().count(1) == 3
    judged = walk_of(50, 400, 11)
    assert cost(again, judged) < cost(both[0], judged) - 0.01


# The perfect hash


def look(placed, keys):
    """Look keys up by the definition: the number stored in a key's slot."""
    buckets, slots = len(placed.shifts), len(placed.numbers)
    return placed.numbers[(keys + placed.shifts[keys % buckets]) % slots]


@pytest.mark.parametrize("count", [1, 2, 7, 100, 5000])
def test_each_key_has_its_own_slot(count):
    keys = np.unique(np.random.default_rng(count).integers(1, 2**60, count))
    placed = place_keys(keys)
    np.testing.assert_array_equal(look(placed, keys), np.arange(1, len(keys) + 1))
    assert (placed.numbers > 0).sum() == len(keys)
    # Two keys rarely share a bucket and a slot, but they do among few slots.
    assert len(placed.numbers) <= (1.06 if count > 1000 else 2) * len(keys) + 20


def test_colliding_keys_get_other_slots():
    keys = np.unique(np.random.default_rng(3).integers(1, 2**50, 300))
    first = place_keys(keys)
    keys[-1] = keys[0] + len(first.shifts) * len(first.numbers)
    placed = place_keys(keys)
    assert len(placed.numbers) > len(first.numbers)
    np.testing.assert_array_equal(look(placed, keys), np.arange(1, len(keys) + 1))
