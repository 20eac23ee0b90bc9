"""Test files that become scripts, files that cannot, and reading exports back."""

import datetime as dt
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RequestError
from bot.screenplay import importers
from bot.screenplay.elements import Element, Kind
from bot.screenplay.emphasis import format_runs, split_runs
from bot.screenplay.exporters import EXPORT_FORMATS
from bot.screenplay.exporters.edition import Edition
from bot.screenplay.exporters.export_formats import PaperSize
from bot.screenplay.fountain import classify
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.importers import IMPORTERS, LARGEST_SCRIPT_FILE, read_script_file
from bot.screenplay.importers.manuscript import (
    CENTRED_TEXT,
    DUAL_DIALOGUE,
    LONGEST_ELEMENT,
    LYRICS,
    Manuscript,
)

from .samples import FDX, SCRIPT, SPEAKERS_WHO_GO_ON, nasty, nasty_elements

SPACES = " " * 200_000


def read(data: bytes, name: str = "a.fountain") -> list[str]:
    return [element.text for element in read_script_file(name, data).elements]


def export_and_import(form: str, *elements: Element, **how: object) -> Manuscript:
    """Return the manuscript that is read from an exported script."""
    what = Edition("The Diner", elements, ("Ann",), ("Ann: all",), dt.date(2026, 1, 2), **how)
    return read_script_file(f"a.{form}", EXPORT_FORMATS[form].write(what, PaperSize.LETTER).content)


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("form", ["fountain", "fdx", "txt"])
@pytest.mark.parametrize(
    "text",
    [
        *(SCRIPT, SPEAKERS_WHO_GO_ON, "fade in:\n\nINT. DINER\n\nMAYA: Hi."),
        "INT. DINER" + "\n\nIt rains." * 90,
    ],
)
def test_a_script_survives_export_and_import(text: str, form: str, numbers: bool):
    elements = parse_person_text(text)
    found = export_and_import(form, *elements, scene_numbers=numbers)
    assert list(found.elements) == elements
    assert (found.title, found.left_out, found.cut) == ("The Diner", 0, 0)


@given(nasty_elements)
def test_any_script_survives_export_and_import_as_fountain(elements: list[Element]):
    if elements:
        assert list(export_and_import("fountain", *elements).elements) == elements


@given(nasty_elements)
def test_any_script_survives_export_and_import_as_final_draft(elements: list[Element]):
    if not elements:
        return
    found = export_and_import("fdx", *elements).elements
    assert [element.kind for element in found] == [element.kind for element in elements]
    for element, was in zip(found, elements, strict=True):
        # Nested emphasis may be marked in another order.
        assert [*map(split_runs, element.marked)] == [*map(split_runs, was.marked)]


@given(
    st.lists(
        st.tuples(
            st.text(alphabet="ab *_\\", min_size=1, max_size=6),
            st.frozensets(st.sampled_from(["Bold", "Italic", "Underline"])),
        ),
        max_size=4,
    )
)
def test_emphasis_keeps_all_letters(parts: list[tuple[str, frozenset[str]]]):
    written = "".join(text for text, _ in parts)
    read_back = "".join(text for text, _ in split_runs(format_runs(parts)))
    assert re.sub(r"[\\*_]", "", read_back) == re.sub(r"[\\*_]", "", written)


def test_emphasis_is_nested_and_escaped():
    assert format_runs([("a ", frozenset()), ("b", frozenset({"Italic"}))]) == "a *b*"
    styles = frozenset({"Bold", "Underline", "AllCaps"})
    assert format_runs([("b ", styles), ("c", frozenset())]) == "_**b**_ c"
    # A line below words has no gaps.
    assert format_runs(split_runs("_a **b** c_ _d_ e")) == "_a **b** c_ _d_ e"
    assert format_runs([("*b* a_b", frozenset())]) == r"\*b\* a_b"
    assert format_runs([("2 * 3 a_b", frozenset())]) == "2 * 3 a_b"
    assert split_runs(r"\_a\_ \*b\*") == [("_a_ *b*", frozenset())]


def test_marks_in_the_middle_of_a_word_or_number_are_literal():
    assert split_runs("snake_case_name 5*3*2") == [("snake_case_name 5*3*2", frozenset())]
    italic = ("be", frozenset({"Italic"}))
    assert split_runs("un*be*liev") == [("un", frozenset()), italic, ("liev", frozenset())]
    parts = [("a", frozenset()), ("b", frozenset({"Underline"})), ("c", frozenset())]
    assert format_runs(parts) == "abc"


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("int. diner\n\nRain.", ["int. diner", "Rain."]),
        ("INT. DINER #12A#\n\nRain.", ["INT. DINER", "Rain."]),
        ("INT. DINER\nRain.\nWind.", ["INT. DINER", "Rain.\nWind."]),
        ("INT. DINER\n= Maya lies.\nRain.", ["INT. DINER", "Rain."]),
        ("MAYA\nTo be\n  \nor not", ["MAYA\nTo be\nor not"]),
        ("Rain. [[A note\n  \nthat goes on.]] Wind.", ["Rain.  Wind."]),
        ("MAYA\n[[A note.]]\nHello.", ["MAYA\nHello."]),
        ("Rain.\n  \nWind.", ["Rain.", "Wind."]),
        ("MAYA: Hello.", ["MAYA: Hello."]),
        ("BOTH ^\nHello.", ["BOTH\nHello."]),
        ("> THE END <", ["THE END"]),
        ("~la la", ["la la"]),
        ("MAYA\n~la la", ["MAYA\nla la"]),
        ("LONG " * 12 + "NAME\nHello.", ["!" + "LONG " * 12 + "NAME\nHello."]),
    ],
)
def test_fountain_is_read_as_fountain(text: str, elements: list[str]):
    assert read(text.encode()) == elements


def test_notes_comments_and_sections_are_left_out_and_counted():
    text = b"# Act\n\n= In\n\nRain [[heavy?]] falls.\n\n/* old\n\nlines */\n\n"
    found = read_script_file("a.fountain", text + b"[[cut?]]\n\n===\n\nWind.")
    assert [element.text for element in found.elements] == ["Rain  falls.", "Wind."]
    assert (found.left_out, found.page_breaks) == (5, 1)


def test_outlines_and_omitted_scenes_of_final_draft_are_left_out():
    text = FDX.replace(">INT. DINER<", ">OMITTED<").replace('"Shot"', '"Outline 1"')
    found = read_script_file("a.fdx", text.encode())
    assert found.elements[0].text == "Rain ***falls***."
    assert (len(found.elements), found.left_out) == (6, 3)


def test_speech_by_somebody_with_a_very_long_name_stays_speech():
    text = FDX.replace("JONAS?", "MAN WITH A VERY LONG NAME AND A HAT IN THE CORNER (V.O.)")
    assert "MAN WITH A VERY LONG NAME AND A HAT IN\n\\# of times" in read(text.encode(), "a.fdx")


def test_an_act_as_a_section_becomes_a_heading():
    text = "# Act One\n## The Meeting\nRain.\n\n#Akt 2: Die Nacht\n\n# Act Two, Scene 1\n\nWind."
    assert read(text.encode()) == [".ACT ONE", "Rain.", ".AKT 2: DIE NACHT", "Wind."]


def test_what_becomes_plain_speech_or_action_is_noted():
    sung = FDX.replace('Type="Dialogue"', 'Type="Lyrics"')
    for name, text, flattened in (
        ("a.fountain", "MAYA\nHi.\n\nJO (O.S.) ^\nHello.", {DUAL_DIALOGUE}),
        ("a.fountain", "> THE END <\n\nMAYA\n~la la", {CENTRED_TEXT, LYRICS}),
        ("a.fountain", "MAYA\nHi ~ Hello.\n\n2 ^ 2\n\n> CUT TO:", set()),
        ("a.fdx", sung, {DUAL_DIALOGUE, LYRICS}),
        ("a.fdx", sung.replace("DualDialogue>", "Other>"), set()),
    ):
        assert read_script_file(name, text.encode()).flattened == flattened


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("Title: The Diner\nAuthor: Ann\n\n", "The Diner"),
        ("title:\n    _**BRICK &\n    STEEL**_\nContact:\n\tme\n\n", "BRICK & STEEL"),
        ("Title:\n\t_**BRICK & STEEL**_\n\t_**FULL RETIRED**_\n\n", "BRICK & STEEL FULL RETIRED"),
        ("Titel: Der Frosch\nAutorin: Ann\n\n", "Der Frosch"),
        ("Author: Ann\n\n", None),
        ("MAYA: Hello.\n\n", None),
        ("", None),
    ],
)
def test_the_title_is_read_from_the_title_page(page: str, title: str | None):
    found = read_script_file("a.fountain", f"{page}Rain.".encode())
    assert found.title == title
    assert found.elements[-1].text == "Rain."
    assert len(found.elements) == 1 + page.startswith("MAYA")


@pytest.mark.parametrize("name", ["a.fountain", "a.txt"])
@pytest.mark.parametrize(
    ("above", "title", "authors"),
    [
        ("THE LAST BUS\n\n", "THE LAST BUS", ""),
        ("\n                    THE LAST BUS\n\nFADE IN:\n\n", "THE LAST BUS", ""),
        ("THE LAST BUS\n\n1. ", "THE LAST BUS", ""),
        ("The Letter\nby Jo Smith\n\n", "The Letter", "Jo Smith"),
        ("Oh! Who?\nby Jo Smith\n\n", "Oh! Who?", "Jo Smith"),
        ("MAYA\n\nBy the way, who are you?\n\n", None, ""),
        ("Rain\n\n", None, ""),
        ("COLD OPEN\n\n", None, ""),
        *(
            (f"{dark}\n\n", None, "")
            for dark in ("OVER BLACK", "BLACK", "BLACK.", "TOTAL DARKNESS")
        ),
        ("She runs\n\nby the river\n\n", None, ""),
        ("She walks\n\nby\n\n", None, ""),
        ("THE FROG\nby all of us\n\n", "THE FROG", "all of us"),
        ("RAIN.\n\n", None, ""),
        ("A BUS\n\nRAIN\n\n", None, ""),
        ("ACT ONE\n\n", None, ""),
    ],
)
def test_a_row_above_the_first_scene_may_be_the_title(
    above: str, title: str | None, authors: str, name: str
):
    scene = "INT. BUS - DAY\n\nRain.\n\nJO\nHi."
    found = read_script_file(name, f"{above}{scene}".encode())
    assert (found.title, found.authors, found.page_cut) == (title, authors, False)
    shown = [element.one_line for element in found.elements]
    rows = [row.strip() for row in above.split("\n") if row.strip()]
    kept = rows if title is None else [row for row in rows if row == "FADE IN:"]
    assert shown[: len(kept)] == kept
    assert shown[-1] == "JO: Hi."
    assert len(shown) == len(kept) + 3


@pytest.mark.parametrize(
    ("below", "text", "is_cut"),
    [
        ("by Ann\n\n", "A dark stage\n\nMAYA waits", False),
        ("Written by\nAnn\n\n", "She waits.", False),
        *(
            (f"by Ann\n\n{row}\n12 Main Street\n\n", "Draft horses graze", True)
            for row in (
                "ann@example.org",
                "Draft 3",
                "First draft",
                "\u00a9 2026 Ann",
                "1 May 2026",
            )
        ),
    ],
)
@pytest.mark.parametrize("is_flat", [False, True])
def test_text_between_a_byline_and_the_first_scene_is_kept(
    below: str, text: str, is_cut: bool, is_flat: bool
):
    if is_flat:
        below = below.replace("12 Main Street\n", "")
    page = f"The Frog\n{below}{text}\n\nINT. BUS - DAY\n\nJO\nHi.\n\nMAYA\nOh.\n\nJO\nNo."
    found = read_script_file("a.txt", (re.sub("\n+", "\n", page) if is_flat else page).encode())
    assert (found.title, found.authors, found.page_cut) == ("The Frog", "Ann", is_cut)
    shown = "\n".join(element.body for element in found.elements)
    assert re.sub("\n+", "\n", shown) == re.sub(
        "\n+", "\n", f"{text}\nINT. BUS - DAY\nHi.\nOh.\nNo."
    )


def test_final_draft_is_read_by_the_types_of_paragraphs():
    found = read_script_file("A.FDX", FDX.encode())
    assert [element.text for element in found.elements] == [
        *("INT. DINER", "Rain ***falls***.", "alone", "MAYA\n(quietly)\nYou came.\nLate."),
        *("JONAS\n\\# of times", "MAYA", "NOBODY", "> FADE OUT."),
    ]
    assert (found.title, found.left_out) == ("The Diner", 1)
    wide = FDX.replace("UTF-8", "UTF-16").encode("utf-16")
    assert read_script_file("a.fdx", wide) == found
    assert read_script_file("a.txt", wide) == found


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        (
            "int. diner\n\nMAYA: Hi.\nJO: Hey.\n\nRain.",
            ["INT. DINER", "MAYA\nHi.", "JO\nHey.", "Rain."],
        ),
        ("INT. DINER\n\nMAYA\n\tHello.\n\nJO\n\tHey.", ["INT. DINER", "MAYA\nHello.", "JO\nHey."]),
        ("Maya:\tHello.\n\tIt is me.", ["MAYA\nHello.\nIt is me."]),
        ("MAYA: Hello.\n\n\tRain.\n\nJO: Hey.", ["MAYA\nHello.", "Rain.", "JO\nHey."]),
        ("\tRain.\n\n\u200b\n\nWind.", ["Rain.", "Wind."]),
        ("MAYA: Hello.\n\nmaya: It is me.", ["MAYA\nHello.", "MAYA\nIt is me."]),
        *(
            (f"{first}\n" + "Jo: Hello again.\n" * 90, [stored, *["JO\nHello again."] * 90])
            for first, stored in (
                *(("ACT I", ".ACT I"), ("FADE IN:", "> FADE IN:")),
                ("MAYA: HELLO!", "MAYA\nHELLO!"),
            )
        ),
        (
            "1. INT. CELL 1\n\n2. int. sea  2.\n\n12 EXT. SEA 12\nRain.\n\n3 Innen - Bad\n\n3 men.",
            ["INT. CELL 1", "INT. SEA", "EXT. SEA", "Rain.", "INT. BAD", "3 men."],
        ),
        # A page that centers its cues has no others.
        ("A DOOR\nIt shuts.\n\n          JO\n     Hey.", ["!A DOOR\nIt shuts.", "JO\nHey."]),
    ],
)
def test_text_is_read_as_people_type_it(text: str, elements: list[str]):
    assert read(text.encode(), "a.txt") == elements


@pytest.mark.parametrize(
    "notice",
    [
        "Messages and calls are end-to-end encrypted. Nobody else can read them.",
        "Bus: \u200eNachrichten und Anrufe sind Ende-zu-Ende-verschl\u00fcsselt. Tippe hier.",
        *('Jo Day created group "Bus: 2"', "Jo joined using this group's invite link", "Jo left"),
        *("Jo: <Media omitted>", "Jo: \u200eimage omitted", "Jo: This message was deleted"),
        *("Missed voice call", "Jo: Verpasster Videoanruf um 19:02"),
        *("Jo: Bild weggelassen", "Jo hat die Gruppe verlassen"),
    ],
)
@pytest.mark.parametrize("stamp", ["3/12/26, 7:02\u202fPM - ", "\u200e[03.12.26, 19:02:11] "])
def test_what_a_messenger_adds_to_a_chat_is_left_out(stamp: str, notice: str):
    kept = ["Maya: I left", "Jo: Is it end-to-end encrypted? Oh."]
    rows = (f"{stamp}{row}\n" for row in ("Jo: Hi.", notice, *kept, "Maya fell"))
    found = read_script_file("a.txt", "".join(rows).encode())
    assert found.left_out == 1
    shown = [element.one_line for element in found.elements]
    assert shown[:2] == ["JO: Hi.", "MAYA: I left"]
    assert shown[2].startswith("JO: Is it end-to-end encrypted? Oh.")


def test_a_diary_with_times_is_no_chat():
    diary = "3.12.2026 7:02 - We left\n3.12.2026 9:30 - Jo joined us. Rain."
    assert read(diary.encode(), "a.txt") == [diary]


@pytest.mark.parametrize(
    ("blocks", "elements"),
    [
        (
            [
                "NORA. Hide the tree, Helen, and put the cakes\nhere. [_Aside_] Oh!",
                *(
                    "_Helen enters._",
                    "HELEN. [_To\n_NORA] It is _so_ big.",
                    "NORA.\n  Hush!\n  Go.",
                ),
            ],
            [
                "NORA\nHide the tree, Helen, and put the cakes here.\n(Aside)\nOh!",
                *("Helen enters.", "HELEN\n(To NORA)\nIt is *so* big.", "NORA\nHush!\nGo."),
            ],
        ),
        (
            [
                *("_Nora_. Hide it.", "[_Enter_ MRS. LINDE.]", "MRS. LINDE (_busy_). Where?"),
                *("SCENE 2. A hall.", "NORA [_softly_]: There."),
            ],
            [
                *("NORA\nHide it.", "Enter MRS. LINDE.", "MRS. LINDE\n(busy)\nWhere?"),
                *(".SCENE 2. A HALL.", "NORA\n(softly)\nThere."),
            ],
        ),
        # A speech may have several paragraphs; a direction or a heading below it ends it.
        (
            [
                *(
                    "NORA. Hush.",
                    "Did you see?\nI did.",
                    "[_Aside_] You!",
                    "HELEN.\nNo.",
                    "She waits.",
                ),
                *("Are you here?", "NORA. Yes.", "J.B. Who, me?", "Scene I. A wood."),
            ],
            [
                *("NORA\nHush.\nDid you see?\nI did.", "[Aside] You!", "HELEN\nNo.", "She waits."),
                *("Are you here?", "NORA\nYes.", "J.B. Who, me?", ".SCENE I. A WOOD."),
            ],
        ),
        # A title and a name are a cue.
        (["DR. WU\nHow is it?", "MR. ODD\nBad.", "DR. WU\nOh."],) * 2,
        (
            ["MRS. LEE", "No.", "MRS. LEE", "Oh.", "DR. WU", "Ah."],
            ["MRS. LEE\nNo.", "MRS. LEE\nOh.", "DR. WU\nAh."],
        ),
        (
            ["PROF. Here.", "MRS. LEE. Oh!", "PROF. Sit.", "MRS. LEE.\nNo."],
            ["PROF\nHere.", "MRS. LEE\nOh!", "PROF\nSit.", "MRS. LEE\nNo."],
        ),
        (["MAYA\nNo!", "BANG. Dark.", "JO\nOh.", "BANG. Snow.", "BANG. Rain.", *["MAYA\nJo?"] * 2],)
        * 2,
        # Nobody speaks twice, or nobody else speaks.
        (["CRASH. It falls.", "BANG. Dark.", "SNAP. No."],) * 2,
        (["LONDON. A fog.", "LONDON. Rain.", "LONDON. Night."],) * 2,
        (["INNEN. A. B."] * 3, ["INT. A. B."] * 3),
    ],
)
def test_a_play_is_read_as_books_print_it(blocks: list[str], elements: list[str]):
    assert read("\n\n".join(blocks).encode(), "a.txt") == elements


def test_a_book_is_read_without_the_licence_around_it():
    header = "The Project Gutenberg eBook\n\nTitle: Night\n\nAuthor: Ann\n\n"
    header += "*** START OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n\n"
    book = "Rain.\n\n*** END OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n\nUpdated editions are free."
    found = read_script_file("a.txt", (header + book).encode())
    assert (found.title, found.authors) == ("Night", "Ann")
    assert [element.text for element in found.elements] == read(book.encode(), "a.txt") == ["Rain."]


FDX_PAGE = """<FinalDraft><Content><Paragraph><Text>Rain.</Text></Paragraph></Content>
<TitlePage><Content>{}</Content></TitlePage></FinalDraft>"""
"""A Final Draft file around the paragraphs of a title page."""


@pytest.mark.parametrize(
    ("page", "authors", "is_cut"),
    [
        (["THE FROG", "", "written by", "", "Ann", "Ben", "", "2026-12-01"], "Ann, Ben", True),
        (["THE FROG", "", "Written by Ann"], "Ann", False),
        (["THE FROG", "", "Screenplay by", "Ann"], "Ann", False),
        *(
            (["THE FROG", "", "by", "Ann + Ben", row], "Ann + Ben", True)
            for row in ("Based on a novel by Zoe", "ann@example.org", "Tel: (555) 123-4567")
        ),
        (["THE FROG", "", "a comedy"], "", True),
        (["THE FROG"], "", False),
    ],
)
def test_authors_are_read_from_a_title_page_without_keys(
    page: list[str], authors: str, is_cut: bool
):
    typed = "\n".join(f"{row:>40}" if row else "" for row in page)
    paragraphs = (f"<Paragraph><Text>{row}</Text></Paragraph>" for row in page)
    for name, text in (
        ("a.txt", f"{typed}\n\n\n\nRain."),
        ("a.fdx", FDX_PAGE.format("".join(paragraphs))),
    ):
        found = read_script_file(name, text.encode())
        assert (found.title, found.authors, found.page_cut) == ("THE FROG", authors, is_cut)


@pytest.mark.parametrize(
    ("first", "title", "elements"),
    [
        ("Title: The Frog\nAuthor: Ann", "The Frog", []),
        ("Titel: Der Frosch\nAutor: Ann", "Der Frosch", []),
        ("Notes: rain falls.", None, ["Notes: rain falls."]),
    ],
)
def test_speech_below_a_title_page_of_text_is_kept(
    first: str, title: str | None, elements: list[str]
):
    found = read_script_file("a.txt", f"{first}\nMaya: Hi.\nJo: Hey.\n\nRain.".encode())
    assert found.title == title
    assert [element.text for element in found.elements] == [
        *elements,
        *("MAYA\nHi.", "JO\nHey.", "Rain."),
    ]


TYPED = """
                                 THE LAST
                                  DINER

                                 by Ann



     1         INT. DINER - NIGHT                                        1

               Rain on the window. The neon sign outside says OPEN, though it
               is not.

                                   MAYA (V.O.)
                              (quietly, to the
                              window)
                         You came back.
                         To me.

                                                                   CUT TO:


     2         ON THE ROOF                                               2

               Wind.
"""


def test_scene_numbers_are_left_out_and_noted():
    for name, text, bare in [
        ("a.fountain", "INT. DINER #1#\n\nRain.", "INT. DINER\n\nRain #1#."),
        ("a.fdx", FDX, FDX.replace(' Number="1"', "")),
        ("a.txt", TYPED, re.sub("[0-9]", " ", TYPED)),
        ("a.txt", "1. INT. DINER\n\nRain.", "INT. DINER\n\n2 men."),
    ]:
        found, other = read_script_file(name, text.encode()), read_script_file(name, bare.encode())
        assert found.elements[0] == other.elements[0]
        assert (found.numbered, other.numbered) == (True, False)


def test_a_typed_page_is_read_by_its_indents():
    found = read_script_file("a.txt", TYPED.encode())
    assert found.title == "THE LAST DINER"
    assert [(element.kind, element.text) for element in found.elements] == [
        (Kind.HEADING, "INT. DINER - NIGHT"),
        (Kind.ACTION, "Rain on the window. The neon sign outside says OPEN, though it is not."),
        (Kind.DIALOGUE, "MAYA (V.O.)\n(quietly, to the window)\nYou came back.\nTo me."),
        (Kind.TRANSITION, "CUT TO:"),
        (Kind.HEADING, ".ON THE ROOF"),
        (Kind.ACTION, "Wind."),
    ]


FLAT = """THE LAST
Screenplay by
Ann
1.
1  INT. DINER - NIGHT  1
Rain on the window. The neon sign outside says OPEN, though it
is not.
MAYA (V.O.)
(quietly, to the
window)
You came back, and you did not so
(MORE)
2.
MAYA (V.O.) (CONT'D)
much as call.
She turns.
JO
Hey.
MAYA
Go. He asked me for the keys.
WAITER
More?
The clock on the wall above the bar has stopped at midnight.
CUT TO:
BLACK.
"""


@pytest.mark.parametrize("more", ["", "".join(f"JO\nOne {n}.\nMAYA\nTwo.\n" for n in range(9))])
def test_a_page_without_indents_and_blank_lines_is_read_by_its_cues(more: str):
    found = read_script_file("a.txt", f"{FLAT}{more and '2.'}\n\n{more}".encode())
    assert (found.title, found.authors, found.numbered) == ("THE LAST", "Ann", True)
    assert found.page_breaks == 2 + bool(more)
    assert [element.text for element in found.elements[:10]] == [
        *(
            "INT. DINER - NIGHT",
            "Rain on the window. The neon sign outside says OPEN, though it is not.",
        ),
        "MAYA (V.O.)\n(quietly, to the window)\nYou came back, and you did not so much as call.",
        *("She turns.", "JO\nHey.", "MAYA\nGo. He asked me for the keys.", "WAITER\nMore?"),
        "The clock on the wall above the bar has stopped at midnight.",
        *("CUT TO:", "BLACK."),
    ]
    assert len(found.elements) == 10 + more.count("One") + more.count("Two")


def test_what_whatsapp_adds_to_an_edited_message_is_left_out():
    chat = "[03.12.26, 19:02:11] Jo: Hi. \u200e<This message was edited>"
    assert read(chat.encode(), "a.txt") == ["JO\nHi."]


def test_a_page_may_have_only_speeches():
    page = "MAYA\n  Hello.\n  You?\nJO\n  Hi.\nMAYA\n  Oh."
    assert read(page.encode(), "a.txt") == ["MAYA\nHello.\nYou?", "JO\nHi.", "MAYA\nOh."]
    assert read(b"MAYA\nNo.\nMAYA\nOh.", "a.txt") == ["MAYA\nNo.\nMAYA\nOh."]


def test_a_poem_with_a_refrain_is_no_page():
    poem = "A raven sat.\nNEVERMORE\nIt sang.\nNEVERMORE\nIt left."
    assert read(poem.encode(), "a.txt") == [poem]


@pytest.mark.parametrize("margin", [0, 15])
def test_a_number_below_a_cue_is_speech(margin: int):
    rows = ["INT. BAR - DAY", "MAYA", "How old?", "TOM", "9.", "MAYA", "Nine?", "FADE OUT.", "2."]
    columns = [0, 22, 10, 22, 10, 22, 10, 0, 50] if margin else [0] * len(rows)
    ends = {"INT. BAR - DAY", "How old?", "9.", "Nine?"} if margin else set()
    text = "".join(
        f"{'':{margin + column}}{row}\n{chr(10) * (row in ends)}"
        for row, column in zip(rows, columns, strict=True)
    )
    found = read_script_file("a.txt", text.encode())
    assert [element.text for element in found.elements[1:]] == [
        *("MAYA\nHow old?", "TOM\n9.", "MAYA\nNine?", "> FADE OUT."),
    ]
    assert found.page_breaks == 1


def test_page_furniture_is_left_out_and_page_numbers_are_counted():
    right = " " * 55
    furniture = (
        f"{' ' * 35}(MORE)\n\n{right}(CONTINUED)\n     THE FROG  Rev. 5/1{right}12A.\n\n"
        f"     3   CONTINUED: (2)      3\n\n{' ' * 35}MAYA (CONT\u2019D)\n"
    )
    said = f"{' ' * 25}To me.\n"
    text = TYPED.replace(said, furniture + said).replace("Wind.", f"Wind.{right}**\n\n{right}13.")
    found, bare = (read_script_file("a.txt", each.encode()) for each in (text, TYPED))
    assert (found.elements, found.page_breaks, bare.page_breaks) == (bare.elements, 2, 0)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_usual_encodings_are_read(encoding: str):
    data = "ÉMILE\r\n“Café” – oui…\r\n\r\nRain.".encode(encoding)
    assert read(data) == ["ÉMILE\n“Café” – oui…", "Rain."]


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><FinalDraft>&b;</FinalDraft>'


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.txt", b"", "That file has no lines"),
        ("a.txt", b" \n\t\n", "That file has no lines"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4, "is not text"),
        ("a.txt", b"\xff\xfe\x00", "is not text"),
        ("a.txt", b"a" * (LARGEST_SCRIPT_FILE + 1), "1.0 MB, but the limit is 1"),
        ("a.txt", b"a\n\n" * 6, "6 lines"),
        ("a.txt", b"A:\n" * 60_001, "60,001 lines"),
        ("a.fountain", b"A:\x0c" * 60_001, "60,001 lines"),
        ("a.txt", rb"{\rtf1\ansi Rain.}", "is RTF, not plain text"),
        ("a.fountain", b"\xef\xbb\xbf\n<!DOCTYPE html><p>Rain.</p>", "is HTML, not plain text"),
        ("a.txt", b"%PDF-1.4\nRain.", "is PDF, not plain text"),
        ("a.fdx", b"", "That file has no lines"),
        ("a.fdx", FDX[:400].encode(), "is damaged or not a Final Draft script"),
        ("a.fdx", b'<?xml version="1.0" encoding="klingon"?><FinalDraft/>', "Final Draft script"),
        ("a.fdx", b"<html/>", "Final Draft script"),
        ("a.fdx", b"<FinalDraft/>", "Final Draft script"),
        ("a.fdx", BOMB, "declares XML entities"),
        ("a.fdx", b"<FinalDraft><Content/></FinalDraft>", "That file has no lines"),
        ("a.pdf", b"Rain.", "must be a .fountain, .fdx or .txt file"),
        ("a", b"Rain.", "must be a .fountain, .fdx or .txt file"),
        ("a.fountain.exe", b"Rain.", "must be a .fountain, .fdx or .txt file"),
    ],
)
def test_a_bad_file_is_refused_in_a_sentence(
    name: str, data: bytes, why: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(importers, "MOST_ELEMENTS", 5)
    with pytest.raises(RequestError, match=why) as caught:
        read_script_file(name, data)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") <= 1


def test_another_reader_is_a_format(monkeypatch: pytest.MonkeyPatch):
    def read_rain(data: bytes, _names: object) -> Manuscript:
        return Manuscript(None, (Element(Kind.ACTION, data.decode()),))

    monkeypatch.setattr(importers, "IMPORTERS", IMPORTERS | {".rain": read_rain})
    assert read(b"It rains.", "a.RAIN") == ["It rains."]
    with pytest.raises(RequestError, match=r"must be a .fountain, .fdx, .txt or .rain file"):
        read(b"Rain.", "a.pdf")


@given(st.one_of(st.binary(max_size=60), nasty.map(str.encode)), st.sampled_from(list(IMPORTERS)))
def test_any_bytes_are_read_or_refused(data: bytes, suffix: str):
    found = []
    with suppress(RequestError):
        found = list(read_script_file(f"a{suffix}", data).elements)
    assert all(classify(element.text) is element.kind for element in found)


@pytest.mark.parametrize(
    "text",
    [
        *("It rains. " * 400, "word " * 900, "x" * 4000),
        *("a line of verse\n" * 300, "茂" * 4000, "(tag " * 900),
    ],
)
def test_a_long_element_becomes_several_and_nothing_is_lost(text: str):
    for name, cue in ("a.fountain", ""), ("a.fountain", "MAYA (V.O.)\n"), ("a.txt", "Maya: "):
        found = read_script_file(name, f"{cue}{text}\n\nRain.".encode())
        assert found.cut == 1
        *pieces, rain = found.elements
        assert rain.text == "Rain."
        assert len(pieces) > 1
        assert {piece.cue for piece in pieces} == {"MAYA" if cue else None}
        assert all(len(piece.text) <= LONGEST_ELEMENT for piece in pieces)
        said = "".join("".join(piece.shown[1:] if cue else piece.shown) for piece in pieces)
        assert "".join(said.split()) == "".join(text.split())


@pytest.mark.parametrize("mark", ["/*", "[[", "*", "A:b\n", "(", "A\n\n", "> ", "A(", "_a ", "<"])
@pytest.mark.parametrize("suffix", [".fountain", ".txt"])
def test_a_long_run_of_any_mark_is_read(mark: str, suffix: str):
    # A parser of quadratic time would not come back.
    text = mark * (60_000 // len(mark))
    found = read_script_file(f"a{suffix}", text.encode())
    shown = "".join(row for element in found.elements for row in element.shown)
    # Fountain reads /*/*/ as a comment, and a text file has a colon below a name.
    assert found.left_out or re.sub(r"[\s:]", "", shown) == re.sub(r"[\s:]", "", text)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".fountain", f">{SPACES}A"),
        (".fountain", f"INT.{SPACES}A"),
        (".fountain", "A" * 500_000 + "\n  " * 170_000 + "\nA"),
        (".txt", f"NORA. Yes.\n\nJON. No.\n\nNORA. But{SPACES}A"),
    ],
    ids=["centred", "numbered", "blank", "directed"],
)
def test_a_long_run_of_spaces_is_read(suffix: str, text: str):
    # A parser of quadratic time would not come back.
    assert read_script_file(f"a{suffix}", text.encode()).elements[-1].text.endswith("A")
