"""Test the statistics of a script, and their picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.screenplay.free_text import from_person
from bot.screenplay.statistics import Count, Tally, minutes, share, tally
from bot.storage.schema import Line
from bot.ui.images import pictures

SCRIPT = "int. diner\n\nMAYA: Hello you.\n\nJO: Hey.\n\nMAYA (O.S.): Off.\n\nRain on the window."


def lines(text: str, *writers: tuple[int | None, str]) -> list[Line]:
    return [
        Line(kind=one.kind.value, text=one.text, author=author, credit=credit)
        for one, (author, credit) in zip(from_person(text), writers, strict=True)
    ]


def test_a_script_is_counted() -> None:
    who = [(1, "Ann"), (None, "stage"), (1, "Annie"), (2, "Ben"), (2, "Ben")]
    found = tally(lines(SCRIPT, *who))
    assert (found.lines, found.words, found.scenes) == (5, 10, 1)
    assert found.characters == (Count("MAYA", 2, 3), Count("JO", 1, 1))
    assert found.writers == (Count("Ben", 2, 5), Count("Annie", 2, 3))
    assert found.voices == (Count("stage", 1, 2),)
    assert found.pages == pytest.approx(12 / 55)
    assert share(found.writers[0], found) == 0.5


def test_an_empty_script_has_nothing() -> None:
    assert tally([]) == Tally(0, 0, 0, 0.0, (), (), ())
    assert share(Count("Ann", 0, 0), tally([])) == 0


@pytest.mark.parametrize(
    ("pages", "told"),
    [(0.2, "less than a minute"), (1.0, "about 1 minute"), (90.4, "about 90 minutes")],
)
def test_minutes(pages: float, told: str) -> None:
    assert minutes(pages) == told


def test_the_picture_has_room_for_anybody() -> None:
    counts = tuple(Count(f"{'A name ' * 9} {n}", 19_999, 199_999 - n) for n in range(30))
    counted = Tally(19_999, 199_999, 9_999, 1e4, counts, counts, counts)
    image = Image.open(io.BytesIO(pictures.draw_statistics("A title " * 20, counted).png))
    assert image.width == pictures.IMAGE_WIDTH
    assert 900 < image.height < 1500
    edge = image.convert("RGB").crop((image.width - 8, 0, image.width, image.height))
    assert edge.getcolors() == [(8 * image.height, (0xFB, 0xF8, 0xF1))]
    assert len(pictures.describe_statistics("x" * 2000, counted)) == 1000
