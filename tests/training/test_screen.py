"""The corpus of films and talk."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from fountain.parser import FountainParser

from training import screen, talk
from training.texts import collect, read

SOME = 300
"""Conversations, of 7,168."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("screen")
    screen.write(out, talk.read()[:SOME])
    return out


def test_whole_films_are_held_out_a_tenth_of_them(folder: Path):
    films = {path.name for path in screen.FILMS.glob("*.fountain")}
    held_out = {path.name for path in (folder / "validation").iterdir()}
    assert {name.removesuffix(".fountain") for name in held_out} == screen.HELD_OUT
    assert {path.name for path in (folder / "train" / "films").iterdir()} == films - held_out
    size = {name: (screen.FILMS / name).stat().st_size for name in films}
    assert 0.08 < sum(size[name] for name in held_out) / sum(size.values()) < 0.12
    split = collect([folder])
    assert {text.folder for text in split.train} == {"films", "talk"}
    assert {text.folder for text in split.validation} == {"validation"}


def test_read_as_often_as_is_advised_the_films_are_most_of_it():
    # Of the whole corpus the talk is at most 1.65 million characters.
    films = sum(
        len(read(p).content) for p in screen.FILMS.glob("*") if p.stem not in screen.HELD_OUT
    )
    assert screen.REPEAT * films / (screen.REPEAT * films + 1_650_000) > 0.75


def test_fewer_than_one_in_a_hundred_runs_of_eight_words_of_the_films_come_twice():
    runs = Counter[tuple[str, ...]]()
    for film in screen.FILMS.glob("*.fountain"):
        words = re.findall(r"[\w']+", read(film).content.lower())
        runs.update(zip(*(words[i:] for i in range(8)), strict=False))
    assert len(runs) > 350_000
    assert sum(n for n in runs.values() if n > 1) < 0.01 * sum(runs.values())


def test_written_again_it_is_the_same_and_nothing_else_is_left(folder: Path, tmp_path: Path):
    left = tmp_path / "train" / "talk" / "left.fountain"
    left.parent.mkdir(parents=True)
    left.write_text("Old.", encoding="utf-8")
    screen.write(tmp_path, talk.read()[:SOME])
    files = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.fountain")}
    again = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.fountain")}
    assert again == files


def test_talk_is_scenes_of_two_as_fountain_reads_them(folder: Path):
    for path in (folder / "train" / "talk").iterdir():
        script = path.read_text(encoding="utf-8")
        scenes: list[list[str]] = []
        for element in FountainParser().parse(script).elements:
            match element.type.value:
                case "scene_heading":
                    scenes.append([])
                case "character":
                    scenes[-1].append(element.text)
                case kind:
                    assert kind in ("dialogue", "page_break"), element
        assert len(scenes) == len(re.findall(r"^(?:INT|EXT)\. ", script, re.MULTILINE))
        assert all(len(set(cues)) == 2 and len(cues) >= talk.SPEECHES for cues in scenes)
        assert all(cue in screen.CAST for cues in scenes for cue in cues)


def test_headings_tell_talk_from_films(folder: Path):
    heading = re.compile(r"^(?:INT|EXT)\..*", re.MULTILINE)
    talked, filmed = (
        [
            found
            for path in (folder / "train" / part).iterdir()
            for found in heading.findall(path.read_text(encoding="utf-8"))
        ]
        for part in ("talk", "films")
    )
    assert talked
    assert filmed
    assert all(screen.CAMPUS in one for one in talked)
    assert not any(screen.CAMPUS in one for one in filmed)


def test_scenes_of_one_conversation_have_one_cast_and_others_another():
    one = [talk.Speech(0, "Hello."), talk.Speech(1, "Yes.")]
    [script] = screen._scripts([[one, one], [one], [one]])
    casts = [scene.split("\n\n")[1:] for scene in re.split(r"\n\n(?=INT|EXT)", script)]
    assert len(casts) == 4
    assert casts[0] == casts[1]
    assert casts[0] != casts[2] != casts[3]
    assert random.Random(screen.SEED).sample(screen.CAST, 2)[0] == casts[0][0].split("\n")[0]
