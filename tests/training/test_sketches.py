"""Tests of the corpus of sketches."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from training.data.corpora import screenplays
from training.data.corpora.scenes.frames import FRAMES, read_source
from training.data.texts import collect, read

from .frame_check import compile_unmet_words

HEADING = re.compile(r"(?:INT|EXT)\. .+ - [A-Z' ]+|\.[^a-z]+")
LONGEST = 140
"""The most characters of a speech or an action."""


@pytest.fixture(scope="module")
def elements() -> list[tuple[str, str]]:
    """Read the elements of all sketches, with the names of their files."""
    return [
        (path.name, element)
        for path in sorted(screenplays.SKETCHES.rglob("*.fountain"))
        for element in read(path).content.split("\n\n")
    ]


def test_a_fiftieth_of_the_sketches_is_held_out(tmp_path: Path):
    screenplays.write_sketches(tmp_path)
    split = collect([tmp_path])
    assert {text.folder for text in split.train} == {
        "sketches",
        "chat-sketches",
        "stage-sketches",
        "parlour-sketches",
    }
    size = {
        part: sum(len(text.content) for text in getattr(split, part))
        for part in ("train", "validation")
    }
    assert 0.02 < size["validation"] / size["train"] < 0.05


def test_sketches_are_scenes_of_short_lines(elements: list[tuple[str, str]]):
    long = [found for found in elements if max(map(len, found[1].split("\n"))) > LONGEST]
    assert not long
    scenes = sum(bool(HEADING.fullmatch(element)) for _, element in elements)
    assert 6 < len(elements) / scenes < 14


def test_sketches_have_no_held_out_word(elements: list[tuple[str, str]]):
    words = compile_unmet_words(read_source(FRAMES).lists)
    assert not [found for found in elements if words.search(found[1].lower())]


def test_lines_hardly_ever_repeat(elements: list[tuple[str, str]]):
    lines = Counter(element for _, element in elements if len(element.split()) > 5)
    assert sum(n for n in lines.values() if n > 1) < 0.02 * sum(lines.values())
