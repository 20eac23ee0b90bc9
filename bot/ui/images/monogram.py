"""Monograms: the faces of characters, each one or two initials on a colour drawn from the name.

The same name has the same monogram in every script. A monogram is made of few parts, so many names
share one: an application may keep 2,000 emojis, and each monogram is one of them.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import math
import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from PIL import Image, ImageDraw

from ...cleaning import fold_case
from ...screenplay import typeface
from .pictures import Colour, load_font

SIZE = 256
"""The width and height in pixels. Discord cuts a circle out of an avatar."""

FINE = 4
"""Pixels that are drawn for each pixel of the picture, so that edges are smooth."""

HUES = (0, 20, 34, 48, 70, 110, 150, 175, 195, 210, 228, 250, 270, 290, 312, 335)
"""Hues in degrees, closer to each other where people see more difference."""

CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))
"""The corners in which the second tone may stand, as signs of x and y."""

LUMINANCE = 0.19
"""The relative luminance (WCAG 2) of every colour.

White stands out from it with a contrast of 4.4 to 1, the colour from Discord's light and dark
backgrounds with at least 3 to 1.
"""

SHADE = 0.8
"""The share of the luminance that the second tone keeps."""

WHITE = "#ffffff"


class Shape(IntEnum):
    """Name the shapes for names of which the typeface has no letters."""

    DISC = 0
    RING = 1
    TRIANGLE = 2
    SQUARE = 3
    DIAMOND = 4
    STAR = 5
    CROSS = 6
    HEXAGON = 7


@dataclass(frozen=True)
class Monogram:
    """A picture for everybody whose names have the same initials and draw the same colour."""

    mark: str | Shape
    hue: int
    corner: int

    @property
    def emoji_name(self) -> str:
        """Return the name of the application emoji that keeps the picture."""
        mark = self.mark
        if isinstance(mark, Shape):
            told = f"shape{mark:d}"
        else:
            told = "".join(f"{ord(character):04x}" for character in mark)
        return f"monogram_{told}_{self.hue:x}{self.corner:x}"

    @property
    def colour(self) -> Colour:
        """Return the background's colour, which also suits a card's accent."""
        return _colour(HUES[self.hue], LUMINANCE)

    def png(self) -> bytes:
        """Draw the picture, and return it as a PNG file. Call it off the event loop."""
        image = Image.new("RGB", (SIZE * FINE, SIZE * FINE), self.colour)
        draw = ImageDraw.Draw(image)
        self._draw_second_tone(draw)
        if isinstance(self.mark, Shape):
            _draw_shape(draw, self.mark)
        else:
            _draw_initials(draw, self.mark)
        file = io.BytesIO()
        image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
        return file.getvalue()

    def _draw_second_tone(self, draw: ImageDraw.ImageDraw) -> None:
        across, down = CORNERS[self.corner]
        middle, radius = SIZE * FINE / 2, SIZE * FINE * 0.62
        x, y = middle + across * middle, middle + down * middle
        shade = _colour(HUES[self.hue], LUMINANCE * SHADE)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)


@lru_cache(maxsize=1000)
def monogram_of(name: str) -> Monogram:
    """Return the monogram of a character's name. Call it off the event loop."""
    drawn = hashlib.blake2b(fold_case(name).encode(), digest_size=4).digest()
    mark = initials(name) or Shape(drawn[2] % len(Shape))
    return Monogram(mark, drawn[0] % len(HUES), drawn[1] % len(CORNERS))


def initials(name: str) -> str:
    """Return the first and last initials of a name that the typeface has: two, one or none."""
    words = re.split(r"[\s\-\u2010-\u2015_/]+", unicodedata.normalize("NFC", name).upper())
    named = [word for word in words if word not in {"A", "AN", "THE"}] or words
    found = [initial for word in named if (initial := _initial(word))]
    return "".join(found[:1] + found[1:][-1:])


def _initial(word: str) -> str:
    """Return a word's first letter or digit that the typeface has."""
    known = (letter for letter in word if letter.isalnum() and not typeface.find_missing(letter))
    return next(known, "")


def _colour(hue: int, luminance: float) -> Colour:
    """Return the strong colour of a hue in degrees that has a relative luminance."""
    dark, light = 0.0, 1.0
    for _ in range(20):
        lightness = (dark + light) / 2
        red, green, blue = colorsys.hls_to_rgb(hue / 360, lightness, 0.62)
        found = 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)
        dark, light = (lightness, light) if found < luminance else (dark, lightness)
    return round(255 * red), round(255 * green), round(255 * blue)


def _linear(channel: float) -> float:
    """Return the light of a channel of sRGB."""
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _draw_initials(draw: ImageDraw.ImageDraw, mark: str) -> None:
    """Draw letters in the middle, with accents above and tails below it."""
    font = load_font(FINE * (168 if len(mark) == 1 else 136), bold=True)
    thicker = 2 * FINE
    left, _, right, _ = draw.textbbox((0, 0), mark, font=font, stroke_width=thicker)
    _, top, _, bottom = draw.textbbox((0, 0), "H", font=font)
    middle = SIZE * FINE / 2
    x, y = middle - (left + right) / 2, middle - (top + bottom) / 2
    draw.text((x, y), mark, font=font, fill=WHITE, stroke_width=thicker, stroke_fill=WHITE)


def _draw_shape(draw: ImageDraw.ImageDraw, shape: Shape) -> None:
    middle, radius = SIZE * FINE / 2, SIZE * FINE * 0.27
    box = (middle - radius, middle - radius, middle + radius, middle + radius)
    circle = (middle, middle, radius * 1.15)
    match shape:
        case Shape.DISC:
            draw.ellipse(box, fill=WHITE)
        case Shape.RING:
            draw.ellipse(box, outline=WHITE, width=round(radius * 0.42))
        case Shape.CROSS:
            arm = radius * 0.34
            draw.rectangle((middle - arm, box[1], middle + arm, box[3]), fill=WHITE)
            draw.rectangle((box[0], middle - arm, box[2], middle + arm), fill=WHITE)
        case Shape.TRIANGLE:
            draw.regular_polygon(circle, 3, fill=WHITE)
        case Shape.SQUARE:
            draw.regular_polygon(circle, 4, fill=WHITE)
        case Shape.DIAMOND:
            draw.regular_polygon(circle, 4, rotation=45, fill=WHITE)
        case Shape.HEXAGON:
            draw.regular_polygon(circle, 6, rotation=30, fill=WHITE)
        case Shape.STAR:
            corners = []
            for number in range(10):
                angle = math.pi * number / 5 - math.pi / 2
                far = radius * 1.15 * (0.42 if number % 2 else 1.0)
                corners.append((middle + far * math.cos(angle), middle + far * math.sin(angle)))
            draw.polygon(corners, fill=WHITE)
