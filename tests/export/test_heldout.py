"""Tests of the choice of texts that judge a voice."""

import pytest

from export.make import read_heldout
from training.errors import TextError

BOTH = ["validation/the-tempest", "test/the-comedy-of-errors"]


def names(paths):
    return [text.name for text in read_heldout(paths)]


def test_of_a_corpus_only_the_held_out_texts_are_read(scenes, tiny_run):
    assert names([scenes]) == names([tiny_run.heldout]) == BOTH


def test_of_other_folders_all_texts_are_read(scenes):
    assert names([scenes / "train"]) == ["as-you-like-it", "much-ado-about-nothing"]


def test_files_keep_the_order_in_which_they_are_named(scenes):
    files = [scenes / f"{name}.fountain" for name in BOTH]
    assert names(files) == ["the-tempest", "the-comedy-of-errors"]
    assert names(reversed(files)) == ["the-comedy-of-errors", "the-tempest"]


def test_files_of_a_folder_are_sorted_by_name_and_other_files_are_skipped(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("d", "g", "b", "h", "deep/a", "c", "a", "e", "f"):
        (tmp_path / f"{name}.txt").write_text("Some words.")
    (tmp_path / "b.png").write_bytes(b"a picture")
    (tmp_path / "i.txt").mkdir()
    assert names([tmp_path]) == [*"abcd", "deep/a", *"efgh"]


def test_a_folder_without_texts_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(TextError, match=str(path)):
            read_heldout([path])
