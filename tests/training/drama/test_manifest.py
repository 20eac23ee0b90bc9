"""Tests of the list of plays."""

from hashlib import sha256

from training.data.corpora.drama.manifest import MANIFEST, TEST, VALIDATION, Entry, read_manifest

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
