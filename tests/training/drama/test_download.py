"""Tests of the download, against a server on this machine that fails as mirrors fail."""

from hashlib import sha256

import pytest

from training.data.corpora.drama import download as module
from training.data.corpora.drama.download import Client, cut_frame, download, list_mirror_paths
from training.data.corpora.drama.manifest import Entry
from training.errors import CorpusError

from .mirror import END, HEADER, START, framed

PLAY = "\n\n\nProduced by a Friend\n\n\nTHE KETTLE\n\nANNA. It sings, René.\n\n\n\n"


def entry(number: int, play: str = PLAY) -> Entry:
    return Entry(number, f"Play {number}", sha256(play.encode()).hexdigest())


def test_a_text_loses_its_frame_and_nothing_else(mirror, tmp_path):
    mirror.files["1/2/3/1234/1234.txt"] = framed(PLAY)
    assert download([entry(1234)], tmp_path, mirror.client()) == []
    assert (tmp_path / "1234.txt").read_bytes() == PLAY.encode()
    assert [file.name for file in tmp_path.iterdir()] == ["1234.txt"]
    assert mirror.agents == {module.AGENT}


def test_other_files_of_a_book_are_tried_in_turn(mirror, tmp_path):
    mirror.files["1/2/3/1234/1234-8.txt"] = (HEADER + START + PLAY + END).encode("latin-1")
    assert download([entry(1234)], tmp_path, mirror.client()) == []
    assert (tmp_path / "1234.txt").read_bytes() == PLAY.encode()
    assert mirror.asked == ["1/2/3/1234/1234.txt", "1/2/3/1234/1234-0.txt", "1/2/3/1234/1234-8.txt"]
    # The file that the mirror has generated is the last resort.
    mirror.files["cache/epub/7/pg7.txt"] = framed(PLAY)
    assert download([entry(7)], tmp_path, mirror.client()) == []


def test_the_file_of_the_manifest_is_preferred(mirror, tmp_path):
    plain = PLAY.replace("é", "e")
    mirror.files["4/5/45/45.txt"] = mirror.files["4/45/45.txt"] = framed(plain)
    mirror.files["4/45/45-0.txt"] = framed(PLAY)
    download([entry(45, plain)], tmp_path, mirror.client())
    assert (tmp_path / "45.txt").read_text("utf-8") == plain
    assert mirror.asked == ["4/45/45.txt"]


def test_a_changed_text_is_taken_and_kept(mirror, tmp_path):
    mirror.files["4/45/45.txt"] = framed(PLAY.replace("é", "e"))
    mirror.files["4/45/45-0.txt"] = framed(PLAY)
    known = entry(45, "something else")
    assert download([known], tmp_path, mirror.client()) == []
    assert (tmp_path / "45.txt").read_text("utf-8") == PLAY
    asked = len(mirror.asked)
    assert download([known], tmp_path, mirror.client()) == []
    assert len(mirror.asked) == asked


def test_a_busy_mirror_is_retried_after_growing_pauses(mirror, tmp_path, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    mirror.files["4/45/45.txt"] = framed(PLAY)
    mirror.failures["4/45/45.txt"] = [503, 500, 200]
    assert download([entry(45)], tmp_path, mirror.client(8)) == []
    assert mirror.asked == ["4/45/45.txt"] * 3
    assert [round(seconds) for seconds in slept] == [16, 32]


def test_requests_have_pauses_between_them(mirror, tmp_path, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    for number in (45, 46):
        mirror.files[f"4/{number}/{number}.txt"] = framed(PLAY)
    download([entry(45), entry(46)], tmp_path, mirror.client(5))
    assert [round(seconds) for seconds in slept] == [5]


def test_an_incomplete_answer_is_fetched_again(mirror, tmp_path):
    mirror.files["4/45/45.txt"] = framed(PLAY)
    mirror.failures["4/45/45.txt"] = ["breaks off", 200]
    download([entry(45)], tmp_path, mirror.client())
    assert (tmp_path / "45.txt").read_bytes() == PLAY.encode()


def test_an_interrupted_download_is_resumed(mirror, tmp_path):
    for number in (45, 46):
        mirror.files[f"4/{number}/{number}.txt"] = framed(PLAY)
    mirror.failures["4/46/46.txt"] = ["breaks off"] * module.ATTEMPTS
    with pytest.raises(CorpusError, match="run this again"):
        download([entry(45), entry(46)], tmp_path, mirror.client())
    assert [file.name for file in tmp_path.iterdir()] == ["45.txt"]
    mirror.asked.clear()
    assert download([entry(45), entry(46)], tmp_path, mirror.client()) == []
    assert mirror.asked == ["4/46/46.txt"]


def test_a_refusal_is_not_retried(mirror, tmp_path):
    mirror.files["4/45/45.txt"] = framed(PLAY)
    mirror.failures["4/45/45.txt"] = [403]
    with pytest.raises(CorpusError, match=r"403.*another --mirror"):
        download([entry(45)], tmp_path, mirror.client())
    assert mirror.asked == ["4/45/45.txt"]


def test_missing_books_are_reported_and_others_fetched(mirror, tmp_path):
    mirror.files["4/46/46.txt"] = framed(PLAY)
    # A page that says "not found" with the status 200.
    mirror.files["4/45/45.txt"] = b"<html><title>Nothing here</title></html>"
    assert download([entry(45), entry(46)], tmp_path, mirror.client()) == [45]
    assert [file.name for file in tmp_path.iterdir()] == ["46.txt"]


def test_a_silent_mirror_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    with pytest.raises(CorpusError, match="does not answer"):
        Client("http://127.0.0.1:9", 0).fetch("4/45/45.txt")


@pytest.mark.parametrize("address", ["file:///etc", "gutenberg.org", "https://"])
def test_other_addresses_than_of_the_web_are_refused(address):
    with pytest.raises(CorpusError, match="https://"):
        Client(address)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, END),
        (START.replace("THIS", "THE"), "*** END OF THE PROJECT GUTENBERG EBOOK THE KETTLE ***\n"),
        ("***START OF THE PROJECT GUTENBERG EBOOK THE\nKETTLE***", "***END OF THE PROJECT GUT"),
        (START, "End of Project Gutenberg's The Kettle,\nby Nobody\n\n*** END OF THIS PROJECT "),
    ],
)
def test_frames_are_cut_at_their_marks(start, end):
    assert cut_frame((HEADER + start + PLAY + end).encode()).decode() == PLAY


def test_the_publisher_in_a_text_is_no_mark():
    play = PLAY + "ANNA. End of Project Gutenberg, and good night!\n\nRENÉ. End of it.\n\n"
    assert cut_frame(framed(play)).decode() == play


@pytest.mark.parametrize(
    ("number", "first"), [(7, "0/7/7.txt"), (45, "4/45/45.txt"), (71067, "7/1/0/6/71067/71067.txt")]
)
def test_a_number_gives_the_path_of_a_book(number, first):
    assert next(list_mirror_paths(number)) == first
