"""Tests of the overlap of held-out works with learned ones."""

from tests.training.drama.plays import speeches, work
from training.data.corpora.drama.copies import RUN, measure_overlap


def test_only_whole_runs_count_and_only_in_held_out_works():
    said = [element.split("\n")[1] for element in speeches(1, 20)]
    words = " ".join(said).split()
    learned = work(2, *speeches(2, 30), "TOM\n" + " ".join(words[:RUN]), *speeches(3, 30))
    nearly = work(3, "TOM\n" + " ".join(words[40 : 40 + RUN - 1]), *speeches(4, 30))
    held_out = work(1, *speeches(1, 20))
    assert measure_overlap([learned, nearly, held_out], {1}) == {held_out: RUN / len(words)}


def test_a_copy_is_shared_whole_and_punctuation_does_not_hide_it():
    held_out = work(1, *speeches(1, 20))
    copy = work(2, *(element.replace(".", "!") for element in speeches(1, 20)))
    assert measure_overlap([copy, held_out], {1}) == {held_out: 1.0}


def test_short_works_share_nothing():
    short = work(1, "TOM\nYes.")
    assert measure_overlap([short, work(2, "TOM\nYes.")], {1}) == {short: 0.0}
    assert measure_overlap([], {1}) == {}
