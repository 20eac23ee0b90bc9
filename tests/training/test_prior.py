"""The prior: what it expects, and that it has not seen what it is trusted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from training import prior as prior_module
from training.kneser_ney import KneserNey
from training.model import CharLSTM, Shape
from training.ngrams import MemoryShape
from training.prior import NO_PRIOR, PARTS, STEP, NgramPrior, PriorShape, fitted

SHAPE = PriorShape(contexts=10_000, longest=4)
CHARACTERS = 10


def digits_of(seed: int, length: int) -> torch.Tensor:
    """A text in which some things are likely after others."""
    generator = np.random.default_rng(seed)
    steps = generator.integers(1, 3, length) * generator.integers(1, 3, length)
    return torch.from_numpy(np.cumsum(steps) % CHARACTERS)


TEXTS = [digits_of(seed, 300) for seed in range(3)]


def prior_of(texts: list[torch.Tensor], shape: PriorShape = SHAPE) -> NgramPrior:
    prior = NgramPrior(fitted(texts, CHARACTERS, shape), CHARACTERS)
    prior.learn(texts)
    return prior


def after(prior: NgramPrior, text: list[int], parts: torch.Tensor | None = None) -> torch.Tensor:
    """What is expected after each character of a text that begins here: [length, characters]."""
    nothing = torch.zeros(1, prior.shape.history)
    return prior(torch.tensor(text)[:, None], nothing, parts)[0][:, 0]


def test_it_expects_what_the_counts_say_after_the_longest_context_that_is_kept():
    prior = prior_of(TEXTS)
    counts = KneserNey([text.numpy() for text in TEXTS], CHARACTERS, 4)
    text = digits_of(9, 50).tolist()
    whole = [t.tolist() for t in TEXTS]
    found = after(prior, text)
    _, lengths = prior(torch.tensor(text)[:, None], torch.zeros(1, 3))
    for i in range(3, len(text)):
        context: list[int] = []
        for n in range(1, 5):
            some = text[i + 1 - n : i + 1]
            seen = sum(t[j : j + n] == some for t in whole for j in range(len(t)))
            context = some if seen >= 2 else context
        keys = counts.keys(np.array(context), 4)[-1:]
        expected = np.log(counts.after(keys, len(context))[0])
        np.testing.assert_allclose(found[i].numpy(), expected, atol=STEP / 2 + 1e-6)
        assert lengths[i] == len(context)


def test_the_contexts_that_are_kept_are_those_that_tell_most():
    counts = KneserNey([text.numpy() for text in TEXTS], CHARACTERS, 4)
    everything = prior_of(TEXTS).contexts.tolist()

    def told(key: int) -> float:
        """By the definition: bits that the context saves in the texts that were counted."""
        characters = []
        while key:
            key, digit = divmod(key, CHARACTERS + 1)
            characters.insert(0, digit - 1)
        length = len(characters)
        whole = [text.tolist() for text in TEXTS]
        times = sum(t[j : j + length] == characters for t in whole for j in range(len(t)))
        at = counts.keys(np.array(characters), 4)[-1:]
        with_it, without = (counts.after(at, n)[0].astype(float) for n in (length, length - 1))
        return times * (with_it * np.log(with_it / without)).sum()

    kept = prior_of(TEXTS, replace(SHAPE, contexts=40)).contexts.tolist()
    assert kept == sorted(kept)
    assert len(kept) == 40
    least = min(told(key) for key in kept)
    assert all(told(key) <= least + 1e-3 for key in everything if key not in kept)


def test_a_part_is_expected_by_the_counts_of_the_others():
    texts = [digits_of(seed, 60) for seed in range(PARTS + 3)]
    prior = NgramPrior(fitted(texts, CHARACTERS, SHAPE), CHARACTERS)
    parts = prior.learn(texts)
    assert parts.tolist() == [i % PARTS for i in range(len(texts)) for _ in range(60)]
    others = NgramPrior(prior.shape, CHARACTERS)
    counts = [text for i, text in enumerate(texts) if i % PARTS != 2]
    others.contexts.copy_(prior.contexts)
    codes = prior_module._codes(others._count([t.numpy() for t in counts]), prior.contexts.numpy())
    others.codes.copy_(torch.from_numpy(codes))
    text = texts[2].tolist()
    found = after(prior, text, torch.full((60, 1), 2))
    assert torch.equal(found, after(others, text))
    assert not torch.equal(found, after(prior, text))


def test_works_are_left_out_whole_unless_one_is_too_large():
    def parts(texts: list[torch.Tensor]) -> list[int]:
        prior = NgramPrior(fitted(texts, CHARACTERS, SHAPE), CHARACTERS)
        found = prior.learn(texts).tolist()
        assert len(prior.held_out) == max(found) + 1
        return found

    assert parts(TEXTS) == [0] * 300 + [1] * 300 + [2] * 300
    cut = [i // 25 for i in range(300)]
    assert parts([*TEXTS[:2], TEXTS[2][:240]]) == [*cut, *cut, *(i // 20 for i in range(240))]
    assert parts(TEXTS[:1]) == cut


def test_a_text_without_long_contexts_has_short_ones():
    text = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 2, 4])
    prior = prior_of([text])
    assert prior.contexts.tolist() == [1, 3, 5]
    assert after(prior, [0])[0].argmax() in (1, 2)


def test_at_the_start_a_context_is_as_short_as_what_there_is():
    prior = prior_of(TEXTS)
    one = after(prior, [3])[0]
    row = prior.contexts.tolist().index(4) + 1
    assert torch.equal(one, prior.codes[row] * -STEP)


def test_what_texts_begin_with_is_one_context_however_long_it_could_be():
    alike = [torch.cat([torch.tensor([1, 2, 3]), text]) for text in TEXTS]
    contexts = prior_of(alike).contexts.tolist()
    assert len(set(contexts)) == len(contexts)


def test_there_are_as_many_contexts_as_the_texts_need_and_a_key_can_tell():
    assert fitted(TEXTS, CHARACTERS, replace(SHAPE, contexts=7)).contexts == 7
    assert fitted(TEXTS, CHARACTERS, SHAPE).contexts < 10_000
    assert fitted([torch.arange(9)], CHARACTERS, SHAPE).contexts == 0
    assert fitted(TEXTS, 1021, SHAPE) == NO_PRIOR
    longest = fitted(TEXTS, 1000, replace(SHAPE, longest=9)).longest
    assert 1001 ** (longest + 1) < 2**63 < 1001 ** (longest + 2)


@torch.no_grad()
def test_a_network_that_says_nothing_says_what_the_prior_expects():
    shape = fitted(TEXTS, CHARACTERS, SHAPE)
    model = CharLSTM(Shape(CHARACTERS, 6, 8, 2, prior=shape)).eval()
    model.prior.learn(TEXTS)
    model.output.weight.zero_()
    model.output.bias.zero_()
    text = digits_of(9, 40)
    logits, state = model(text[:, None], model.start(1))
    assert torch.equal(logits[:, 0], after(model.prior, text.tolist()))
    assert state[0, -3:].tolist() == (text[-3:] + 1).tolist()
    model.trust.bias.fill_(0.5)
    assert torch.equal(model(text[:, None], model.start(1))[0], logits / 2)
    model.trust_length.weight[2] = 0.5
    _, lengths = model.prior(text[:, None], torch.zeros(1, 3))
    trusted = torch.where(lengths[..., None] == 2, logits, logits / 2)
    assert torch.equal(model(text[:, None], model.start(1))[0], trusted)


@pytest.mark.parametrize("memory", [0, 211])
@torch.no_grad()
def test_reading_in_pieces_is_reading_at_once(memory: int):
    torch.manual_seed(1)
    shape = Shape(CHARACTERS, 6, 8, 2, MemoryShape(memory, 6, 5), fitted(TEXTS, CHARACTERS, SHAPE))
    model = CharLSTM(shape).eval()
    model.prior.learn(TEXTS)
    torch.nn.init.normal_(model.trust.weight)
    if model.memory:
        model.memory.assign(TEXTS)
        torch.nn.init.normal_(model.memory.table)
    tokens = digits_of(5, 60).view(30, 2)
    whole, end = model(tokens, model.start(2))
    first, state = model(tokens[:1], model.start(2))
    second, state = model(tokens[1:13], state)
    third, state = model(tokens[13:], state)
    assert torch.allclose(whole, torch.cat([first, second, third]), atol=1e-5)
    assert torch.allclose(end, state, atol=1e-6)
