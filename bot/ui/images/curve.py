"""Draw the training curve of a model: bits per character by step."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ...i18n.catalogue import say
from .pictures import BACKGROUND, BLUE, EDGE, FAINT, IMAGE_WIDTH, INK, ORANGE, RULE, load_font

CURVE_HEIGHT = 640
LEFT, TOP, RIGHT, BOTTOM = 110, 150, IMAGE_WIDTH - EDGE, CURVE_HEIGHT - 96
"""The area of the lines, in pixels."""

MAX_BITS_ABOVE_BEST = 1.0
"""Bits above the best that are shown, because the first steps would flatten all others."""

MAX_POINTS = 500
"""The most points of a line that are drawn, whatever a file holds."""

Point = tuple[float, float]
"""A step, and bits per character."""


@dataclass(frozen=True)
class Curve:
    """The bits per character of a model, during its training."""

    training: tuple[Point, ...]
    """Of the training texts, with dropout."""
    validation: tuple[Point, ...]
    """Of the validation text, with at least one point."""

    @property
    def best(self) -> Point:
        """Return the step whose weights were kept."""
        return min(self.validation, key=lambda point: point[1])


def parse_curve(metadata: Mapping[str, str]) -> Curve | None:
    """Return the training curve in a model file, or None if the file has no valid one."""
    try:
        stored = json.loads(metadata.get("onbook.curve", ""))
        training, validation = (_parse_points(stored[name]) for name in ("training", "validation"))
    except (ValueError, TypeError, KeyError):
        return None
    return Curve(training, validation) if validation else None


def _parse_points(stored: Sequence[Sequence[float]]) -> tuple[Point, ...]:
    points = tuple((float(step), float(bits)) for step, bits in stored[:MAX_POINTS])
    if not all(math.isfinite(number) and 0 <= number < 1e9 for point in points for number in point):
        raise ValueError("not a step and its bits")
    return points


def draw_curve(model: str, curve: Curve) -> bytes:
    """Draw a curve as a PNG file, which takes some tens of milliseconds."""
    image = Image.new("RGB", (IMAGE_WIDTH, CURVE_HEIGHT), BACKGROUND)
    draw = ImageDraw.Draw(image)
    title = say("How “{voice}” learned", voice=model[:24])
    draw.text((EDGE, EDGE), title, font=load_font(38, bold=True), fill=INK)
    scale_name = say("bits per character during training")
    draw.text((EDGE, EDGE + 52), scale_name, font=load_font(26), fill=FAINT)
    scale = _Scale.of(curve)
    _draw_axes(draw, scale)
    draw.line([scale.place(point) for point in curve.training], fill=ORANGE, width=3, joint="curve")
    shown = [scale.place(point) for point in curve.validation]
    draw.line(shown, fill=BLUE, width=5, joint="curve")
    for x, y in shown:
        draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=BLUE)
    _draw_best(draw, scale, curve)
    _draw_curve_legend(draw)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()


def describe_curve(model: str, curve: Curve) -> str:
    """Describe the picture for people who cannot see it, in at most 1,000 characters."""
    (begin, first), (at, best), (end, last) = curve.validation[0], curve.best, curve.validation[-1]
    text = say(
        "How “{voice}” learned: on unseen text, a character cost {first:.2f} bits after "
        "{begin:,.0f} steps, {best:.2f} at best after {at:,.0f}, and {last:.2f} at the end after "
        "{end:,.0f}.",
        voice=model,
        first=first,
        begin=begin,
        best=best,
        at=at,
        last=last,
        end=end,
    )
    return text[:1000]


@dataclass(frozen=True)
class _Scale:
    """Map steps and bits to pixels."""

    steps: float
    low: float
    high: float

    @classmethod
    def of(cls, curve: Curve) -> _Scale:
        points = [*curve.training, *curve.validation]
        low = math.floor(min(bits for _, bits in points) * 10 - 1) / 10
        high = min(max(bits for _, bits in points), curve.best[1] + MAX_BITS_ABOVE_BEST)
        return cls(max(step for step, _ in points) or 1.0, low, max(high, low + 0.5))

    def place(self, point: Point) -> Point:
        """Return a point in pixels; a point above the picture moves to its edge."""
        step, bits = point
        share = (min(bits, self.high) - self.low) / (self.high - self.low)
        return LEFT + (RIGHT - LEFT) * step / self.steps, BOTTOM - (BOTTOM - TOP) * share


def _draw_axes(draw: ImageDraw.ImageDraw, scale: _Scale) -> None:
    """Draw horizontal lines with their bits, and steps below the axis."""
    interval = next(
        spacing
        for spacing in (0.1, 0.2, 0.5, 1.0, math.inf)
        if (scale.high - scale.low) / spacing < 8
    )
    bits = math.ceil(scale.low / interval) * interval if interval < math.inf else scale.low
    while bits <= scale.high:
        _, y = scale.place((0, bits))
        draw.line((LEFT, y, RIGHT, y), fill=RULE, width=2)
        label = say("{bits:.1f}", bits=bits)
        draw.text((LEFT - 14, y), label, font=load_font(26), fill=FAINT, anchor="rm")
        bits += interval
    for share in (0.25, 0.5, 0.75, 1.0):
        x, _ = scale.place((scale.steps * share, scale.low))
        label = say("{steps:,.0f}", steps=scale.steps * share)
        draw.line((x, BOTTOM, x, BOTTOM + 8), fill=FAINT, width=2)
        anchor = "ra" if share == 1 else "ma"
        draw.text((x, BOTTOM + 14), label, font=load_font(26), fill=FAINT, anchor=anchor)
    draw.text((LEFT, BOTTOM + 14), say("steps"), font=load_font(26), fill=FAINT, anchor="la")


def _draw_best(draw: ImageDraw.ImageDraw, scale: _Scale, curve: Curve) -> None:
    x, y = scale.place(curve.best)
    draw.ellipse((x - 14, y - 14, x + 14, y + 14), outline=INK, width=4)
    text = say("{bits:.2f}", bits=curve.best[1])
    anchor = "rd" if x > IMAGE_WIDTH / 2 else "ld"
    draw.text((x, y - 20), text, font=load_font(34, bold=True), fill=INK, anchor=anchor)


def _draw_curve_legend(draw: ImageDraw.ImageDraw) -> None:
    y = CURVE_HEIGHT - 34
    draw.line((EDGE, y, EDGE + 50, y), fill=BLUE, width=5)
    draw.ellipse((EDGE + 18, y - 7, EDGE + 32, y + 7), fill=BLUE)
    draw.text((EDGE + 62, y), say("unseen text"), font=load_font(26), fill=INK, anchor="lm")
    draw.line((IMAGE_WIDTH // 2, y, IMAGE_WIDTH // 2 + 50, y), fill=ORANGE, width=3)
    text = say("training text")
    draw.text((IMAGE_WIDTH // 2 + 62, y), text, font=load_font(26), fill=INK, anchor="lm")
