"""Test surprise: costs laid over the text, their places, and guesses."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bot.generation.prefill import predict_next
from bot.inference.model import Model
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import format_for_model
from bot.session.surprisal import (
    MAX_GUESSES,
    MAX_PEAKS,
    MIN_DISTANCE,
    Cell,
    Guess,
    Peak,
    SurprisalReport,
    find_peaks,
    load_last_surprisal,
    make_cells,
    measure_surprisal,
    predict_characters,
)
from bot.storage.schema import Line, Provenance
from bot.ui.images import pictures
from tests.bot.session_harness import SessionHarness


def a_line(text: str, kind: Kind = Kind.ACTION, /, **origin: Any) -> Line:
    author = None if origin else 1
    common = Provenance(content=Provenance.serialize(origin)) if origin else None
    return Line(kind=kind.value, text=text, credit="Ann", author=author, shared_provenance=common)


def test_costs_lie_over_what_was_written(model: Model):
    text = "“Zoë” — 茂 e\u0301…"
    tokens = model.encode(format_for_model(text))
    costs = np.arange(1, len(tokens), dtype=np.float32)
    cells = make_cells(model, a_line(text), costs)
    assert "".join(cell.character for cell in cells) == "“Zoë” — 茂 é…\n"
    assert sum(cell.bits for cell in cells if cell.bits is not None) == costs.sum()
    assert [cell.character for cell in cells if cell.bits is None] == ["茂"]
    assert cells[0].position == 1
    assert cells[-1].position == len(tokens) - 1
    dots = cells[-2]
    assert len(model.encode("…")) == 3
    assert dots.bits == costs[-4:-1].sum()


def cells(*bits: float | None) -> tuple[Cell, ...]:
    return tuple(Cell("x", one, n + 1) for n, one in enumerate(bits))


def test_places_are_the_dearest_and_apart():
    dear = [0.0, 9.0, 8.9, *[1.0] * MIN_DISTANCE, 5.0, None]
    places = find_peaks([cells(*dear), cells(7.0, 7.5)])
    assert (0, 1) in places
    assert (0, 2) not in places
    assert (1, 1) in places
    assert (1, 0) not in places
    assert places == sorted(places)
    assert len(places) == MAX_PEAKS
    assert find_peaks([cells(None)]) == []
    assert find_peaks([]) == []


@pytest.mark.parametrize(
    ("line", "free"),
    [
        (a_line("MAYA\nHm.", Kind.DIALOGUE), "MAYA\nHm.\n"),
        (a_line("MAYA\nHm.", Kind.DIALOGUE, seed=1), "MAYA\nHm.\n"),
        (a_line("MAYA\nHm.", Kind.DIALOGUE, seed=1, cast=["MAYA"]), "Hm.\n"),
        (a_line("MAYA\nHm.", Kind.DIALOGUE, seed=1, character="MAYA"), "Hm.\n"),
        (a_line("MAYA\nHm.", Kind.DIALOGUE, seed=1, kind="dialogue"), "Hm.\n"),
        (a_line("Rain.", Kind.ACTION, seed=1, kind="action", cast=["MAYA"]), "Rain.\n"),
        (a_line("INT. BAR", Kind.HEADING, seed=1, kind="heading"), "BAR\n"),
        (a_line(".THE BAR", Kind.HEADING, seed=1, kind="heading"), "THE BAR\n"),
        (a_line("INT. BAR", Kind.HEADING, seed=1, cast=["MAYA"]), "INT. BAR\n"),
    ],
)
def test_what_a_voice_was_told_to_write_is_no_place(model: Model, line: Line, free: str):
    costs = np.ones(len(model.encode(format_for_model(line.text))) - 1, np.float32)
    laid = make_cells(model, line, costs)
    assert "".join(cell.character for cell in laid if cell.is_free) == free
    begin = len(laid) - len(free)
    assert begin <= min(cell for _, cell in find_peaks([laid]))


async def test_a_name_that_was_asked_for_is_no_place(harness: SessionHarness):
    await harness.start(cast=("ZYX", "QVX"))
    for seed in range(4):
        await harness.continue_script(seed=seed, character="ZYX")
    found = await measure_surprisal(harness.session, 4)
    assert any(cell.bits and not cell.is_free for line in found.lines for cell in line)
    assert found.peaks
    assert all(found.at(place).is_free for place in found.peaks)


def test_guesses_are_the_likeliest(model: Model):
    logits = np.zeros(len(model.vocabulary), np.float32)
    logits[[5, 3]] = [4.0, 6.0]
    found = predict_characters(model, logits)
    assert [one.character for one in found[:2]] == [model.vocabulary[3], model.vocabulary[5]]
    assert len(found) == MAX_GUESSES
    assert found[0].probability / found[1].probability == pytest.approx(np.exp(2))
    assert predict_next(model, model.start(), model.encode("\nRain")).shape == logits.shape
    with pytest.raises(ValueError, match="nothing was read"):
        predict_next(model, model.start(), model.encode(""))


async def test_guesses_and_costs_agree(harness: SessionHarness):
    await harness.start()
    await harness.write("MAYA: (quietly) Zounds, you came at 11!")
    await harness.continue_script(seed=1)
    found = await measure_surprisal(harness.session, 3)
    assert found.credits == ("Ann", "Ann", "tiny")
    assert len(found.peaks) == MAX_PEAKS
    engine, lines, _ = await load_last_surprisal(harness.session, 3, 1000)
    model = engine.model
    for place in found.peaks:
        cell = found.at(place)
        logits = (
            await harness.session.reader.predict_logits(engine, lines[place.line], cell.position)
        ).astype(np.float64)
        odds = np.exp(logits - logits.max())
        odds /= odds.sum()
        [token, *others] = model.encode(cell.character)
        if not others:
            assert -np.log2(odds[token]) == pytest.approx(cell.bits, abs=0.02)
        assert place.guesses[0].probability == pytest.approx(odds.max())


SURPRISE = SurprisalReport(
    "tiny",
    ("Ann",) * 3,
    (cells(*[1.0] * 400), cells(*[None] * 3), (Cell(" ", 3.0, 1), Cell("\n", 12.0, 2))),
    (Peak(0, 39, (Guess("e", 0.5), Guess(" ", 0.004), Guess("\n", 0.001))), Peak(2, 1, ())),
)


def test_in_words():
    words = pictures.describe_surprisal(SURPRISE)
    assert words.startswith("The last 3 lines surprised tiny by 1.0 bits per character.")
    assert "came “x” (1.0 bits). Expected: “e” 50%, a space 0%, the end of the line 0%." in words
    assert "came the end of the line (12.0 bits)" in words
    one = SurprisalReport("tiny", ("Ann",), (cells(2.0),), ())
    assert (
        pictures.describe_surprisal(one)
        == "The last line surprised tiny by 2.0 bits per character."
    )
    assert len(pictures.describe_surprisal(SurprisalReport("t" * 2000, (), (), ()))) == 1000


def rows(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), np.int16)


def test_dearer_characters_are_darker_and_have_taller_bars():
    darkness, heights = [], []
    for bits in (0.0, 2.0, 4.0, 6.0, 8.0, 30.0):
        dear = SurprisalReport("tiny", ("Ann",), ((Cell(" ", bits, 1),),), ())
        image = rows(pictures.draw_surprisal(dear).png)
        # The only cell, below the legend and its credit.
        column = image[-150:, pictures.EDGE : pictures.EDGE + pictures.CELL_WIDTH]
        darkness.append(int(column.sum()))
        middle = column[:, pictures.CELL_WIDTH // 2]
        ink = (middle == (0x1D, 0x1C, 0x1A)).all(axis=1)
        heights.append(int(ink.sum()))
    assert darkness[:-1] == sorted(darkness[:-1], reverse=True)
    assert heights[:-1] == sorted(heights[:-1])
    assert len(set(heights[:-1])) == 5
    assert (darkness[-1], heights[-1]) == (darkness[-2], heights[-2])


def test_letters_can_be_read_on_every_heat():
    # WCAG asks for a contrast of 3:1 for letters so large.
    def luminance(colour: tuple[int, ...]) -> float:
        linear = [
            one / 255 / 12.92 if one <= 10 else ((one / 255 + 0.055) / 1.055) ** 2.4
            for one in colour
        ]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    for level in np.linspace(0, 1, 50):
        heat = pictures._choose_colour(float(level))
        ink = pictures._choose_letter_colour(heat)
        letters = tuple(int(ink[at : at + 2], 16) for at in (1, 3, 5))
        bright, dark = sorted((luminance(heat), luminance(letters)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) > 3.5, level
