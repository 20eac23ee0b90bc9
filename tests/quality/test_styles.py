"""Tests of the report on styles: memory of the opening, leaks from it, and copies."""

import numpy as np
import pytest

from bot.generation.inputs import PrimedModel
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.inference.request import Request
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import format_for_model

from .styles import PLACES, Passage, copied, leaks, passages, remembered, saved

OPENING = "INT. ROOM - DAY\n\nTHE FOX (V.O.)\nDo not eat anything red.\n\nSnow."


@pytest.fixture(scope="module")
def engine(tiny: Model) -> Engine:
    return Engine(tiny)


def a_passage(*lines: str) -> Passage:
    kinds = [Kind.DIALOGUE if "\n" in line else Kind.ACTION for line in lines]
    return Passage(0, tuple(map(Element, kinds, lines)))


def test_a_speaker_of_the_opening_in_a_line_is_a_leak():
    written = [a_passage("THE FOX\nHail.", "The fox."), a_passage("A FOX\nHail.", "THE FOX\nNo.")]
    assert leaks(OPENING, written) == 2
    assert leaks("Snow.", written) == 0


def test_the_longest_copied_passage_is_counted():
    written = [a_passage("Rain."), a_passage("She will not eat anything at all.")]
    assert copied(OPENING, written) == 18
    assert copied(OPENING, []) == 0


async def test_the_effect_of_an_opening_is_measured(engine: Engine):
    model = engine.model
    read = [model.encode(format_for_model(text)) for text in ("Snow.", "MAYA\nWho is there?")]
    states = [(await engine.run(Request(model.start(), tokens))).state for tokens in read]
    none, mean = remembered(model, [model.start(), *states, model.start()])
    assert none.shape == mean.shape == (3, 4)
    assert (none[:2, 0] > 0).all()
    assert none[2] == pytest.approx(np.zeros(4))
    # Equal openings have nothing of their own.
    changed, own = remembered(model, [model.start(), states[0], states[0]])
    assert (changed[:, 0] > 0).all()
    assert own == pytest.approx(np.zeros((2, 4)))
    alike = remembered(model, [states[0]] * 3)
    assert np.concatenate(alike) == pytest.approx(np.zeros((4, 4)))


async def test_the_same_seeds_write_the_same_passages(engine: Engine):
    reading = PrimedModel(engine, "", engine.model.start())
    written = await passages(reading, seeds=2, lines=1)
    assert [passage.place for passage in written] == [0, 0, 1, 1, 2, 2]
    assert written == await passages(reading, seeds=2, lines=1)
    assert len({passage.text for passage in written}) > len(PLACES)


class FakeReader:
    """A reader that charges a bit per character, and half a bit after an opening."""

    def all(self, pairs: list[tuple[str, str]]) -> list[float]:
        return [len(text) * (0.5 if context else 1.0) for context, text in pairs]


def test_savings_are_in_bits_per_character():
    assert saved(FakeReader(), OPENING, [a_passage("Rain."), a_passage("Hail.", "Wind.")]) == 0.5
