"""Test the memory head: what it looks at, and what it remembers."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from training.model.memory import NONE, WIDTH, MemoryHead, MemoryShape, Packing
from training.model.network import CharLSTM, Shape

SHAPE = MemoryShape(characters=10, keys=5, values=7)
SIZES = Shape(vocabulary=9, embedding=6, lower=8, upper=7)


@pytest.fixture
def head() -> MemoryHead:
    torch.manual_seed(1)
    head = MemoryHead(9, 4, SHAPE)
    for weight in head.parameters():
        nn.init.normal_(weight)
    return head


@pytest.mark.parametrize(
    ("vocabulary", "per_number", "numbers"), [(255, 3, 5), (256, 2, 7), (4096, 1, 13)]
)
def test_characters_are_packed_exactly(vocabulary: int, per_number: int, numbers: int):
    packing = Packing(vocabulary, 10)
    assert (packing.per_number, packing.numbers) == (per_number, numbers)
    symbols = torch.randint(0, vocabulary + 1, (3, 40))
    symbols[0] = vocabulary
    packed = packing.pack(symbols)
    assert packed.shape == (3, numbers)
    assert torch.equal(packing.unpack(packed), symbols[:, -packing.length :])
    assert not packing.unpack(torch.zeros(1, numbers)).any()


@torch.no_grad()
def test_the_head_reads_the_followers_of_the_last_places(head: MemoryHead):
    """Compare with a computation place by place, as slow and plain as possible."""
    tokens, below = torch.randint(0, 9, (30, 1)), torch.randn(30, 1, 4)
    heard, _ = head(tokens, below, torch.zeros(1, head.packing.numbers))
    symbols = [NONE] * (WIDTH - 1) + [int(token) + 1 for token in tokens]

    def vectors(table: torch.Tensor, place: list[int]) -> torch.Tensor:
        return torch.cat([table[back, place[-1 - back]] for back in range(WIDTH)])

    for step in range(30):
        places = [symbols[end : end + WIDTH] for end in range(max(0, step - 10), step)]
        followers = [symbols[end + WIDTH] for end in range(max(0, step - 10), step)]
        places.append([head.nowhere] * WIDTH)
        followers.append(head.nowhere)
        query = vectors(head.queries, symbols[step : step + WIDTH]) + head.ask(below[step, 0])
        scores = torch.stack([query @ vectors(head.keys, place) for place in places])
        expected = scores.softmax(0) @ head.values(torch.tensor(followers))
        assert torch.allclose(heard[step, 0], expected, atol=1e-5)


@torch.no_grad()
def test_a_new_head_finds_what_followed_the_same_characters():
    torch.manual_seed(2)
    head = MemoryHead(60, 4, MemoryShape(characters=200, keys=16, values=62))
    nn.init.zeros_(head.ask.weight)
    nn.init.zeros_(head.ask.bias)
    # A memory of weights: each symbol has a value of its own.
    head.values.weight = nn.Parameter(torch.eye(62))
    once = torch.randperm(59)[:, None]
    tokens = torch.cat([once, once])
    heard, _ = head(tokens, torch.zeros(118, 1, 4), torch.zeros(1, head.packing.numbers))
    found = heard[59 + WIDTH : -1, 0].argmax(dim=1) - 1
    assert torch.equal(found, tokens[59 + WIDTH + 1 :, 0])


@torch.no_grad()
def test_the_packed_characters_lie_where_the_shape_says():
    model = CharLSTM(replace(SIZES, memory=SHAPE)).eval()
    _, state = model(torch.randint(0, 9, (20, 2)), model.start(2))
    begin, end = model.shape.packed
    assert end - begin == Packing(9, 10).numbers
    assert (state[:, begin:end] == state[:, begin:end].round()).all()
    assert state[:, begin:end].min() > 2**16
    assert state[:, :begin].abs().max() < 5
