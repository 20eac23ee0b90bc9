"""Tests of the corpus of films."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from training.cli import main
from training.data.corpora import screenplays
from training.data.texts import collect, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("films")
    screenplays.write_films(out)
    return out


def test_a_tenth_of_the_films_is_held_out(folder: Path):
    everything = {path.name for path in screenplays.FILMS.glob("*.fountain")}
    held_out = {path.name for path in (folder / "validation").iterdir()}
    assert {name.removesuffix(".fountain") for name in held_out} == screenplays.HELD_OUT
    assert {path.name for path in (folder / "train" / "films").iterdir()} == everything - held_out
    size = {name: (screenplays.FILMS / name).stat().st_size for name in everything}
    assert 0.08 < sum(size[name] for name in held_out) / sum(size.values()) < 0.12
    split = collect([folder])
    assert {text.folder for text in split.train} == {"films"}
    assert {text.folder for text in split.validation} == {"validation"}


def test_runs_of_eight_words_hardly_ever_repeat():
    runs = Counter[tuple[str, ...]]()
    for film in screenplays.FILMS.glob("*.fountain"):
        words = re.findall(r"[\w']+", read(film).content.lower())
        runs.update(zip(*(words[i:] for i in range(8)), strict=False))
    assert len(runs) > 350_000
    assert sum(n for n in runs.values() if n > 1) < 0.01 * sum(runs.values())


@pytest.mark.parametrize(
    "corpus", [["films"], ["sketches"], ["plays"], ["scenes", "--only", "swan"], ["drama"]]
)
def test_no_corpus_replaces_the_texts_in_a_folder(corpus: list[str], tmp_path: Path, capsys):
    own = tmp_path / "train" / "own.fountain"
    own.parent.mkdir()
    own.write_text("My own.", encoding="utf-8")
    source = ["--from", str(tmp_path)] if corpus == ["drama"] else []
    assert main(["corpus", *corpus, *source, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path} is not empty: name another --out, or empty this folder.\n"
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]
