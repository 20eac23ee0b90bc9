"""Tests of the corpora of films and sketches."""

import re
from collections import Counter
from pathlib import Path

import pytest

from training.cli import main
from training.data.corpora.scenes.frames import FRAMES, read_source
from training.data.corpora.screenplays import FILMS, HELD_OUT, SKETCHES, write_films, write_sketches
from training.data.texts import collect, read

from .frame_check import compile_unmet_words

HEADING = re.compile(r"(?:INT|EXT)\. .+ - [A-Z' ]+|\.[^a-z]+")
LONGEST = 140
"""The most characters of a speech or an action of a sketch."""


@pytest.fixture(scope="module")
def elements() -> list[tuple[str, str]]:
    """Read the elements of all sketches, with the names of their files."""
    return [
        (path.name, element)
        for path in sorted(SKETCHES.rglob("*.fountain"))
        for element in read(path).content.split("\n\n")
    ]


def test_a_tenth_of_the_films_is_held_out(tmp_path: Path):
    write_films(tmp_path)
    sizes = {path.name: path.stat().st_size for path in FILMS.glob("*.fountain")}
    held_out = {path.name for path in (tmp_path / "validation").iterdir()}
    assert {name.removesuffix(".fountain") for name in held_out} == HELD_OUT
    assert {path.name for path in (tmp_path / "train" / "films").iterdir()} == {*sizes} - held_out
    assert 0.08 < sum(sizes[name] for name in held_out) / sum(sizes.values()) < 0.12
    split = collect([tmp_path])
    assert {text.folder for text in split.train} == {"films"}
    assert {text.folder for text in split.validation} == {"validation"}


def test_a_fiftieth_of_the_sketches_is_held_out(tmp_path: Path):
    write_sketches(tmp_path)
    split = collect([tmp_path])
    assert {text.folder for text in split.train} == {
        *("sketches", "chat-sketches", "stage-sketches", "parlour-sketches")
    }
    train, validation = (
        sum(len(text.content) for text in part) for part in (split.train, split.validation)
    )
    assert 0.02 < validation / train < 0.05


def test_runs_of_eight_words_hardly_ever_repeat_in_films():
    runs = Counter[tuple[str, ...]]()
    for film in FILMS.glob("*.fountain"):
        words = re.findall(r"[\w']+", read(film).content.lower())
        runs.update(zip(*(words[i:] for i in range(8)), strict=False))
    assert len(runs) > 350_000
    assert sum(n for n in runs.values() if n > 1) < 0.01 * sum(runs.values())


def test_lines_of_sketches_hardly_ever_repeat(elements: list[tuple[str, str]]):
    lines = Counter(element for _, element in elements if len(element.split()) > 5)
    assert sum(n for n in lines.values() if n > 1) < 0.02 * sum(lines.values())


def test_sketches_are_scenes_of_short_lines(elements: list[tuple[str, str]]):
    assert not [found for found in elements if max(map(len, found[1].split("\n"))) > LONGEST]
    scenes = sum(bool(HEADING.fullmatch(element)) for _, element in elements)
    assert 6 < len(elements) / scenes < 14


def test_sketches_have_no_held_out_word(elements: list[tuple[str, str]]):
    words = compile_unmet_words(read_source(FRAMES).lists)
    assert not [found for found in elements if words.search(found[1].lower())]


@pytest.mark.parametrize(
    "corpus", [["films"], ["sketches"], ["plays"], ["scenes", "--only", "swan"], ["drama"]]
)
def test_no_corpus_replaces_the_texts_in_a_folder(corpus: list[str], tmp_path: Path, capsys):
    own = tmp_path / "train" / "own.fountain"
    own.parent.mkdir()
    own.write_text("My own.", encoding="utf-8")
    source = ["--from", str(tmp_path)] if corpus == ["drama"] else []
    assert main(["corpus", *corpus, *source, "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said == f"{tmp_path} is not empty: name another --out, or empty this folder.\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]
