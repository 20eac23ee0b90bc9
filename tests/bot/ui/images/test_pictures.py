"""Test the picture of what a voice guessed."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bot.i18n.catalogue import speaking
from bot.screenplay.statistics import ScriptStatistics, WriterStatistics
from bot.session.surprisal import Cell, Guess, Peak, SurprisalReport
from bot.ui.images import pictures
from bot.ui.images.curve import Curve, draw_curve
from tests.bot.session.test_surprisal import make_costs

from .test_monogram import contrast

SURPRISE = SurprisalReport(
    "tiny",
    ("Ann",) * 3,
    (make_costs(*[1.0] * 400), make_costs(*[None] * 3), (Cell(" ", 3.0, 1), Cell("\n", 12.0, 2))),
    (Peak(0, 39, (Guess("e", 0.5), Guess(" ", 0.004), Guess("\n", 0.001))), Peak(2, 1, ())),
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float, str]]:
    """Collect the height of the capitals, the right edge and the text of all that is drawn."""
    found: list[tuple[float, float, str]] = []
    draw = ImageDraw.ImageDraw.text

    def draw_and_note(self: Any, xy: Any, text: str, font: Any, **more: Any) -> None:
        _, top, _, bottom = font.getbbox("H", anchor="ls")
        _, _, right, _ = self.textbbox(xy, text, font, more.get("anchor"))
        found.append((bottom - top, right, text))
        draw(self, xy, text, font=font, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", draw_and_note)
    return found


LEGIBLE = 0.026
"""The least height of a capital letter, as a share of the width of a picture: 9 of 340 pixels."""


def test_letters_are_legible_on_a_phone(drawn: list[tuple[float, float, str]]):
    guesses = (Guess(" ", 0.96), Guess("\n", 0.02), Guess("W", 0.004), Guess("x", 0.001))
    peaks = (Peak(0, 39, guesses), Peak(2, 1, guesses))
    long = SurprisalReport("voice" * 30, ("Bartholomew" * 5,) * 3, SURPRISE.lines, peaks)
    pictures.draw_surprisal(long)
    counts = tuple(WriterStatistics("A name " * 9, 19_999, 199_999 // n) for n in range(1, 30))
    counted = ScriptStatistics(19_999, 199_999, 9_999, 1e4, counts, counts, counts)
    pictures.draw_statistics("A title " * 20, counted)
    for capitals, right, text in drawn:
        assert capitals >= LEGIBLE * pictures.IMAGE_WIDTH, text
        assert right <= pictures.IMAGE_WIDTH, text


def test_letters_that_the_typeface_lacks_are_marked(drawn: list[tuple[float, float, str]]):
    writer = WriterStatistics("山田 🦜", 1, 3)
    counted = ScriptStatistics(1, 3, 1, 1.0, (), (writer,), ())
    picture = pictures.draw_statistics("The Diner", counted)
    assert "??" in [text.strip() for _, _, text in drawn]
    assert picture.left_out == "山田🦜"


def test_a_german_curve_has_decimal_commas(drawn: list[tuple[float, float, str]]):
    with speaking("de"):
        draw_curve("tiny", Curve((), ((1.0, 2.0), (2.0, 1.5))))
    labels = {text for _, _, text in drawn}
    assert {"1,4", "1,50"} <= labels
    assert not any("." in label for label in labels)


def test_surprisal_is_described_in_words():
    words = pictures.describe_surprisal(SURPRISE)
    assert words.startswith("How well tiny guessed the last 3 lines: 1.0 bits per character.")
    assert "came “x” (1.0 bits). Expected: “e” 50%, a space <1%, the end of the line <1%." in words
    assert "came the end of the line (12.0 bits)" in words
    words = pictures.describe_surprisal(SurprisalReport("tiny", ("Ann",), (make_costs(2.0),), ()))
    assert words == "How well tiny guessed the last line: 2.0 bits per character."
    assert len(pictures.describe_surprisal(SurprisalReport("t" * 2000, (), (), ()))) == 1000


def test_a_speech_of_many_verses_leaves_room_for_what_was_expected():
    verses = (*make_costs(1.0), Cell("\n", 1.0, 2)) * 150
    report = SurprisalReport("tiny", ("Ann",) * 3, (verses,) * 3, SURPRISE.peaks)
    picture = Image.open(io.BytesIO(pictures.draw_surprisal(report).content)).convert("RGB")
    assert (np.asarray(picture)[-pictures.EDGE // 2 :] == (0xFB, 0xF8, 0xF1)).all()


def test_dearer_characters_are_darker_and_have_taller_bars():
    darkness, heights = [], []
    for bits in (0.0, 2.0, 4.0, 6.0, 8.0, 30.0):
        dear = SurprisalReport("tiny", ("Ann",), ((Cell(" ", bits, 1),),), ())
        picture = Image.open(io.BytesIO(pictures.draw_surprisal(dear).content)).convert("RGB")
        # The only cell, below the legend and its credit.
        cell = slice(pictures.EDGE, pictures.EDGE + pictures.CELL_WIDTH)
        column = np.asarray(picture, np.int16)[-150:, cell]
        darkness.append(int(column.sum()))
        ink = (column[:, pictures.CELL_WIDTH // 2] == (0x1D, 0x1C, 0x1A)).all(axis=1)
        heights.append(int(ink.sum()))
    assert darkness[:-1] == sorted(darkness[:-1], reverse=True)
    assert heights[:-1] == sorted(heights[:-1])
    assert len(set(heights[:-1])) == 5
    assert (darkness[-1], heights[-1]) == (darkness[-2], heights[-2])


def test_letters_contrast_with_every_heat():
    # WCAG asks for a contrast of 3:1 for letters so large.
    for level in np.linspace(0, 1, 50):
        heat = pictures._choose_colour(float(level))
        ink = pictures._choose_letter_colour(heat)
        letters = tuple(int(ink[at : at + 2], 16) for at in (1, 3, 5))
        assert contrast(heat, letters) > 3.5, level
