"""Tests of the network: it equals PyTorch's LSTM, and its state carries over."""

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from training import evaluation
from training.data.texts import frame_text
from training.data.vocabulary import Vocabulary
from training.model.lstm import LockedDropout, LSTMLayer
from training.model.memory import MemoryShape
from training.model.network import CharLSTM, Regularisation, Shape, divide_logits
from training.model.prior import NO_PRIOR, PriorShape, choose_shape

PLAIN = Shape(vocabulary=11, embedding=6, lower=8, upper=7)
SHAPE = replace(PLAIN, memory=MemoryShape(characters=9, keys=4, values=6))


COUNTS = replace(PLAIN, prior=PriorShape(contexts=40, longest=3))


@pytest.fixture(params=[PLAIN, SHAPE, COUNTS], ids=["plain", "memory", "prior"])
def model(request: pytest.FixtureRequest) -> CharLSTM:
    torch.manual_seed(1)
    model = CharLSTM(request.param).eval()
    if model.prior:
        model.prior.learn([draw_text()])
        nn.init.normal_(model.trust.weight)
    return model


def draw_text() -> Tensor:
    """Return a text in which three characters can follow each one."""
    return torch.randint(0, 3, (900,)).cumsum(0) % 11


def as_torch_lstm(layer: LSTMLayer) -> nn.LSTM:
    """Convert a layer to PyTorch's own module with the same weights."""
    lstm = nn.LSTM(layer.weight_ih.shape[1], layer.hidden)
    weights = (layer.weight_ih, layer.weight_hh, layer.bias, layer.zeros)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    lstm.load_state_dict(dict(zip(names, weights, strict=True)))
    return lstm


@torch.no_grad()
def test_without_memory_the_network_is_pytorchs_lstm():
    model = CharLSTM(PLAIN).eval()
    tokens = torch.randint(0, 11, (20, 3))
    logits, state = model(tokens, model.start(3))
    x, (lower_h, lower_c) = as_torch_lstm(model.lower)(model.embedding(tokens))
    y, (upper_h, upper_c) = as_torch_lstm(model.upper)(x)
    assert torch.allclose(logits, model.output(y), atol=1e-6)
    packed = torch.cat([lower_h[0], upper_h[0], lower_c[0], upper_c[0]], dim=1)
    assert state.shape == (3, PLAIN.state)
    assert torch.allclose(state, packed, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("size", [1, 4, 13])
def test_reading_in_pieces_or_row_by_row_equals_reading_at_once(model: CharLSTM, size: int):
    tokens = draw_text()[:90].view(30, 3)
    whole, end = model(tokens, model.start(3))
    state, pieces = model.start(3), []
    for piece in tokens.split(size):
        logits, state = model(piece, state)
        pieces.append(logits)
    assert torch.allclose(whole, torch.cat(pieces), atol=1e-6)
    assert torch.allclose(end, state, atol=1e-6)
    for row in range(3):
        alone, state = model(tokens[:, row : row + 1], model.start(1))
        assert torch.allclose(whole[:, row], alone[:, 0], atol=1e-6)
        assert torch.allclose(end[row], state[0], atol=1e-6)


def test_gradients_reach_a_character_read_long_before():
    torch.manual_seed(2)
    model = CharLSTM(SHAPE)
    tokens = torch.randint(0, 11, (60, 2))
    logits, _ = model(tokens, model.start(2))
    logits[-1].sum().backward()
    touched = model.embedding.weight.grad.abs().sum(dim=1) > 0
    assert touched.sum() > 8


@torch.no_grad()
@pytest.mark.parametrize("counts", [False, True])
def test_temperatures_divide_all_parts_of_the_logits(counts: bool):
    torch.manual_seed(3)
    texts = [draw_text()]
    prior = choose_shape(texts, 11, COUNTS.prior) if counts else NO_PRIOR
    model, divided = (CharLSTM(replace(SHAPE, prior=prior)).eval() for _ in range(2))
    for weight in model.parameters():
        nn.init.normal_(weight)
    temperatures = [1.6]
    if model.prior:
        model.prior.learn(texts)
        temperatures = [1.6, 0.8, 1.2, 2.0]
    divided.load_state_dict(divide_logits(model.state_dict(), temperatures))
    tokens = torch.randint(0, 11, (200, 3))
    logits, state = model(tokens, model.start(3))
    fewer, same = divided(tokens, divided.start(3))
    known = model.find_known_lengths(tokens, model.start(3))
    assert len(known.unique()) == (3 if counts else 1)
    by = torch.tensor(temperatures)[known][..., None]
    assert torch.allclose(fewer * by, logits, rtol=1e-4, atol=1e-4)
    assert torch.equal(same, state)


def test_dropconnect_drops_the_same_weights_in_a_whole_window():
    torch.manual_seed(2)
    model = CharLSTM(SHAPE, Regularisation(0.0, 0.0, 0.5)).train()
    tokens = torch.randint(0, 11, (5, 1)).repeat(1, 2)
    logits, _ = model(tokens, model.start(2))
    assert torch.allclose(logits[:, 0], logits[:, 1])  # every row drops the same units
    other, _ = model(tokens, model.start(2))
    assert not torch.allclose(logits, other)  # and another window drops others
    assert torch.equal(model.eval()(tokens, model.start(2))[0], model(tokens, model.start(2))[0])


def test_variational_dropout_has_one_mask_for_all_steps():
    torch.manual_seed(3)
    dropped = LockedDropout(0.5).train()(torch.ones(7, 4, 50))
    assert torch.equal(dropped, dropped[:1].expand(7, -1, -1))
    assert not torch.equal(dropped[0, 0], dropped[0, 1])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


TEXT = "The bells ring.\n\nANN\nListen to them ring.\n\n" * 12


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.of([TEXT])


@torch.no_grad()
def slow_bits(model: CharLSTM, tokens: list[int]) -> float:
    """Return the bits character by character, computed as slowly and plainly as possible."""
    state, bits = model.start(1), 0.0
    for token, following in pairwise(tokens):
        logits, state = model(torch.tensor([[token]]), state)
        bits -= torch.log_softmax(logits[0, 0], 0)[following].item() / math.log(2)
    return bits


def test_the_carried_cost_is_the_sum_over_characters(vocabulary):
    torch.manual_seed(4)
    reader = CharLSTM(replace(SHAPE, vocabulary=len(vocabulary))).eval()
    cost = evaluation.measure_carried(reader, vocabulary, TEXT)
    tokens = vocabulary.encode("\n" + TEXT + "\n")
    assert cost.characters == len(tokens) - 1
    assert cost.bits == pytest.approx(slow_bits(reader, tokens), rel=1e-5)
    in_streams = evaluation.measure_carried(reader, vocabulary, TEXT, streams=4)
    assert in_streams.characters == cost.characters // 4 * 4


@torch.no_grad()
def frequencies(vocabulary: Vocabulary, sureness: float) -> CharLSTM:
    """Return a reader that knows the frequencies of characters, and is so many times as sure."""
    model = CharLSTM(Shape(len(vocabulary), embedding=1, lower=1, upper=1)).eval()
    counts = torch.bincount(torch.tensor(vocabulary.encode(TEXT)), minlength=len(vocabulary))
    model.output.weight.zero_()
    model.output.bias.copy_(counts.clamp(min=1).log() * sureness)
    return model


@pytest.mark.parametrize("sureness", [0.88, 1.0, 1.4])
def test_calibration_finds_the_cheapest_temperature(vocabulary, sureness: float):
    reader = frequencies(vocabulary, sureness)
    [temperature], cost = evaluation.calibrate(reader, vocabulary, TEXT, streams=3)
    assert temperature == sureness
    right = evaluation.measure_carried(frequencies(vocabulary, 1.0), vocabulary, TEXT, streams=3)
    assert cost.bits == pytest.approx(right.bits)


def test_each_context_length_has_its_own_temperature(vocabulary):
    """Check that contexts of different confidence get different temperatures."""
    torch.manual_seed(5)
    draw, text = random.Random(1), "e"
    while len(text) < 20_000:
        text += draw.choice("elns" + 3 * text[-1])
    tokens = torch.tensor(vocabulary.encode(frame_text(text)))
    shape = choose_shape([tokens], len(vocabulary), PriorShape(contexts=9, longest=2, rows=9))
    model = CharLSTM(replace(SHAPE, vocabulary=len(vocabulary), prior=shape)).eval()
    model.prior.learn([tokens])
    nn.init.zeros_(model.output.weight)
    nn.init.zeros_(model.output.bias)
    lengths = model.find_known_lengths(tokens[:-1, None], model.start(1))
    known = lengths.flatten().bincount(minlength=3)
    assert known[0] < evaluation.OFTEN < known[1:].min()

    def found(*sure: float) -> tuple[tuple[float, ...], evaluation.Cost]:
        model.sure.copy_(torch.tensor(sure))
        return evaluation.calibrate(model, vocabulary, text)

    (rare, once, twice), _ = found(1.0, 1.2, 0.88)
    # Rare lengths take the temperature of all together, most of which are known by two.
    assert min(once, twice) <= rare <= max(once, twice)
    (_, sooner, later), cost = found(1.0, 1.4, 1.1)
    assert twice == pytest.approx(0.88, abs=0.05)
    assert (sooner / once, later / twice) == pytest.approx((1.4 / 1.2, 1.1 / 0.88), rel=0.05)
    assert sooner > later
    before = evaluation.measure_carried(model, vocabulary, text)
    model.load_state_dict(divide_logits(model.state_dict(), (1.0, sooner, later)))
    after = evaluation.measure_carried(model, vocabulary, text)
    assert after.bits == pytest.approx(cost.bits, rel=1e-4)
    assert cost.bits < before.bits
