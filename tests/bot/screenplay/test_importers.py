"""Test files that become scripts, files that cannot, and reading exports back."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import RequestError
from bot.screenplay.elements import Element, Kind
from bot.screenplay.emphasis import format_runs, split_runs
from bot.screenplay.exporters.edition import Edition
from bot.screenplay.exporters.export_formats import EXPORT_FORMATS, PaperSize
from bot.screenplay.fountain import classify, parse_model_text
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.importers import import_formats
from bot.screenplay.importers.import_formats import (
    IMPORTERS,
    LARGEST_SCRIPT_FILE,
    MOST_ELEMENTS,
    importer,
    read_script_file,
)
from bot.screenplay.importers.manuscript import LONGEST_ELEMENT, Manuscript, make_shown_element

from .test_fountain import nasty

steadily = settings(max_examples=50, deadline=None, derandomize=True)

nasty_elements = st.lists(nasty, min_size=1, max_size=6).map(
    lambda texts: [element for text in texts if (element := parse_model_text(text))]
)

SCRIPT = """int. diner - night

Rain on the window. The neon sign *outside* says **OPEN**, though it is not, and has not been for \
as long as anybody here can remember.

MAYA (V.O.): (quietly) You came back. After all these years, and the letters that I wrote.

@McAvoy
(beat, then, since nobody in this whole diner looks at him)
To be,
or not to be

!INT. is short
for interior

cut to:

.the heath

First line.
Second line.

> FADE OUT."""


def fountain(text: str) -> list[str]:
    return [one.text for one in read_script_file("a.fountain", text.encode()).elements]


def through(form: str, *elements: Element, **how: object) -> Manuscript:
    """Return the manuscript that is read from a printed script."""
    what = Edition("The Diner", elements, ("Ann",), ("Ann: all",), dt.date(2026, 1, 2), **how)
    return read_script_file(f"a.{form}", EXPORT_FORMATS[form].write(what, PaperSize.LETTER).content)


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("form", ["fountain", "fdx", "txt"])
def test_an_export_comes_back(form: str, numbers: bool) -> None:
    elements = parse_person_text(SCRIPT)
    found = through(form, *elements, scene_numbers=numbers)
    assert list(found.elements) == elements
    assert (found.title, found.left_out, found.cut) == ("The Diner", 0, 0)


@steadily
@given(nasty_elements)
def test_any_fountain_comes_back(elements: list[Element]) -> None:
    if elements:
        assert list(through("fountain", *elements).elements) == elements


@steadily
@given(nasty_elements)
def test_any_final_draft_comes_back(elements: list[Element]) -> None:
    if not elements:
        return
    found = through("fdx", *elements).elements
    assert [one.kind for one in found] == [one.kind for one in elements]
    for one, was in zip(found, elements, strict=True):
        # Nested emphasis may be marked in another order.
        assert [split_runs(line) for line in one.marked] == [
            split_runs(line) for line in was.marked
        ]


@steadily
@given(nasty)
def test_any_element_can_be_shown_and_read_again(text: str) -> None:
    element = parse_model_text(text)
    if element is None:
        return
    again = make_shown_element(element.kind, element.marked)
    assert again is not None
    assert (again.kind, again.marked) == (element.kind, element.marked)


@steadily
@given(
    st.lists(
        st.tuples(
            st.text(alphabet="ab *_\\", min_size=1, max_size=6),
            st.frozensets(st.sampled_from(["Bold", "Italic", "Underline"])),
        ),
        max_size=4,
    )
)
def test_emphasis_keeps_all_letters(parts: list[tuple[str, frozenset[str]]]) -> None:
    written = "".join(text for text, _ in parts)
    read_back = "".join(text for text, _ in split_runs(format_runs(parts)))
    assert read_back.replace("\\", "").replace("*", "").replace("_", "") == written.replace(
        "\\", ""
    ).replace("*", "").replace("_", "")


def test_emphasis() -> None:
    assert format_runs([("a ", frozenset()), ("b", frozenset({"Italic"}))]) == "a *b*"
    assert format_runs(
        [("b ", frozenset({"Bold", "Underline", "AllCaps"})), ("c", frozenset())]
    ) == ("_**b**_ c")
    assert format_runs([("*b* a_b", frozenset())]) == r"\*b\* a_b"
    assert format_runs([("2 * 3 a_b", frozenset())]) == "2 * 3 a_b"
    assert split_runs(r"\_a\_ \*b\*") == [("_a_ *b*", frozenset())]


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("int. diner\n\nRain.", ["int. diner", "Rain."]),
        ("INT. DINER #12A#\n\nRain.", ["INT. DINER", "Rain."]),
        ("INT. DINER\nRain.\nWind.", ["INT. DINER", "Rain.\nWind."]),
        ("MAYA\nTo be\n  \nor not", ["MAYA\nTo be\nor not"]),
        ("Rain.\n  \nWind.", ["Rain.", "Wind."]),
        ("MAYA: Hello.", ["MAYA: Hello."]),
        ("BOTH ^\nHello.", ["BOTH\nHello."]),
        ("> THE END <", ["THE END"]),
        ("~la la", ["la la"]),
        ("MAYA\n~la la", ["MAYA\nla la"]),
        (
            "A VERY LONG NAME " * 4 + "\nHello.",
            ["!" + " ".join(["A VERY LONG NAME"] * 4) + "\nHello."],
        ),
    ],
)
def test_fountain_is_read_as_fountain(text: str, elements: list[str]) -> None:
    assert fountain(text) == elements


def test_what_writers_tell_each_other_is_left_out_and_counted() -> None:
    text = (
        "# Act\n\n= In\n\nRain [[heavy?]] falls.\n\n/* old\n\nlines */\n\n[[cut?]]\n\n===\n\nWind."
    )
    found = read_script_file("a.fountain", text.encode())
    assert [one.text for one in found.elements] == ["Rain  falls.", "Wind."]
    assert found.left_out == 6


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("Title: The Diner\nAuthor: Ann\n\n", "The Diner"),
        ("title:\n    _**BRICK &\n    STEEL**_\nContact:\n\tme\n\n", "BRICK & STEEL"),
        ("Author: Ann\n\n", None),
        ("MAYA: Hello.\n\n", None),
        ("", None),
    ],
)
def test_the_title_page(page: str, title: str | None) -> None:
    found = read_script_file("a.fountain", f"{page}Rain.".encode())
    assert found.title == title
    assert found.elements[-1].text == "Rain."
    assert len(found.elements) == 1 + page.startswith("MAYA")


FDX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE FinalDraft>
<FinalDraft DocumentType="Script" Version="5"><Content>
<Paragraph Type="Scene Heading" Number="1"><SceneProperties Length="1/8"><Summary><Paragraph>
<Text>A summary.</Text></Paragraph></Summary></SceneProperties><Text>INT. DINER</Text></Paragraph>
<Paragraph Type="Action"><ScriptNote><Paragraph><Text>Why?</Text></Paragraph></ScriptNote>
<Text>Rain </Text><Text Style="Bold+Italic">falls</Text><Text>.</Text></Paragraph>
<Paragraph Type="Parenthetical"><Text>alone</Text></Paragraph>
<Paragraph><DualDialogue>
<Paragraph Type="Character"><Text>MAYA</Text></Paragraph>
<Paragraph Type="Parenthetical"><Text>quietly</Text></Paragraph>
<Paragraph Type="Dialogue"><Text>You came.
Late.</Text></Paragraph>
<Paragraph Type="Character"><Text>JONAS?</Text></Paragraph>
<Paragraph Type="Dialogue"><Text># of times</Text></Paragraph>
</DualDialogue></Paragraph>
<Paragraph Type="Shot"><Text>MAYA</Text></Paragraph>
<Paragraph Type="Character"><Text>NOBODY</Text></Paragraph>
<Paragraph Type="Transition"><Text>FADE OUT.</Text></Paragraph>
<Paragraph Type="Action"><Text></Text></Paragraph>
</Content><TitlePage><Content><Paragraph><Text>  </Text></Paragraph>
<Paragraph Alignment="Center"><Text>The </Text><Text>Diner</Text></Paragraph></Content></TitlePage>
</FinalDraft>"""


def test_final_draft() -> None:
    found = read_script_file("A.FDX", FDX.encode())
    assert [one.text for one in found.elements] == [
        "INT. DINER",
        "Rain ***falls***.",
        "alone",
        "MAYA\n(quietly)\nYou came.\nLate.",
        "JONAS\n\\# of times",
        "MAYA",
        "NOBODY",
        "> FADE OUT.",
    ]
    assert (found.title, found.left_out) == ("The Diner", 1)
    assert (
        read_script_file("a.fdx", FDX.replace("UTF-8", "UTF-16").encode("utf-16")).elements
        == found.elements
    )


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><FinalDraft>&b;</FinalDraft>'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is damaged or not a Final Draft script"),
        (FDX[:400].encode(), "is damaged or not a Final Draft script"),
        (b'<?xml version="1.0" encoding="klingon"?><FinalDraft/>', "Final Draft script"),
        (b"<html/>", "Final Draft script"),
        (b"<FinalDraft/>", "Final Draft script"),
        (BOMB.encode(), "declares XML entities"),
        (b"<FinalDraft><Content/></FinalDraft>", "That file has no lines"),
    ],
)
def test_what_is_no_final_draft(data: bytes, why: str) -> None:
    refused(data, why, "a.fdx")


def test_text_is_read_as_what_people_type() -> None:
    found = read_script_file("a.txt", b"int. diner - night\n\nMAYA: Hello.\nJO: Hey.\n\nRain.")
    assert [one.text for one in found.elements] == [
        "INT. DINER - NIGHT",
        "MAYA\nHello.",
        "JO\nHey.",
        "Rain.",
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


def test_scene_numbers_are_left_out_and_told_of() -> None:
    for name, text, bare in [
        ("a.fountain", "INT. DINER #1#\n\nRain.", "INT. DINER\n\nRain #1#."),
        ("a.fdx", FDX, FDX.replace(' Number="1"', "")),
        ("a.txt", TYPED, re.sub("[0-9]", " ", TYPED)),
    ]:
        found, other = read_script_file(name, text.encode()), read_script_file(name, bare.encode())
        assert found.elements[0] == other.elements[0]
        assert (found.numbered, other.numbered) == (True, False)


def test_a_typed_page_is_read_by_where_its_lines_stand() -> None:
    found = read_script_file("a.txt", TYPED.encode())
    assert found.title == "THE LAST DINER"
    assert [(one.kind, one.text) for one in found.elements] == [
        (Kind.HEADING, "INT. DINER - NIGHT"),
        (Kind.ACTION, "Rain on the window. The neon sign outside says OPEN, though it is not."),
        (Kind.DIALOGUE, "MAYA (V.O.)\n(quietly, to the window)\nYou came back.\nTo me."),
        (Kind.TRANSITION, "CUT TO:"),
        (Kind.HEADING, ".ON THE ROOF"),
        (Kind.ACTION, "Wind."),
    ]


def refused(data: bytes, why: str, name: str = "a.txt") -> None:
    with pytest.raises(RequestError, match=why) as caught:
        read_script_file(name, data)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") <= 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding: str) -> None:
    data = "ÉMILE\r\n“Café” – oui…\r\n\r\nRain.".encode(encoding)
    found = read_script_file("a.fountain", data)
    assert [one.text for one in found.elements] == ["ÉMILE\n“Café” – oui…", "Rain."]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "That file has no lines"),
        (b" \n\t\n", "That file has no lines"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4, "is not text"),
        (b"\xff\xfe\x00", "is not text"),
        (b"a" * (LARGEST_SCRIPT_FILE + 1), "1.0 MB, but the limit is 1"),
        (b"a\n\n" * (MOST_ELEMENTS + 1), "20,001 lines"),
    ],
)
def test_what_is_no_script(data: bytes, why: str) -> None:
    refused(data, why)


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.fountain.exe"])
def test_other_files(name: str) -> None:
    refused(b"Rain.", "must be a .fountain, .fdx or .txt file", name)


def test_a_registered_reader_is_a_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_formats, "IMPORTERS", dict(IMPORTERS))

    @importer(".rain")
    def read_rain(data: bytes) -> Manuscript:
        return Manuscript(None, (Element(Kind.ACTION, data.decode()),))

    assert read_script_file("a.RAIN", b"It rains.") == read_rain(b"It rains.")
    refused(b"Rain.", r"must be a .fountain, .fdx, .txt or .rain file", "a.pdf")


@steadily
@given(st.one_of(st.binary(max_size=60), nasty.map(str.encode)), st.sampled_from(list(IMPORTERS)))
def test_any_bytes_are_a_script_or_a_sentence(data: bytes, suffix: str) -> None:
    found = []
    with suppress(RequestError):
        found = list(read_script_file(f"a{suffix}", data).elements)
    assert all(classify(one.text) is one.kind for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "It rains. " * 400,
        "word " * 900,
        "x" * 4000,
        "a line of verse\n" * 300,
        "茂" * 4000,
        "(tag " * 900,
    ],
)
def test_what_is_too_long_becomes_several_and_nothing_is_lost(text: str) -> None:
    for cue in ("", "MAYA (V.O.)\n"):
        found = read_script_file("a.fountain", f"{cue}{text}\n\nRain.".encode())
        assert found.cut == 1
        *pieces, rain = found.elements
        assert rain.text == "Rain."
        assert len(pieces) > 1
        assert {one.cue for one in pieces} == {"MAYA" if cue else None}
        assert all(len(one.text) <= LONGEST_ELEMENT for one in pieces)
        said = "".join("".join(one.shown[1:] if cue else one.shown) for one in pieces)
        assert "".join(said.split()) == "".join(text.split())


@pytest.mark.parametrize("mark", ["/*", "[[", "*", "A:b\n", "(", "A\n\n", "> ", "A(", "_a ", "<"])
@pytest.mark.parametrize("suffix", [".fountain", ".txt"])
def test_a_lot_of_any_mark_is_read(mark: str, suffix: str) -> None:
    # A parser of quadratic time would not come back.
    data = (mark * (100_000 // len(mark))).encode()
    with suppress(RequestError):
        read_script_file(f"a{suffix}", data)
