"""Test monograms: initials or a shape, and their colours."""

import io
import re
from itertools import product

import numpy as np
import pytest
from PIL import Image

from bot.ui.images.monogram import CORNERS, HUES, SIZE, Monogram, Shape, initials, monogram_of

LIGHT, DARK = (255, 255, 255), (49, 51, 56)
"""The backgrounds of Discord's light and dark modes."""


def luminance(colour: tuple[int, ...]) -> float:
    """Return the relative luminance of a colour, by WCAG 2."""
    light = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def contrast(colour: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Return the contrast of two colours, by WCAG 2."""
    dark, light = sorted(map(luminance, (colour, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *[("ANN", "A"), ("ann", "A"), ("Lady Macbeth", "LM"), ("THE GHOST", "G"), ("THE", "T")],
        *[("GUARD 2", "G2"), ("MAN IN THE BLACK HAT", "MH"), ("JEAN-LUC", "JL"), ("O'NEILL", "O")],
        *[("«émile»", "É"), ("E\u0301mile", "É"), ("Дон JUAN", "J"), ("ß", "S")],
        *[("Ольга", ""), ("李明", ""), ("🤖", ""), ("", "")],
    ],
)
def test_initials_are_in_the_typeface(name: str, expected: str):
    assert initials(name) == expected


def test_monogram_depends_on_the_name_alone():
    assert monogram_of("Lady Macbeth") == monogram_of(" LADY  MACBETH ") == Monogram("LM", 7, 3)
    assert monogram_of("李明") == Monogram(Shape.HEXAGON, 14, 2)
    assert monogram_of("LADY MACBETH").png() == monogram_of("LADY MACBETH").png()


def test_similar_names_look_different():
    casts = [
        ["FIRST WITCH", "SECOND WITCH", "THIRD WITCH", "MACBETH", "LADY MACBETH", "BANQUO"],
        ["ROSENCRANTZ", "GUILDENSTERN", "HAMLET", "HORATIO", "OPHELIA", "POLONIUS"],
        ["GUARD 1", "GUARD 2", "GUARD 3", "GUARD 4"],
        ["Ольга", "Маша", "Ирина", "Андрей"],
    ]
    for cast in casts:
        assert len({monogram_of(name) for name in cast}) == len(cast)
    # Of all pairs of names that begin alike, hardly any has the same colour too.
    names = [f"A{letter}{vowel}" for letter, vowel in product("BCDEFGHIKLMNOPRS", "AEIOU")]
    drawn = [(monogram_of(name).hue, monogram_of(name).corner) for name in names]
    assert len(set(drawn)) > len(CORNERS) * len(HUES) / 2


@pytest.mark.parametrize("hue", range(len(HUES)))
def test_colours_have_contrast_in_light_and_dark_mode(hue: int):
    colour = Monogram("A", hue, 0).colour
    assert contrast(colour, LIGHT) >= 4.3
    assert contrast(colour, DARK) >= 2.8


@pytest.mark.parametrize("mark", ["A", "MW", "Å", *Shape])
def test_mark_lies_in_the_circle_that_discord_cuts_out(mark: str | Shape):
    picture = Image.open(io.BytesIO(Monogram(mark, 3, 1).png()))
    assert (picture.format, picture.size) == ("PNG", (SIZE, SIZE))
    y, x = np.nonzero(np.asarray(picture).min(axis=2) > 200) - np.array([[SIZE / 2]])
    assert len(x) > 0.04 * SIZE**2
    assert np.hypot(x, y).max() < 0.47 * SIZE
    assert abs(x.mean()) < 0.06 * SIZE


def test_marks_and_corners_make_different_pictures():
    made = {Monogram(mark, 0, 0).png() for mark in ("A", "B", "AB", *Shape)}
    assert len(made) == 3 + len(Shape)
    assert len({Monogram("A", 0, corner).png() for corner in range(len(CORNERS))}) == 4


def test_emoji_names_are_valid_and_unique():
    marks = ["A", "B", "AB", "ÅÉ", *Shape]
    parts = list(product(marks, range(len(HUES)), range(len(CORNERS))))
    names = {Monogram(*part).emoji_name for part in parts}
    assert all(re.fullmatch(r"[A-Za-z0-9_]{2,32}", name) for name in names)
    assert len(names) == len(parts)
    assert monogram_of("Lady Macbeth").emoji_name == "monogram_004c004d_73"
