"""The network: that it is the LSTM it says, and that its state carries."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from training import evaluate
from training.model import (
    CharLSTM,
    LockedDropout,
    Regularisation,
    Shape,
    at_temperatures,
    completed,
)
from training.ngrams import MemoryShape
from training.prior import NO_PRIOR, PriorShape, fitted
from training.vocabulary import Vocabulary

SHAPE = Shape(vocabulary=11, embedding=6, hidden=8, layers=2)


@pytest.fixture
def model() -> CharLSTM:
    torch.manual_seed(1)
    return CharLSTM(SHAPE).eval()


def as_torch_lstm(model: CharLSTM) -> nn.LSTM:
    """The same weights in PyTorch's own module."""
    lstm = nn.LSTM(SHAPE.embedding, SHAPE.hidden, SHAPE.layers)
    with torch.no_grad():
        for i, layer in enumerate(model.layers):
            getattr(lstm, f"weight_ih_l{i}").copy_(layer.weight_ih)
            getattr(lstm, f"weight_hh_l{i}").copy_(layer.weight_hh)
            getattr(lstm, f"bias_ih_l{i}").copy_(layer.bias)
            getattr(lstm, f"bias_hh_l{i}").zero_()
    return lstm


@torch.no_grad()
def test_it_is_the_lstm_of_pytorch_with_its_state_packed(model: CharLSTM):
    tokens = torch.randint(0, 11, (20, 3))
    logits, state = model(tokens, model.start(3))
    y, (h, c) = as_torch_lstm(model)(model.embedding(tokens))
    assert torch.allclose(logits, model.output(y), atol=1e-6)
    packed = torch.cat([*h, *c], dim=1)
    assert state.shape == (3, SHAPE.state)
    assert torch.allclose(state, packed, atol=1e-6)


@torch.no_grad()
def test_reading_in_pieces_is_reading_at_once(model: CharLSTM):
    tokens = torch.randint(0, 11, (30, 2))
    whole, end = model(tokens, model.start(2))
    first, state = model(tokens[:13], model.start(2))
    second, state = model(tokens[13:], state)
    assert torch.allclose(whole, torch.cat([first, second]), atol=1e-6)
    assert torch.allclose(end, state, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("longest", [1, 4])
def test_a_prior_and_a_memory_keep_as_much_in_mind_as_each_needs(longest: int):
    prior, memory = PriorShape(contexts=5, longest=longest), MemoryShape(places=7, longest=3)
    model = CharLSTM(replace(SHAPE, prior=prior, memory=memory)).eval()
    tokens = torch.randint(0, 11, (9, 2))
    whole, end = model(tokens, model.start(2))
    first, state = model(tokens[:4], model.start(2))
    second, state = model(tokens[4:], state)
    assert torch.allclose(whole, torch.cat([first, second]), atol=1e-6)
    assert torch.equal(end[:, SHAPE.lstm_state :], state[:, SHAPE.lstm_state :])
    assert model.known(tokens, model.start(2)).shape == tokens.shape


@torch.no_grad()
@pytest.mark.parametrize("prior", [NO_PRIOR, PriorShape(contexts=5, longest=3)])
def test_all_that_logits_are_made_of_is_divided_by_temperatures(prior: PriorShape):
    torch.manual_seed(3)
    memory = MemoryShape(places=97, longest=3, features=4, seen=1)
    shape = replace(SHAPE, memory=memory, prior=prior)
    model, divided = CharLSTM(shape).eval(), CharLSTM(shape).eval()
    for weight in model.parameters():
        nn.init.normal_(weight)
    temperatures = [1.6]
    if model.prior:
        temperatures = [1.6, 0.8, 1.2, 2.0]
        model.prior.codes.random_(0, 100)
        model.prior.contexts.copy_(torch.tensor([1, 4, 6, 12 + 3, 2 * 144 + 5 * 12 + 1]))
        model.prior.lengths.copy_(torch.tensor([0, 1, 1, 1, 2, 3]))
    divided.load_state_dict(at_temperatures(model.state_dict(), temperatures))
    tokens = torch.randint(0, 11, (200, 3))
    logits, state = model(tokens, model.start(3))
    fewer, same = divided(tokens, divided.start(3))
    known = model.known(tokens, model.start(3))
    assert known.unique().tolist() == ([0, 1, 2] if model.prior else [0])
    by = torch.tensor(temperatures)[known][..., None]
    assert torch.allclose(fewer * by, logits, rtol=1e-4, atol=1e-4)
    assert torch.equal(same, state)


def test_weights_of_before_are_as_sure_after_any_context():
    model = CharLSTM(replace(SHAPE, prior=PriorShape(contexts=5, longest=3)))
    weights = model.state_dict()
    del weights["sure"]
    model.load_state_dict(completed(weights))
    assert model.sure.tolist() == [1.0] * 4
    plain = CharLSTM(SHAPE).state_dict()
    assert completed(plain).keys() == plain.keys()


def test_dropconnect_drops_the_same_recurrent_weights_in_a_whole_window():
    torch.manual_seed(2)
    model = CharLSTM(SHAPE, Regularisation(0.0, 0.0, 0.5)).train()
    tokens = torch.randint(0, 11, (5, 1)).repeat(1, 2)
    one, _ = model(tokens, model.start(2))
    assert torch.equal(one[:, 0], one[:, 1])  # every row misses the same ones
    two, _ = model(tokens, model.start(2))
    assert not torch.equal(one, two)  # and another window misses others
    assert torch.equal(model.eval()(tokens, model.start(2))[0], model(tokens, model.start(2))[0])


def test_variational_dropout_has_one_mask_for_all_steps():
    torch.manual_seed(3)
    dropped = LockedDropout(0.5).train()(torch.ones(7, 4, 50))
    assert torch.equal(dropped, dropped[:1].expand(7, -1, -1))
    assert not torch.equal(dropped[0, 0], dropped[0, 1])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


TEXT = "The bells ring.\n\nANN\nListen to them ring.\n\n" * 30


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of([TEXT])


@pytest.fixture
def reader(vocabulary: Vocabulary) -> CharLSTM:
    torch.manual_seed(4)
    return CharLSTM(Shape(len(vocabulary), 6, 8, 2)).eval()


@torch.no_grad()
def slow_bits(model: CharLSTM, tokens: list[int]) -> float:
    """Character by character, as slowly and plainly as it can be said."""
    state, bits = model.start(1), 0.0
    for token, following in pairwise(tokens):
        logits, state = model(torch.tensor([[token]]), state)
        bits -= torch.log_softmax(logits[0, 0], 0)[following].item() / math.log(2)
    return bits


def test_the_carried_cost_is_the_sum_of_every_characters(reader, vocabulary):
    cost = evaluate.carried(reader, vocabulary, TEXT)
    tokens = vocabulary.encode("\n" + TEXT + "\n")
    assert cost.characters == len(tokens) - 1
    assert cost.bits == pytest.approx(slow_bits(reader, tokens), rel=1e-5)


def test_streams_read_the_same_characters(reader, vocabulary):
    cost = evaluate.carried(reader, vocabulary, TEXT, streams=4)
    assert cost.characters == (len(vocabulary.encode(TEXT)) + 1) // 4 * 4


class Frequencies:
    """A reader that knows how often characters come, and is so many times as sure of it."""

    training = False

    def __init__(self, vocabulary: Vocabulary, sureness: float) -> None:
        counts = torch.bincount(torch.tensor(vocabulary.encode(TEXT)), minlength=len(vocabulary))
        self.logits = counts.clamp(min=1).log() * sureness

    def train(self, mode: bool = True, /) -> None:
        assert not mode

    def start(self, batch: int) -> Tensor:
        return torch.zeros(batch, 1)

    def __call__(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits.expand(*tokens.shape, -1), state


@pytest.mark.parametrize("sureness", [0.88, 1.0, 1.4])
def test_the_temperature_is_found_at_which_a_text_costs_least(vocabulary, sureness: float):
    reader = Frequencies(vocabulary, sureness)
    [temperature], cost = evaluate.calibrated(reader, vocabulary, TEXT, streams=3)
    assert temperature == sureness
    right = evaluate.carried(Frequencies(vocabulary, 1.0), vocabulary, TEXT, streams=3)
    assert cost.bits == pytest.approx(right.bits)


def test_each_length_of_a_context_has_the_temperature_at_which_it_costs_least(vocabulary):
    """What is surer after some contexts than after others is so by as much."""
    torch.manual_seed(5)
    draw, text = random.Random(1), "e"
    while len(text) < 20_000:
        text += draw.choice("elns" + 3 * text[-1])
    tokens = torch.tensor(vocabulary.encode(evaluate.as_read(text)))
    shape = fitted([tokens], len(vocabulary), PriorShape(contexts=9, longest=2))
    model = CharLSTM(Shape(len(vocabulary), 6, 8, 2, prior=shape)).eval()
    model.prior.learn([tokens])
    nn.init.zeros_(model.output.weight)
    nn.init.zeros_(model.output.bias)
    known = model.known(tokens[:-1, None], model.start(1)).flatten().bincount(minlength=3)
    assert known[0] < evaluate.OFTEN < known[1:].min()

    def found(*sure: float) -> tuple[tuple[float, ...], evaluate.Cost]:
        model.sure.copy_(torch.tensor(sure))
        return evaluate.calibrated(model, vocabulary, text)

    (rare, once, twice), _ = found(1.0, 1.4, 0.88)
    # What is rare is divided as all together like best, which is mostly known by two.
    assert min(once, twice) <= rare <= max(once, twice)
    (_, sooner, later), cost = found(1.0, 1.8, 1.1)
    assert twice == pytest.approx(0.88, abs=0.05)
    assert (sooner / once, later / twice) == pytest.approx((1.8 / 1.4, 1.1 / 0.88), rel=0.05)
    assert sooner > later
    before = evaluate.carried(model, vocabulary, text)
    model.load_state_dict(at_temperatures(model.state_dict(), (1.0, sooner, later)))
    assert evaluate.carried(model, vocabulary, text).bits == pytest.approx(cost.bits, rel=1e-4)
    assert cost.bits < before.bits


def test_cold_windows_begin_empty_and_count_every_target(reader, vocabulary):
    cost = evaluate.cold_windows(reader, vocabulary, TEXT)
    tokens = vocabulary.encode(TEXT)
    windows = (len(tokens) - 1) // 256
    assert cost.characters == windows * 256
    slow = sum(slow_bits(reader, tokens[i * 256 : i * 256 + 257]) for i in range(windows))
    assert cost.bits == pytest.approx(slow, rel=1e-5)


def test_a_sample_is_the_same_for_the_same_seed(reader, vocabulary):
    one = evaluate.sample(reader, vocabulary, "\n", 50, 0.8, seed=5)
    assert len(one) == 50
    assert one == evaluate.sample(reader, vocabulary, "\n", 50, 0.8, seed=5)
    assert one != evaluate.sample(reader, vocabulary, "\n", 50, 0.8, seed=6)
