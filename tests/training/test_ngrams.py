"""The memory of n-grams: who has a place, and what is found there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from training.ngrams import BASE, NOBODY, MemoryShape, NgramMemory, fitted, owners

SHAPE = MemoryShape(places=211, longest=4, features=5, seen=3)
TEXT = torch.tensor([int(c) for c in "31415926531415926535897932384314159265314"])


def key(ngram: tuple[int, ...]) -> int:
    """By the definition: digits from 1, the last character the lowest."""
    return sum((c + 1) * BASE**i for i, c in enumerate(reversed(ngram)))


def counted(text: list[int]) -> Counter[tuple[int, ...]]:
    return Counter(tuple(text[i : i + n]) for n in (2, 3, 4) for i in range(len(text) - n + 1))


@pytest.fixture
def memory() -> NgramMemory:
    torch.manual_seed(1)
    memory = NgramMemory(SHAPE)
    memory.assign([TEXT])
    torch.nn.init.normal_(memory.table)
    return memory.eval()


def test_places_belong_to_n_grams_that_were_seen_often_enough():
    owned = owners([TEXT], SHAPE)
    often = {key(g) for g, n in counted(TEXT.tolist()).items() if n >= SHAPE.seen}
    assert set(owned[owned != NOBODY].tolist()) <= often
    assert len(often) > 10
    for one in often:
        assert owned[one % SHAPE.places] in often


def test_of_two_that_hash_to_one_place_the_more_frequent_has_it():
    few = MemoryShape(places=7, longest=4, features=5, seen=1)
    counts = {key(g): n for g, n in counted(TEXT.tolist()).items()}
    owned = owners([TEXT], few)
    for one, n in counts.items():
        assert counts[int(owned[one % 7])] >= n


def test_there_are_as_many_places_as_the_texts_need():
    often = sum(n >= SHAPE.seen for n in counted(TEXT.tolist()).values())
    shape = fitted([TEXT], SHAPE)
    assert often * 6 // 5 <= shape.places < often * 2
    assert fitted([TEXT], replace(SHAPE, places=5)).places == 5
    assert fitted([TEXT], replace(SHAPE, seen=1000)).places == 0
    assert fitted([TEXT], replace(SHAPE, places=0)).places == 0


def test_n_grams_do_not_reach_from_one_text_into_the_next():
    shape = MemoryShape(places=211, longest=2, seen=1)
    owned = owners([torch.tensor([1, 2]), torch.tensor([3, 4])], shape)
    assert key((1, 2)) in owned
    assert key((2, 3)) not in owned


@torch.no_grad()
def test_what_is_found_is_the_vector_of_the_n_gram_that_ends_there(memory: NgramMemory):
    tokens = TEXT[:12, None]
    found = memory(tokens, torch.zeros(1, SHAPE.history))
    for t in range(len(tokens)):
        for i, n in enumerate(SHAPE.orders):
            ngram = tuple(tokens[max(0, t - n + 1) : t + 1, 0].tolist())
            place = key(ngram) % SHAPE.places
            mine = memory.owners[place] == key(ngram)
            expected = memory.table[place] if mine else torch.zeros(SHAPE.features)
            assert torch.equal(found[t, 0, i * 5 : i * 5 + 5], expected)


@torch.no_grad()
def test_the_characters_before_count(memory: NgramMemory):
    tokens = TEXT[:40].view(20, 2)
    whole = memory(tokens, torch.zeros(2, SHAPE.history))
    before = (tokens[6:9] + 1).T.float()
    assert torch.equal(memory(tokens[9:], before), whole[9:])


def test_while_training_all_n_grams_of_a_length_go_unseen_in_a_row():
    torch.manual_seed(2)
    memory = NgramMemory(SHAPE, drop=0.5).train()
    memory.assign([TEXT])
    torch.nn.init.ones_(memory.table)
    rows = TEXT[:20, None].expand(-1, 64)
    found = memory(rows, torch.zeros(64, SHAPE.history))
    known = memory.eval()(rows, torch.zeros(64, SHAPE.history)).bool()
    shares = found.unflatten(2, (3, 5)).amax(dim=(0, 3))  # of each row and length
    assert set(shares.unique().tolist()) == {0.0, 2.0}
    kept = shares.repeat_interleave(5, dim=1).bool()
    assert torch.equal(found.bool(), known & kept)


def test_a_memory_without_places_recalls_nothing():
    assert MemoryShape(places=0).found == MemoryShape(places=0).history == 0
