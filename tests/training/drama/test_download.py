"""Tests of the download, against a server on this machine that fails as mirrors fail."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from training.data.corpora.drama import download as module
from training.data.corpora.drama.download import (
    CHANGED,
    Client,
    Outcome,
    cut_frame,
    describe,
    download,
    paths_on_mirror,
)
from training.data.corpora.drama.manifest import Entry
from training.errors import CorpusError

PLAY = "\n\n\nProduced by a Friend\n\n\nTHE KETTLE\n\nANNA. It sings, René.\n\n\n\n"
HEADER = "The Project Gutenberg EBook of The Kettle, by Nobody\n\nLanguage: English\n\n"
START = "*** START OF THIS PROJECT GUTENBERG EBOOK THE KETTLE ***"
END = """End of the Project Gutenberg EBook of The Kettle, by Nobody

*** END OF THIS PROJECT GUTENBERG EBOOK THE KETTLE ***

*** START: FULL LICENSE ***

Long terms.
"""


def framed(play: str) -> bytes:
    return (HEADER + START + play + END).replace("\n", "\r\n").encode()


def entry(number: int, play: str = PLAY) -> Entry:
    return Entry(number, f"Play {number}", sha256(play.encode()).hexdigest())


@dataclass
class Mirror:
    """The files of a server, how often it fails first, and the requests it got."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, list[int | str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def client(self, pause: float = 0.0, timeout: float = 5.0) -> Client:
        return Client(self.address, pause, timeout)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.removeprefix("/books/")
            state.asked.append(path)
            state.agents.add(self.headers["User-Agent"])
            failure = (state.failures.get(path) or [200]).pop(0)
            data = state.files.get(path)
            if failure == "breaks off" and data:
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                return
            status = 404 if data is None else int(failure)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data) if status == 200 and data else 0))
            self.end_headers()
            if status == 200 and data:
                self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Mirror(f"http://127.0.0.1:{server.server_port}/books")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_text_is_the_same_bytes_without_its_frame(mirror, tmp_path):
    mirror.files["1/2/3/1234/1234.txt"] = framed(PLAY)
    assert download([entry(1234)], tmp_path, mirror.client()) == {entry(1234): Outcome.FETCHED}
    assert (tmp_path / "1234.txt").read_bytes() == PLAY.encode()
    assert [file.name for file in tmp_path.iterdir()] == ["1234.txt"]
    assert mirror.agents == {module.AGENT}


def test_latin_1_is_read_where_there_is_nothing_else(mirror, tmp_path):
    text = (HEADER + START + PLAY + END).encode("latin-1")
    mirror.files["1/2/3/1234/1234-8.txt"] = text
    assert download([entry(1234)], tmp_path, mirror.client()) == {entry(1234): Outcome.FETCHED}
    assert (tmp_path / "1234.txt").read_bytes() == PLAY.encode()
    assert mirror.asked == ["1/2/3/1234/1234.txt", "1/2/3/1234/1234-0.txt", "1/2/3/1234/1234-8.txt"]


def test_the_generated_file_is_the_last_resort(mirror, tmp_path):
    mirror.files["cache/epub/7/pg7.txt"] = framed(PLAY)
    assert download([entry(7)], tmp_path, mirror.client()) == {entry(7): Outcome.FETCHED}


def test_the_file_that_the_manifest_knows_is_taken_before_a_better_one(mirror, tmp_path):
    plain = PLAY.replace("é", "e")
    mirror.files["4/5/45/45.txt"] = mirror.files["4/45/45.txt"] = framed(plain)
    mirror.files["4/45/45-0.txt"] = framed(PLAY)
    download([entry(45, plain)], tmp_path, mirror.client())
    assert (tmp_path / "45.txt").read_text("utf-8") == plain
    assert mirror.asked == ["4/45/45.txt"]


def test_a_changed_text_is_used_said_and_fetched_once(mirror, tmp_path):
    mirror.files["4/45/45.txt"] = framed(PLAY.replace("é", "e"))
    mirror.files["4/45/45-0.txt"] = framed(PLAY)
    known = entry(45, "something else")
    outcomes = download([known], tmp_path, mirror.client())
    assert outcomes == {known: Outcome.CHANGED}
    assert (tmp_path / "45.txt").read_text("utf-8") == PLAY
    assert sorted(file.name for file in tmp_path.iterdir()) == ["45.txt", CHANGED]
    assert "changed 1 text" in describe(outcomes)
    asked = len(mirror.asked)
    assert download([known], tmp_path, mirror.client()) == {known: Outcome.KEPT}
    assert len(mirror.asked) == asked


def test_a_file_with_a_wrong_sum_is_fetched_again(mirror, tmp_path):
    mirror.files["4/45/45.txt"] = framed(PLAY)
    (tmp_path / "45.txt").write_text("half of it")
    assert download([entry(45)], tmp_path, mirror.client()) == {entry(45): Outcome.FETCHED}
    assert (tmp_path / "45.txt").read_bytes() == PLAY.encode()


def test_a_busy_mirror_is_asked_again_after_longer_and_longer_pauses(mirror, tmp_path, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    mirror.files["4/45/45.txt"] = framed(PLAY)
    mirror.failures["4/45/45.txt"] = [503, 500, 200]
    assert download([entry(45)], tmp_path, mirror.client(8)) == {entry(45): Outcome.FETCHED}
    assert mirror.asked == ["4/45/45.txt"] * 3
    assert [round(seconds) for seconds in slept] == [16, 32]


def test_two_files_are_never_asked_for_without_a_pause(mirror, tmp_path, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    for number in (45, 46):
        mirror.files[f"4/{number}/{number}.txt"] = framed(PLAY)
    download([entry(45), entry(46)], tmp_path, mirror.client(5))
    assert [round(seconds) for seconds in slept] == [5]


def test_what_broke_off_is_fetched_anew_and_nothing_partial_stays(mirror, tmp_path):
    mirror.files["4/45/45.txt"] = framed(PLAY)
    mirror.failures["4/45/45.txt"] = ["breaks off", 200]
    download([entry(45)], tmp_path, mirror.client())
    assert (tmp_path / "45.txt").read_bytes() == PLAY.encode()


def test_a_download_goes_on_where_it_was_cut_off(mirror, tmp_path):
    for number in (45, 46):
        mirror.files[f"4/{number}/{number}.txt"] = framed(PLAY)
    mirror.failures["4/46/46.txt"] = ["breaks off"] * module.ATTEMPTS
    with pytest.raises(CorpusError, match="run this again"):
        download([entry(45), entry(46)], tmp_path, mirror.client())
    assert [file.name for file in tmp_path.iterdir()] == ["45.txt"]
    mirror.asked.clear()
    assert download([entry(45), entry(46)], tmp_path, mirror.client()) == {
        entry(45): Outcome.KEPT,
        entry(46): Outcome.FETCHED,
    }
    assert mirror.asked == ["4/46/46.txt"]


def test_a_mirror_that_refuses_is_not_asked_twice(mirror, tmp_path):
    mirror.files["4/45/45.txt"] = framed(PLAY)
    mirror.failures["4/45/45.txt"] = [403]
    with pytest.raises(CorpusError, match=r"403.*another --mirror"):
        download([entry(45)], tmp_path, mirror.client())
    assert mirror.asked == ["4/45/45.txt"]


def test_what_a_mirror_lacks_is_told_and_the_rest_is_fetched(mirror, tmp_path):
    mirror.files["4/46/46.txt"] = framed(PLAY)
    # A page that says "not found" with the status 200.
    mirror.files["4/45/45.txt"] = b"<html><title>Nothing here</title></html>"
    outcomes = download([entry(45), entry(46)], tmp_path, mirror.client())
    assert outcomes == {entry(45): Outcome.MISSING, entry(46): Outcome.FETCHED}
    assert "lacks 45:" in describe(outcomes)
    assert "1 of 2 plays were fetched" in describe(outcomes)


def test_a_silent_mirror_is_given_up(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    with pytest.raises(CorpusError, match="does not answer"):
        Client("http://127.0.0.1:9", 0).fetch("4/45/45.txt")


@pytest.mark.parametrize("address", ["file:///etc", "gutenberg.org", "https://"])
def test_only_addresses_of_the_web_are_mirrors(address):
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
def test_every_frame_is_cut_off_at_the_marks(start, end):
    assert cut_frame((HEADER + start + PLAY + end).encode()).decode() == PLAY


def test_a_text_that_speaks_of_its_publisher_is_not_cut_short():
    play = PLAY + "ANNA. End of Project Gutenberg, and good night!\n\nRENÉ. End of it.\n\n"
    assert cut_frame(framed(play)).decode() == play


@pytest.mark.parametrize(
    ("number", "first"), [(7, "0/7/7.txt"), (45, "4/45/45.txt"), (71067, "7/1/0/6/71067/71067.txt")]
)
def test_a_number_says_where_a_mirror_keeps_the_book(number, first):
    assert next(paths_on_mirror(number)) == first
