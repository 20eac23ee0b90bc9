"""Training curves: draw what a character cost a voice, step by step of its training."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ...i18n.catalogue import say
from .page import BLUE, EDGE, FAINT, INK, ORANGE, PAPER, RULE, WIDTH, letters

HEIGHT = 640
LEFT, TOP, RIGHT, BOTTOM = 110, 150, WIDTH - EDGE, HEIGHT - 96
"""The area of the lines, in pixels."""

ABOVE = 1.0
"""Bits above the best that are shown, because the first steps would flatten all others."""

MOST_POINTS = 500
"""The most points of a line that are drawn, whatever a file holds."""

Point = tuple[float, float]
"""A step, and bits per character."""


@dataclass(frozen=True)
class Curve:
    """The bits per character of a voice, during its training."""

    training: tuple[Point, ...]
    """Of the training texts, with dropout."""
    validation: tuple[Point, ...]
    """Of the validation text, with at least one point."""

    @property
    def best(self) -> Point:
        """Return the step whose weights were kept."""
        return min(self.validation, key=lambda point: point[1])


def curve_of(about: Mapping[str, str]) -> Curve | None:
    """Return the training curve in a voice file, or None where the file has no valid one."""
    try:
        found = json.loads(about.get("onbook.curve", ""))
        training, validation = (_points(found[name]) for name in ("training", "validation"))
    except (ValueError, TypeError, KeyError):
        return None
    return Curve(training, validation) if validation else None


def _points(stored: Sequence[Sequence[float]]) -> tuple[Point, ...]:
    points = tuple((float(step), float(bits)) for step, bits in stored[:MOST_POINTS])
    if not all(math.isfinite(number) and 0 <= number < 1e9 for point in points for number in point):
        raise ValueError("not a step and its bits")
    return points


def drawn(voice: str, curve: Curve) -> bytes:
    """Draw a curve as a PNG file, which takes some tens of milliseconds."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    title = say("How “{voice}” learned", voice=voice[:24])
    draw.text((EDGE, EDGE), title, font=letters(38, bold=True), fill=INK)
    draw.text((EDGE, EDGE + 52), say("bits per character"), font=letters(26), fill=FAINT)
    at = _Scale.of(curve)
    _axes(draw, at)
    _line(draw, [at.place(point) for point in curve.training], ORANGE, width=3)
    shown = [at.place(point) for point in curve.validation]
    _line(draw, shown, BLUE, width=5)
    for x, y in shown:
        draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=BLUE)
    _mark_best(draw, at, curve)
    _legend(draw)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()


def in_words(voice: str, curve: Curve) -> str:
    """Describe the picture for people who cannot see it, in at most 1,000 characters."""
    first, best, last = curve.validation[0], curve.best, curve.validation[-1]
    told = say(
        "How “{voice}” learned: on unseen text, a character cost {first:.2f} bits after "
        "{begin:,.0f} steps, {best:.2f} at best after {at:,.0f}, and {last:.2f} at the end after "
        "{end:,.0f}.",
        voice=voice,
        first=first[1],
        begin=first[0],
        best=best[1],
        at=best[0],
        last=last[1],
        end=last[0],
    )
    return told[:1000]


@dataclass(frozen=True)
class _Scale:
    """Maps steps and bits to pixels."""

    steps: float
    low: float
    high: float

    @classmethod
    def of(cls, curve: Curve) -> _Scale:
        points = [*curve.training, *curve.validation]
        low = math.floor(min(bits for _, bits in points) * 10 - 1) / 10
        high = min(max(bits for _, bits in points), curve.best[1] + ABOVE)
        return cls(max(step for step, _ in points) or 1.0, low, max(high, low + 0.5))

    def place(self, point: Point) -> Point:
        """Return a point in pixels; a point above the picture moves to its edge."""
        step, bits = point
        share = (min(bits, self.high) - self.low) / (self.high - self.low)
        return LEFT + (RIGHT - LEFT) * step / self.steps, BOTTOM - (BOTTOM - TOP) * share


def _axes(draw: ImageDraw.ImageDraw, at: _Scale) -> None:
    """Draw horizontal lines with their bits, and steps below the axis."""
    every = next(one for one in (0.1, 0.2, 0.5, 1.0, math.inf) if (at.high - at.low) / one < 8)
    bits = math.ceil(at.low / every) * every if every < math.inf else at.low
    while bits <= at.high:
        _, y = at.place((0, bits))
        draw.line((LEFT, y, RIGHT, y), fill=RULE, width=2)
        draw.text((LEFT - 14, y), f"{bits:.1f}", font=letters(26), fill=FAINT, anchor="rm")
        bits += every
    for share in (0.25, 0.5, 0.75, 1.0):
        x, _ = at.place((at.steps * share, at.low))
        told = say("{steps:,.0f}", steps=at.steps * share)
        draw.line((x, BOTTOM, x, BOTTOM + 8), fill=FAINT, width=2)
        anchor = "ra" if share == 1 else "ma"
        draw.text((x, BOTTOM + 14), told, font=letters(26), fill=FAINT, anchor=anchor)
    draw.text((LEFT, BOTTOM + 14), say("steps"), font=letters(26), fill=FAINT, anchor="la")


def _line(draw: ImageDraw.ImageDraw, places: Sequence[Point], colour: str, width: int) -> None:
    if len(places) > 1:
        draw.line(places, fill=colour, width=width, joint="curve")


def _mark_best(draw: ImageDraw.ImageDraw, at: _Scale, curve: Curve) -> None:
    x, y = at.place(curve.best)
    draw.ellipse((x - 14, y - 14, x + 14, y + 14), outline=INK, width=4)
    told = say("{bits:.2f}", bits=curve.best[1])
    anchor = "rd" if x > WIDTH / 2 else "ld"
    draw.text((x, y - 20), told, font=letters(34, bold=True), fill=INK, anchor=anchor)


def _legend(draw: ImageDraw.ImageDraw) -> None:
    y = HEIGHT - 34
    draw.line((EDGE, y, EDGE + 50, y), fill=BLUE, width=5)
    draw.ellipse((EDGE + 18, y - 7, EDGE + 32, y + 7), fill=BLUE)
    draw.text((EDGE + 62, y), say("unseen text"), font=letters(26), fill=INK, anchor="lm")
    draw.line((WIDTH // 2, y, WIDTH // 2 + 50, y), fill=ORANGE, width=3)
    told = say("training text")
    draw.text((WIDTH // 2 + 62, y), told, font=letters(26), fill=INK, anchor="lm")
