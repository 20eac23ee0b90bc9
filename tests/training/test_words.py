"""Tests of the words that a network of characters knows: their keys, vectors, and topic."""

from __future__ import annotations

import pytest
import torch

from training.data.vocabulary import Vocabulary
from training.model import words as module
from training.model.words import (
    FACTORS,
    FADING,
    MODULI,
    WordShape,
    WordVectors,
    key_of,
    letter_numbers,
    rolled,
    topics,
)

TEXT = "The swan swims. Don't wake the swan, ANN!\n" * 5


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of([TEXT])


def test_both_cases_of_a_letter_have_the_same_number():
    numbers = letter_numbers(["\n", " ", "'", "A", "B", "a", "b", "é"])
    assert numbers[:2] == (0, 0)
    assert min(numbers[2:]) == 1
    assert numbers[3] == numbers[5] != numbers[4] == numbers[6]
    assert len(set(numbers[2:])) == 4


def test_hashes_of_long_words_are_exact_in_float32():
    torch.manual_seed(1)
    letters = torch.randint(1, 40, (60, 1))
    [first, second] = rolled(letters, torch.zeros(1, 2))[-1, 0].long().tolist()
    assert first * 2**17 + second == key_of(letters[:, 0].tolist())
    assert first < MODULI[0]


def test_batched_hashes_and_topics_equal_those_of_single_steps():
    torch.manual_seed(2)
    letters = torch.randint(0, 9, (70, 5)) * (torch.rand(70, 5) > 0.1)
    hashes = [torch.randint(0, 90, (5, 2)).float()]
    for letter in letters[..., None]:
        moved = (hashes[-1].long() * torch.tensor(FACTORS) + letter) % torch.tensor(MODULI)
        hashes.append((moved * (letter > 0)).float())
    assert torch.equal(rolled(letters, hashes[0]), torch.stack(hashes))
    vectors, known = torch.randn(150, 5, 3), torch.rand(150, 5) > 0.2
    known[:, 4] = False
    before = torch.randn(5, 3)
    expected = [before]
    for vector, counts in zip(vectors, known, strict=True):
        moved = FADING * expected[-1] + (1 - FADING) * vector
        expected.append(torch.where(counts[:, None], moved, expected[-1]))
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found = topics(vectors, known, before)
        assert torch.allclose(found, torch.stack(expected[1:]), atol=1e-5)


def test_a_table_finds_only_its_words():
    table = WordVectors(WordShape(words=3, features=2))
    keys = torch.tensor([key_of([3, 1]), key_of([5]), key_of([2, 2, 2])])
    vectors = torch.tensor([[0.5, -0.5], [0.1, 0.2], [-0.9, 0.0]])
    table.know(keys, vectors)
    asked = [key_of([5]), key_of([3, 1]), key_of([9]), 0]
    hashes = torch.tensor([[key // 2**17, key % 2**17] for key in asked], dtype=torch.float32)
    found, known = table(hashes)
    assert known.tolist() == [True, True, False, False]
    assert torch.allclose(found, torch.cat([vectors[[1, 0]], torch.zeros(2, 2)]), atol=1e-6)


def test_vectors_receive_gradients():
    table = WordVectors(WordShape(words=1, features=2))
    table.know(torch.tensor([key_of([4])]), torch.tensor([[0.5, 0.5]]))
    found, _ = table(torch.tensor([[4.0, 4.0]]))
    found.sum().backward()
    assert table.vectors.weight.grad[1].abs().sum() > 0


def test_the_commonest_words_are_in_lower_case(vocabulary: Vocabulary):
    found = module.commonest([TEXT], vocabulary, WordShape(words=3))
    assert found[:2] in (["the", "swan"], ["swan", "the"])
    assert len(found) == 3
    assert module.commonest(["Rare words."], vocabulary, WordShape(words=3)) == []


def test_keys_of_words_are_those_of_their_rolling_hashes(vocabulary: Vocabulary):
    words = ["swan", "don't"]
    table = WordVectors(WordShape(words=2, features=1))
    table.know(module.keys_of(words, vocabulary), torch.tensor([[0.3], [-0.3]]))
    letters = torch.tensor(letter_numbers(vocabulary.characters))
    tokens = torch.tensor(vocabulary.encode("Don't"))
    hashes = rolled(letters[tokens][:, None], torch.zeros(1, 2))[-1]
    found, known = table(hashes)
    assert known.item()
    assert found.item() == pytest.approx(-0.3)


def test_principal_components_keep_neighbours_together():
    torch.manual_seed(2)
    meanings = torch.randn(6, 40)
    vectors = meanings.repeat_interleave(20, dim=0) + 0.3 * torch.randn(120, 40)
    reduced = module.principal(vectors, 5)
    assert reduced.shape == (120, 5)
    assert reduced.abs().max() <= 1
    assert reduced.std().item() == pytest.approx(module.SPREAD, rel=0.05)
    apart = torch.cdist(reduced, reduced)
    own = apart[:20, :20].mean()
    assert own < 0.5 * apart[:20, 20:].mean()


def test_pretrained_vectors_are_closer_for_related_words():
    pytest.importorskip("transformers", reason="the extra `words` is not installed")
    words = ["king", "queen", "bread", "cheese", "monday", "tuesday"]
    vectors = torch.nn.functional.normalize(module.pretrained(words, 5), dim=1)
    alike = vectors @ vectors.T - 2 * torch.eye(6)
    assert alike.argmax(dim=1).tolist() == [1, 0, 3, 2, 5, 4]
