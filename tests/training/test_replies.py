"""Tests of the corpus of replies: what the files hold, and the chats that are drawn from them."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from training.cli import main
from training.data.corpora.replies import (
    NOUN,
    Drawer,
    Source,
    find_body,
    find_cue,
    read_replies,
    split_sketches,
)
from training.data.corpora.scenes.frames import FRAMES, read_source
from training.errors import CorpusError

from .frame_check import compile_unmet_words

SKETCH = "INT. BARN - DAY\n\nANN\nThe cow ate my hat.\n\nBOB (O.S.)\n(softly)\nWhy?\n\nShe moos."

FORMS = "why: ^why\\b.*\\?$\nany: ^\n"

TEXT = """=== why
Because of the {N}.
It was late.

=== any
I knew the {N}.
Did you know?

=== action
What was that?
"""


@pytest.fixture(scope="module")
def shipped() -> Source:
    return read_replies()


def read(folder: Path, text: str = TEXT, forms: str = FORMS) -> Source:
    (folder / "forms.txt").write_text(forms, encoding="utf-8")
    (folder / "some.txt").write_text(text, encoding="utf-8")
    return read_replies(folder)


def test_replies_are_short_and_unlike_each_other(shipped: Source):
    for form, replies in shipped.replies.items():
        assert len(replies) > 80, form
        assert max(Counter(replies).values()) == 1, form
        for reply in replies:
            assert not re.search(r"[{}]", reply.replace(NOUN, "")), reply
            assert 1 < len(reply.split()) < 16, reply
        openings = Counter(tuple(reply.split()[:2]) for reply in replies)
        assert openings.most_common(1)[0][1] <= 4, form


def test_replies_have_no_held_out_word(shipped: Source):
    words = compile_unmet_words(read_source(FRAMES).lists)
    replies = [reply for some in shipped.replies.values() for reply in some]
    assert [reply for reply in replies if words.search(reply.lower())] == []


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("Which bear?", "which"),
        ("I have half a milkshake. What flavor?", "what"),
        ("And why not? He's covered in stamps.", "why"),
        ("How many did you eat?", "how many"),
        ("Did you hire a horse?", "asks about you"),
        ("Is it alive?", "asks whether"),
        ("Let's rob the bank.", "offer"),
        ("Don't open it.", "order"),
        ("I married the dentist.", "about me"),
        ("You said it was dry.", "about you"),
        ("She sold the boat.", "about somebody"),
        ("Hand me the hat.", "order"),
        ("Stand still.", "order"),
        ("Why would you do that?!", "why"),
        ('He said "no."', "about somebody"),
        ("Mr. Smith left the pot here.", "about somebody"),
        ("No way.", "no"),
        ("The blue one.", "yes"),
        ("The bear has the car keys.", "about a thing"),
    ],
)
def test_a_line_has_a_form(shipped: Source, line: str, form: str):
    assert shipped.find_form(f"ANN\n{line}") == form


def test_what_nobody_speaks_is_action(shipped: Source):
    assert shipped.find_form("The door opens.") == "action"
    assert shipped.find_form("INT. BARN - DAY") == "action"


def test_nouns_are_those_of_the_lists(shipped: Source):
    assert shipped.list_nouns("ANN\nThe red boots are in the oven.") == ["boots", "oven"]
    assert shipped.list_nouns("ANN\nThe quick are slow.") == []


def test_replies_fit_the_line_before(tmp_path: Path):
    drawer = Drawer(read(tmp_path), list(split_sketches([SKETCH])), seed=1)
    after: dict[str, set[str]] = {}
    for _ in range(200):
        blocks = [find_body(block) for block in drawer.draw().split("\n\n")]
        for before, reply in pairwise(blocks):
            after.setdefault(before, set()).add(reply)
    assert after["The cow ate my hat."] <= {"I knew the hat.", "Did you know?", "Why?"}
    assert "I knew the hat." in after["The cow ate my hat."]
    assert after["She moos."] == {"What was that?"}
    assert after["Why?"] == {"She moos.", "It was late."}


def test_nobody_replies_to_himself(shipped: Source):
    drawer = Drawer(shipped, list(split_sketches([SKETCH])), seed=1)
    for _ in range(200):
        chat = drawer.draw()
        cues = [*filter(None, map(find_cue, chat.split("\n\n")))]
        assert not [pair for pair in pairwise(cues) if pair[0] == pair[1]], chat


def test_a_cue_and_its_body_are_told_apart():
    blocks = SKETCH.split("\n\n")
    assert [find_cue(block) for block in blocks] == ["", "ANN", "BOB", ""]
    assert [find_body(block) for block in blocks[1:]] == [
        "The cow ate my hat.",
        "Why?",
        "She moos.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Too early.", "some.txt:1 has no form of forms.txt"),
        ("=== when\nAt noon.", "some.txt:2 has no form of forms.txt"),
        ("===any\nI knew.", "some.txt:2 has no form of forms.txt"),
        ("=== any\nI knew.", "“why” has no reply without {N}"),
        (f"{TEXT}=== why".replace("It was late.", ""), "“why” has no reply without {N}"),
    ],
)
def test_malformed_replies_are_named(tmp_path: Path, text: str, said: str):
    with pytest.raises(CorpusError, match=said):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("forms", "said"),
    [
        ("why", "forms.txt:1 is no `form: regular expression`"),
        ("any: ^\nwhy: (", "forms.txt:2 is no `form: regular expression`"),
        ("why: ^why", "forms.txt:1: the last pattern must match everything"),
        ("", "the last pattern must match everything"),
    ],
)
def test_malformed_forms_are_named(tmp_path: Path, forms: str, said: str):
    with pytest.raises(CorpusError, match=re.escape(said)):
        read(tmp_path, forms=forms)


def test_a_folder_without_forms_is_named(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"has no forms\.txt"):
        read_replies(tmp_path)


def test_the_corpus_has_as_many_chats_as_asked(tmp_path: Path):
    out = tmp_path / "chats"
    assert main(["corpus", "replies", "--chats", "250", "--out", str(out)]) == 0
    files = sorted((out / "train" / "replies").iterdir())
    assert [file.name for file in files] == ["replies-0001.fountain", "replies-0002.fountain"]
    assert [len(list(split_sketches([file.read_text("utf-8")]))) for file in files] == [200, 50]
    assert (out / "validation" / "replies.fountain").is_file()
