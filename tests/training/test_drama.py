"""Tests that plays in every layout become the same Fountain, without anything beside the play."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from training.data.corpora.drama.cleaning import clean
from training.data.corpora.drama.sources import read_sources
from training.data.corpora.drama.works import convert
from training.errors import CorpusError

GOLDEN = (Path(__file__).parent / "drama" / "ferry.fountain").read_text(encoding="utf-8")
ELEMENTS = GOLDEN.strip().split("\n\n")[1:]

Opening = Callable[[str, str], str]


def print_play(opening: Opening, brackets: str = "[]") -> str:
    """Print the golden play as books do: wrapped, with directions in brackets."""
    return "\n\n".join(print_element(element, opening, brackets) for element in ELEMENTS)


def print_element(element: str, opening: Opening, brackets: str) -> str:
    first, *lines = element.split("\n")
    if first.startswith("."):
        return first[1:]
    if not lines:
        return textwrap.fill(f"{brackets[0]}{first}{brackets[1]}", 72)
    verse = [line for line in lines if not line.startswith("(")]
    if len(verse) > 2:
        return opening(first, "\n".join(textwrap.fill(line, 72) for line in lines)).strip("\n")
    words = " ".join(
        f"{brackets[0]}{line[1].upper()}{line[2:-1]}.{brackets[1]}" if line[0] == "(" else line
        for line in lines
    )
    head, _, rest = opening(first, words).rpartition("\n")
    wrapped = textwrap.fill(rest, 72, break_on_hyphens=False)
    return f"{head}\n{wrapped}" if head else wrapped


def after_a_direction(name: str, words: str) -> str:
    """Print a name without a point, as Shaw's books do before a direction."""
    return f"{name} {words}" if words.startswith("[") else f"{name}. {words}"


LAYOUTS: dict[str, str] = {
    "point": print_play(lambda name, words: f"{name}. {words}"),
    "colon": print_play(lambda name, words: f"{name}: {words}", "()"),
    "shaw": print_play(after_a_direction),
    "italic": print_play(lambda name, words: f"_{name.title()}._ {words}"),
    "italic colon": print_play(lambda name, words: f"_{name.title()}_: {words}", "()"),
    "bold": print_play(lambda name, words: f"={name.title()}.= {words}"),
    "mixed": print_play(lambda name, words: f"{name.title()}. {words}", "()"),
    "braces": print_play(lambda name, words: f"{name} {words}", "{}"),
    "bare": print_play(lambda name, words: f"{name} {words}"),
    "mixed bare": print_play(lambda name, words: f"{name.title()} {words}"),
    "alone": print_play(lambda name, words: f"{name}\n\n{words}"),
    "above": print_play(lambda name, words: f"{name}.\n{words}"),
    "centred": print_play(
        lambda name, words: f"{name.title() + '.':^72}".rstrip() + f"\n\n{words}"
    ),
    "italic alone": print_play(lambda name, words: f"_{name.title()}._\n\n{words}"),
    "mixed above": print_play(lambda name, words: f" {name.title()}.\n{words}"),
}


@pytest.mark.parametrize("printed", LAYOUTS)
def test_each_layout_becomes_the_golden_play(printed: str):
    (work,) = convert(1, "The Ferry", LAYOUTS[printed])
    assert work.script == GOLDEN
    assert work.speeches == len(re.findall(r"^[A-Z]+$", GOLDEN, re.MULTILINE))


def test_text_around_a_play_is_cut():
    play = LAYOUTS["point"]
    around = f"""*** START OF THE PROJECT ***
Produced by Nobody

THE FERRY

PREFACE

{textwrap.fill("A preface tells what nobody asked for, and takes its time over it. " * 40, 72)}

CHARACTERS

HANNAH, a traveller.
FERRYMAN, who is one.
TOBIAS, with a goose.

{play.replace("is fast. It", "is fast.[1] It")}

THE END

NOTES

[1] A church that is fast shows a later hour
than it should.

ADVERTISEMENTS

A NEW PLAY. Price two shillings.

*** END OF THE PROJECT ***
All the rest.
"""
    (work,) = convert(1, "The Ferry", around)
    assert work.script == GOLDEN


def test_names_are_completed_from_the_list_of_persons():
    play = LAYOUTS["point"]
    play = play.replace("HANNAH.", "LADY H.").replace("TOBIAS.", "TOB.")
    persons = "DRAMATIS PERSONAE\n\nLADY HANNAH GREY, a traveller.\nTOBIAS, a boy.\nFERRYMAN.\n\n"
    (work,) = convert(1, "The Ferry", persons + play)
    assert re.findall(r"^TOB.*$", work.script, re.MULTILINE) == ["TOBIAS"] * 7
    assert "LADY HANNAH\n" in work.script
    assert "LADY H\n" not in work.script


def test_an_anthology_is_split_into_its_plays():
    first = LAYOUTS["point"]
    second = LAYOUTS["italic"]
    for old, new in (("Hannah", "Ruth"), ("Ferryman", "Miller"), ("Tobias", "Simon")):
        second = second.replace(old, new).replace(old.upper(), new.upper())
    book = (
        f"THE FERRY\n\nCHARACTERS\n\nHANNAH\nTOBIAS\n\n{first}\n\nCURTAIN\n\n"
        f"THE MILL\n\nA PLAY IN ONE ACT\n\nCHARACTERS\n\nRUTH\nSIMON\n\n{second}\n\nCURTAIN\n"
    )
    works = convert(7, "Two Plays", book)
    assert [work.title for work in works] == ["The Ferry", "The Mill"]
    assert all("A PLAY IN" not in work.script for work in works)
    assert "RUTH" not in works[0].script
    assert "HANNAH" not in works[1].script


def test_a_direction_that_is_never_closed_ends_with_its_line():
    play = LAYOUTS["point"].replace("Then I am early.", "Then I am early.    [_Exit a bird._")
    (work,) = convert(1, "The Ferry", play)
    assert work.script == GOLDEN.replace("I am early.\n", "I am early.\n\nExit a bird.\n")


def test_quoted_speech_loses_its_quotation_marks():
    def quote(name: str, words: str) -> str:
        aside = re.match(r"\[(.*?)\.\] (.*)", words)
        if aside and "[" not in aside[2]:
            return f'_{name.title()}_, {aside[1].lower()}: "{aside[2]}"'
        return f'_{name.title()}_: "{words}"'

    (work,) = convert(1, "The Ferry", print_play(quote).replace('"Row!"', '"Row!" ""'))
    assert "HANNAH\n(laughing)\nShe did not answer.\n" in work.script
    assert '"' not in work.script


def test_a_glossary_is_no_play():
    play = "THE FERRY\n\nCHARACTERS\n\nHANNAH\nTOBIAS\n\n" + LAYOUTS["point"]
    words = "".join(
        f"{a}{b}BOAT. A boat that was built in the year of the {a}{b}.\n\n"
        for a in "ABCDEFG"
        for b in "ABCDEFGH"
    )
    (work,) = convert(1, "The Ferry", f"{play}\n\nCURTAIN\n\nGLOSSARY\n\n{words}")
    assert work.script.removesuffix("\nCurtain\n") == GOLDEN


def test_a_list_of_persons_separates_two_plays():
    speeches = "{0}\n\nI am late.\n\n{1}\n\nYou always are.\n\n" * 60
    plays = [
        f"{title}\nDRAMATIS PERSONAE\n\n{speaker.title()} (a boy)\n\n{other.title()} (a girl)\n\n"
        f"ACT I A quay\n\nACT II The sea\n\nACT I\n\n{speeches.format(speaker, other)}CURTAIN\n\n"
        for title, speaker, other in (("TOBIAS", "TOBIAS", "RUTH"), ("THE OAR", "SIMON", "HANNAH"))
    ]
    works = convert(7, "Two Plays", "".join(plays))
    cues = [set(re.findall(r"^[A-Z]+$", work.script, re.MULTILINE)) for work in works]
    assert cues == [{"TOBIAS", "RUTH"}, {"SIMON", "HANNAH"}]
    for work, name in zip(works, ("TOBIAS", "SIMON"), strict=True):
        assert work.script.split("\n\n")[1:3] == [".ACT I", f"{name}\nI am late."]


@pytest.mark.parametrize(
    ("printed", "plain"),
    [
        ("“It’s”—he said…", '"It\'s"--he said...'),
        ("café Ægir", "cafe AEgir"),
        ("a word[12] and[A] more", "a word and more"),
        ("I saw [the] boat [she sinks]", "I saw the boat [she sinks]"),
        ("£500 a year", "500 pounds a year"),
        ("before\n[Illustration: a boat\non a river]\nafter", "before\n\n\nafter"),
        ("before\n\n   * * * * *\n\nafter", "before\n\n\n\nafter"),
        ("one line of verse          120", "one line of verse"),
        ("[Pg 17]before\n  [18]  \nafter", "before\n\nafter"),
    ],
)
def test_leftovers_of_print_are_removed(printed: str, plain: str):
    assert clean(printed) == plain


def test_sources_are_read_from_a_folder(tmp_path: Path):
    (tmp_path / "790.txt").write_bytes("Caf\u00e9".encode("cp1252"))
    (tmp_path / "13.txt").write_bytes("Caf\u00e9".encode())
    (tmp_path / "readme.md").write_bytes(b"no play")
    read = [(source.number, source.title, source.text) for source in read_sources(tmp_path)]
    assert read == [(13, "Play 13", "Caf\u00e9"), (790, "Lady Windermere's Fan", "Caf\u00e9")]


def test_missing_sources_are_refused(tmp_path: Path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(CorpusError):
            read_sources(path)
