"""Tests of monograms."""

from __future__ import annotations

import io
import re
from itertools import product

import numpy as np
import pytest
from PIL import Image

from bot.ui.images.monogram import (
    CORNERS,
    HUES,
    SIZE,
    Monogram,
    Shape,
    initials,
    monogram_of,
)

LIGHT, DARK = (255, 255, 255), (49, 51, 56)
"""The backgrounds of Discord's light and dark modes."""


def luminance(colour: tuple[int, ...]) -> float:
    """Return the relative luminance of a colour, by WCAG 2."""
    light = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Return the contrast of two colours, by WCAG 2."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def pixels(monogram: Monogram) -> Image.Image:
    """Return the picture."""
    return Image.open(io.BytesIO(monogram.png()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ANN", "A"),
        ("ann", "A"),
        ("Lady Macbeth", "LM"),
        ("THE GHOST", "G"),
        ("THE", "T"),
        ("GUARD 2", "G2"),
        ("MAN IN THE BLACK HAT", "MH"),
        ("JEAN-LUC", "JL"),
        ("O'NEILL", "O"),
        ("«émile»", "É"),
        ("E\u0301mile", "É"),
        ("Дон JUAN", "J"),
        ("ß", "S"),
        ("Ольга", ""),
        ("李明", ""),
        ("🤖", ""),
        ("", ""),
    ],
)
def test_a_name_has_one_initial_or_two_that_the_typeface_has(name: str, expected: str):
    assert initials(name) == expected


def test_a_name_has_the_same_monogram_always():
    assert monogram_of("Lady Macbeth") == monogram_of(" LADY  MACBETH ") == Monogram("LM", 7, 3)
    assert monogram_of("李明") == Monogram(Shape.HEXAGON, 14, 2)
    assert monogram_of("LADY MACBETH").png() == monogram_of("LADY MACBETH").png()


def test_neighbouring_names_are_unlike():
    casts = [
        ["FIRST WITCH", "SECOND WITCH", "THIRD WITCH", "MACBETH", "LADY MACBETH", "BANQUO"],
        ["ROSENCRANTZ", "GUILDENSTERN", "HAMLET", "HORATIO", "OPHELIA", "POLONIUS"],
        ["GUARD 1", "GUARD 2", "GUARD 3", "GUARD 4"],
        ["Ольга", "Маша", "Ирина", "Андрей"],
    ]
    for cast in casts:
        assert len({monogram_of(name) for name in cast}) == len(cast)
    # Of all pairs of names that begin alike, hardly any has the same colour too.
    names = [f"A{one}{two}" for one, two in product("BCDEFGHIKLMNOPRS", "AEIOU")]
    drawn = [(monogram_of(name).hue, monogram_of(name).corner) for name in names]
    assert len(set(drawn)) > len(CORNERS) * len(HUES) / 2


@pytest.mark.parametrize("hue", range(len(HUES)))
def test_every_colour_is_seen_in_light_and_dark_mode_and_under_white_letters(hue: int):
    colour = Monogram("A", hue, 0).colour
    assert contrast(colour, LIGHT) >= 4.3
    assert contrast(colour, DARK) >= 2.8


@pytest.mark.parametrize("mark", ["A", "MW", "Å", *Shape])
def test_the_picture_has_its_mark_within_the_circle_that_discord_cuts_out(mark: str | Shape):
    picture = pixels(Monogram(mark, 3, 1))
    assert (picture.format, picture.size) == ("PNG", (SIZE, SIZE))
    y, x = np.nonzero(np.asarray(picture).min(axis=2) > 200) - np.array([[SIZE / 2]])
    assert len(x) > 0.04 * SIZE**2
    assert np.hypot(x, y).max() < 0.47 * SIZE
    assert abs(x.mean()) < 0.06 * SIZE


def test_the_marks_and_corners_make_different_pictures():
    made = {Monogram(mark, 0, 0).png() for mark in ("A", "B", "AB", *Shape)}
    assert len(made) == 3 + len(Shape)
    assert len({Monogram("A", 0, corner).png() for corner in range(len(CORNERS))}) == 4


def test_the_name_of_the_emoji_is_valid_and_tells_pictures_apart():
    marks = ["A", "B", "AB", "ÅÉ", *Shape]
    all_of_them = [
        Monogram(*parts) for parts in product(marks, range(len(HUES)), range(len(CORNERS)))
    ]
    names = [one.emoji_name for one in all_of_them]
    assert all(re.fullmatch(r"[A-Za-z0-9_]{2,32}", name) for name in names)
    assert len(set(names)) == len(names)
    assert monogram_of("Lady Macbeth").emoji_name == "monogram_004c004d_73"
