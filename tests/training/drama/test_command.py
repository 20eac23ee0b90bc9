"""Tests of the command: from published texts to a corpus as requested, without copies."""

from pathlib import Path

import pytest

from tests.training.drama.plays import speeches
from training.cli import corpus, main
from training.data.corpora.drama.download import Client
from training.data.corpora.drama.manifest import TEST, Entry

from .mirror import framed

HELD_OUT = min(TEST)


def printed(seed: int, title: str, number: int = 60) -> str:
    """Return a play as it might be printed."""
    said = (speech.replace("\n", ". ") for speech in speeches(seed, number, words=9))
    beginning = ["", title.upper(), "A COMEDY", "ACT I", "SCENE I. A room."]
    return "\n\n".join([*beginning, *said]) + "\n"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    plays = {
        2542: printed(1, "The Kettle"),
        3000: printed(2, "The Hat").replace("kettle", "thou"),
        HELD_OUT: printed(3, "The Ring"),
        4000: printed(3, "The Ring Again", number=50),
    }
    for number, text in plays.items():
        (folder / f"{number}.txt").write_text(text)
    return folder


def make(texts: Path, out: Path, *more: str) -> list[dict[str, str]]:
    """Run the command; return the rows of its report."""
    assert main(["corpus", "drama", "--from", str(texts), "--out", str(out), *more]) == 0
    headings, *rows = [line.split("\t") for line in (out / "report.tsv").read_text().splitlines()]
    return [dict(zip(headings, row, strict=True)) for row in rows]


def test_each_work_is_written_once_under_its_title(texts, tmp_path):
    rows = make(texts, tmp_path / "out")
    parts = [(row["number"], row["part"]) for row in rows]
    assert parts == [(str(HELD_OUT), "test"), ("2542", "train"), ("3000", "train")]
    assert rows[1]["title"] == "A Doll's House"


def test_facets_choose_works(texts, tmp_path):
    [row] = make(texts, tmp_path / "out", "--facet", "old")
    assert row["number"] == "3000"
    assert "old" in row["facets"].split()
    assert make(texts, tmp_path / "both", "--facet", "old", "--facet", "modern") == []


def test_missing_texts_are_downloaded(mirror, tmp_path, monkeypatch, capsys):
    mirror.files["4/45/45.txt"] = framed(printed(1, "The Kettle"))
    known = {45: Entry(45, "The Kettle", "0" * 64)}
    monkeypatch.setattr(corpus, "read_manifest", lambda: known)
    monkeypatch.setattr(corpus, "Client", lambda address: Client(address, pause=0))
    [row] = make(tmp_path / "texts", tmp_path / "out", "--download", "--mirror", mirror.address)
    assert row["number"] == "45"
    assert "1 works and report.tsv are in" in capsys.readouterr().out


def test_an_interrupted_download_leaves_no_folder(mirror, tmp_path, monkeypatch, capsys):
    def interrupt(_: str) -> Client:
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "Client", interrupt)
    out = tmp_path / "out"
    given = ["--from", str(tmp_path / "texts"), "--mirror", mirror.address]
    assert main(["corpus", "drama", "--download", *given, "--out", str(out)]) == 130
    assert capsys.readouterr().err == "Stopped.\n"
    assert not out.exists()


def test_a_doubtful_work_is_left_out(texts, tmp_path, capsys):
    named = "ANNA. 'It sings.'\n\nTOM. 'It does not.'\n\n" * 15
    unnamed = "'Is it time?' She puts the kettle down.\n\n'Not yet,' says Tom.\n\n" * 10
    novel = f"THE LID\n\nACT I\n\nSCENE I. A room.\n\n{named}{unnamed}{named}"
    (texts / "5000.txt").write_text(novel)
    [row] = [row for row in make(texts, tmp_path / "out") if row["number"] == "5000"]
    assert (row["part"], row["file"], row["doubts"]) == ("left out", "", "20")
    assert "a speech without a name" in row["doubtful"]
    assert not list((tmp_path / "out").rglob("5000*"))
    assert "1 works were left out" in capsys.readouterr().out


def test_a_single_file_can_be_converted(texts, tmp_path):
    [row] = make(texts / "3000.txt", tmp_path / "out")
    assert row["number"] == "3000"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "{file}", "--download"], "is a file: name a folder"),
        (["--from", "{folder}", "--download", "--mirror", "gutenberg.org"], "https://"),
        (["--from", "{inside}", "--download"], "lies in"),
        (["--from", "{nowhere}"], "There is no"),
    ],
)
def test_impossible_requests_are_refused(tmp_path, capsys, arguments, said):
    places = {"file": tmp_path / "a.txt", "folder": tmp_path, "nowhere": tmp_path / "b"}
    places["inside"] = tmp_path / "out" / "texts"
    places["file"].write_text("text")
    given = [argument.format(**places) for argument in arguments]
    assert main(["corpus", "drama", "--out", str(tmp_path / "out"), *given]) == 1
    assert said in capsys.readouterr().err
