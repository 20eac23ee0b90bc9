"""Tests of copies: which one goes, and what is cut out."""

import random
import re

from tests.training.drama.plays import WORDS, speeches, work
from training.data.corpora.drama.copies import HELD_OUT_PASSAGE, remove_copies
from training.data.corpora.drama.elements import split_elements


def reprinted(elements: list[str]) -> list[str]:
    """Return the same speeches in another edition: other cues and marks, a few other spellings."""
    draw = random.Random(1)

    def respelt(match: re.Match[str]) -> str:
        return match[0] + "e" * (draw.random() < 1 / 40)

    cues = {"ANNA": "ANNA LEE\n(sadly)", "TOM": "MR. TOM"}
    split = (element.split("\n") for element in elements)
    return [f"{cues[cue]}\n{re.sub('[a-z]+', respelt, said[:-1])}!" for cue, said in split]


def runs(text: str, other: str, length: int) -> list[str]:
    """Return the runs of so many words that both scripts speak."""

    def read(script: str) -> set[str]:
        words = re.findall(r"\w+", " ".join(e.spoken for e in split_elements(script)).lower())
        return {" ".join(words[i : i + length]) for i in range(len(words) - length + 1)}

    return sorted(read(text) & read(other))


def test_different_plays_are_kept():
    works = [work(n, ".A ROOM", *speeches(n, 50)) for n in range(5)]
    assert remove_copies(works) == works


def test_another_edition_of_a_play_is_a_copy():
    play = speeches(1, 60)
    longer = work(1, *play)
    shorter = work(2, *reprinted(play[:50]))
    assert remove_copies([shorter, longer]) == [longer]


def test_a_single_edition_is_preferred_to_an_anthology():
    play = speeches(1, 50)
    anthology = [work(9, *play, *speeches(5, 9), title="In it"), work(9, *speeches(2, 50))]
    single = work(10, *play)
    assert remove_copies([*anthology, single]) == [anthology[1], single]


def test_the_longer_of_two_anthologies_is_kept():
    play = speeches(1, 50)
    less = [work(1, *play[:45]), work(1, *speeches(2, 40))]
    more = [work(2, *play), work(2, *speeches(3, 40))]
    assert remove_copies([*less, *more]) == [less[1], *more]


def test_a_shared_passage_is_cut_with_its_action():
    play, other = speeches(1, 60), speeches(2, 40)
    host = work(2, *other[:20], *play[10:15], "A dog barks.", *play[15:20], *other[20:], "Dark.")
    assert remove_copies([work(1, *play), host]) == [work(1, *play), work(2, *other, "Dark.")]


def test_a_common_phrase_is_kept():
    saying = "TOM\n" + " ".join(WORDS[:24])
    works = [work(n, *speeches(n, 30), saying, *speeches(n + 10, 30)) for n in (1, 2)]
    assert remove_copies(works) == works


def test_a_play_that_repeats_itself_is_no_copy():
    chorus = speeches(1, 20)
    works = [work(1, *chorus, *speeches(2, 10), *chorus, *chorus)]
    assert remove_copies(works) == works


def test_held_out_works_are_kept_and_shared_passages_cut_elsewhere():
    play = speeches(1, 50)
    held_out = work(1, *play[:40])
    whole = work(2, *play)  # longer, so it would otherwise be the one to stay
    song = "ANNA\n" + " ".join(play[3].split()[1:] + play[4].split()[1:])
    quoting = work(3, *speeches(3, 40), song, *speeches(4, 40))
    kept = remove_copies([quoting, whole, held_out], held_out={1})
    assert kept == [work(3, *speeches(3, 40), *speeches(4, 40)), held_out]
    assert not [run for w in kept[:1] for run in runs(w.script, held_out.script, HELD_OUT_PASSAGE)]


def test_a_shared_passage_across_speeches_is_cut():
    play = speeches(1, 50)
    words = " ".join(element.split("\n")[1] for element in play[10:12]).split()
    hidden = [f"ANNA\n{' '.join([*WORDS, *words[:12]])}", f"TOM\n{' '.join([*words[12:], *WORDS])}"]
    host = work(2, *speeches(2, 20), *hidden, *speeches(3, 20))
    kept, _ = remove_copies([host, work(1, *play)], held_out={1})
    assert not runs(kept.script, work(1, *play).script, HELD_OUT_PASSAGE)


def test_a_passage_in_another_spelling_is_cut():
    play, other = speeches(1, 600, words=5), speeches(2, 150)
    host = work(2, *other[:60], *reprinted(play[10:70]), *other[60:])
    kept = remove_copies([work(1, *play), host])
    assert kept[0] == work(1, *play)
    assert len(kept[1].script) - len(work(2, *other).script) < 200


def test_the_order_of_works_does_not_matter():
    works = [work(1, *speeches(1, 50)), work(2, *speeches(1, 45)), work(3, *speeches(3, 50))]
    assert remove_copies(works[::-1]) == remove_copies(works)[::-1]


def test_nothing_has_no_copies():
    empty = work(1, "A dark room.")
    assert remove_copies([]) == []
    assert remove_copies([empty, empty]) == [empty, empty]
