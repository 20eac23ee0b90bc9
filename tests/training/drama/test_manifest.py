"""Tests of the list of plays, and of the files refused in its place."""

from hashlib import sha256

import pytest

from training.data.corpora.drama.manifest import (
    MANIFEST,
    TEST,
    VALIDATION,
    Entry,
    read_manifest,
    replace_file,
    write_manifest,
)
from training.errors import CorpusError

SUM = sha256(b"text").hexdigest()


def test_the_manifest_names_every_play_once_and_in_order():
    entries = read_manifest()
    assert len(entries) == 427
    assert list(entries) == sorted(entries)
    assert len({entry.sha256 for entry in entries.values()}) == len(entries)
    assert entries[2542].title == "A Doll's House"
    assert not VALIDATION & TEST
    assert min(len(VALIDATION), len(TEST)) >= 12
    # Marks of a damaged title: a cut-off end, a lost apostrophe, two words run together.
    text = MANIFEST.read_text("utf-8")
    assert not [mark for mark in ("_", " s ", "amp", "ActWith") if mark in text]


def test_a_text_is_identified_by_its_bytes():
    assert Entry(1, "One", SUM).matches(b"text")
    assert not Entry(1, "One", SUM).matches(b"text\n")


def test_a_written_manifest_is_read_back(tmp_path):
    entries = [Entry(20, "Twenty", SUM), Entry(3, 'The "Third"', SUM)]
    write_manifest(entries, tmp_path / "list.tsv")
    assert list(read_manifest(tmp_path / "list.tsv").values()) == entries[::-1]


@pytest.mark.parametrize(
    "row", ["1\tOne", f"one\tOne\t{SUM}", f"1\t\t{SUM}", "1\tOne\tabc", f"2\tTwo\t{SUM}", ""]
)
def test_an_invalid_row_is_refused_with_its_line(tmp_path, row):
    file = tmp_path / "list.tsv"
    file.write_text(f"number\ttitle\tsha256\n2\tTwo\t{SUM}\n{row}\n")
    with pytest.raises(CorpusError, match="Line 3 of"):
        read_manifest(file)


def test_a_file_without_headings_is_refused(tmp_path):
    (tmp_path / "list.tsv").write_text(f"2\tTwo\t{SUM}\n")
    with pytest.raises(CorpusError, match="begin with number"):
        read_manifest(tmp_path / "list.tsv")


def test_a_file_is_replaced_atomically(tmp_path):
    file = tmp_path / "list.tsv"
    file.write_bytes(b"before")
    with pytest.raises(TypeError):
        replace_file(file, "no bytes")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [
        ("list.tsv", b"before")
    ]
