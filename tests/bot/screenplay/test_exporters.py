"""Test exported files against those in `golden/`, and with other people's parsers.

After an intended change, write the golden files again:
``python -m tests.bot.screenplay.test_exporters``.
"""

import datetime as dt
import io
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fountain import FountainParser
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from screenplay_tools.fdx.parser import Parser as FinalDraftParser

from bot.i18n.catalogue import say, speaking
from bot.screenplay.elements import Element, Kind
from bot.screenplay.exporters import EXPORT_FORMATS
from bot.screenplay.exporters.edition import MOST_CREDITS, Edition, make_edition
from bot.screenplay.exporters.export_formats import ExportedFile, PaperSize
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.importers import read_script_file
from bot.screenplay.statistics import ScriptStatistics, WriterStatistics

from .samples import SCRIPT, SPEAKERS_WHO_GO_ON, nasty_elements

GOLDEN = Path(__file__).parent / "golden"

EDITION = Edition(
    "The Last Diner & <Co>",
    tuple(parse_person_text(SCRIPT)),
    ("Ann", "Ben *star* a_b_c", "the voice “stage”"),
    ("Ann: 7 lines, 61 words (88%)", "Ben *star* a_b_c: 1 line, 2 words (12%)"),
    dt.date(2026, 11, 24),
    scene_numbers=True,
)

TEXTS = [path.suffix.removeprefix(".") for path in sorted(GOLDEN.glob("diner.*"))]


def export(what: Edition, form: str, paper: PaperSize = PaperSize.LETTER) -> ExportedFile:
    return EXPORT_FORMATS[form].write(what, paper)


@pytest.mark.parametrize("form", TEXTS)
def test_an_exported_file_equals_the_golden_one(form: str):
    expected = (GOLDEN / f"diner.{form}").read_bytes()
    assert export(EDITION, form).content.decode() == expected.decode()


def list_parts(elements: Iterable[Element]) -> list[tuple[str, str]]:
    """Return the type and the text of each part of a script, without brackets and emphasis."""
    parts: list[tuple[str, str]] = []
    for element in elements:
        if element.kind is Kind.DIALOGUE:
            parts.append(("character", element.cue))
            parts += [
                ("parenthetical" if line.startswith("(") else "dialogue", line.strip("()"))
                for line in element.shown[1:]
            ]
        else:
            parts.append((element.kind, element.body.replace("*", "")))
    return parts


def test_another_parser_reads_the_same_fountain():
    document = FountainParser().parse(export(EDITION, "fountain").content.decode())
    assert document.metadata["title"] == EDITION.title
    assert document.metadata["authors"].split("\n") == list(EDITION.authors)
    found = [
        (part.type.name.lower().removeprefix("scene_"), re.sub(r" #\d#$|[*()]", "", part.text))
        for part in document.elements
    ]
    assert found == list_parts(EDITION.elements)


@pytest.mark.parametrize("locale", ["en-GB", "de"])
def test_a_title_page_has_the_keys_of_the_format_in_any_language(locale: str):
    counted = ScriptStatistics(
        3, 9, 1, 1.0, (), (WriterStatistics("Ann", 2, 6),), (WriterStatistics("stage", 1, 3),)
    )
    with speaking(locale):
        what = make_edition("The Last Diner", EDITION.elements, counted, dt.date(2026, 11, 24))
        credit, voice = say("written by"), say("the voice “{name}”", name="stage")
        files = {form: export(what, form).content for form in TEXTS}
    page = FountainParser().parse(files["fountain"].decode()).metadata
    assert list(page) == ["title", "credit", "authors", "draft date", "notes"]
    assert (page["credit"], page["authors"]) == (credit, f"Ann\n{voice}")
    for form in ("fountain", "fdx", "txt"):
        found = read_script_file(f"diner.{form}", files[form])
        assert found.title == "The Last Diner"
        assert len(found.elements) == len(EDITION.elements)


PLAIN = [element for element in EDITION.elements if "*" not in element.text]


def test_another_parser_reads_the_same_final_draft():
    # This parser reads only the first run of a paragraph, so nothing here is emphasised.
    what = Edition("The Diner", tuple(PLAIN))
    script = FinalDraftParser().parse(export(what, "fdx").content.decode())
    found = [
        (element.type.name.lower(), element.text_raw or getattr(element, "name", ""))
        for element in script.elements
    ]
    assert found == list_parts(PLAIN)


def pages(paper: PaperSize, what: Edition = EDITION) -> list[str]:
    """Return the text of each page, after checking the page's size."""
    reader = PdfReader(io.BytesIO(export(what, "pdf", paper).content))
    sizes = {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages}
    assert sizes == {(612, 792) if paper is PaperSize.LETTER else (595, 842)}
    assert reader.metadata is not None
    assert reader.metadata.title == what.title
    return [page.extract_text() for page in reader.pages]


@pytest.mark.parametrize("paper", list(PaperSize))
def test_a_pdf_has_a_title_page_and_the_whole_script(paper: PaperSize):
    front, page = pages(paper)
    for words in (*EDITION.authors, *EDITION.shares, "written by", "2026-11-24"):
        assert words in front
    flat = " ".join(page.split())
    for element in EDITION.elements:
        for line in element.shown:
            assert " ".join(line.replace("*", "").split()) in flat
    _, without = pages(paper, replace(EDITION, scene_numbers=False))
    assert sorted(page.split()) == sorted([*without.split(), "1", "1", "2", "2"])


def test_a_title_page_is_one_page():
    name = "A person with quite a long name, who ends here"
    authors, shares = (name,) * MOST_CREDITS, (name * 2,) * MOST_CREDITS
    full = Edition("A title" + " title" * 13, EDITION.elements, authors, shares)
    for paper in PaperSize:
        front, *rest = pages(paper, full)
        assert front.count("who ends here") >= 2 * MOST_CREDITS
        assert len(rest) == 1
    # The title takes two rows of its large letters, where the text's width would need only one.
    wide = replace(EDITION, title="The Last Diner and Company x")
    assert len(pages(PaperSize.LETTER, wide)) == 2


def test_a_speech_goes_on_on_the_next_page_below_its_cue():
    action = [Element(Kind.ACTION, f"Row {n}.") for n in range(20)]
    sentences = "I told you once, I told you twice, and I will tell you a third time. " * 14
    speech = Element(Kind.DIALOGUE, f"ANN (V.O.)\n(quietly)\n{sentences}\n(then)\nNo.")
    first, second = pages(PaperSize.LETTER, Edition("Long", (*action, speech)))[1:]
    assert first.split().count("Row") == len(action)
    assert first.splitlines()[-1].strip() == "(MORE)"
    assert second.splitlines()[1] == "ANN (V.O.) (CONT'D)"
    said = [row.strip() for row in (*first.splitlines()[20:-1], *second.splitlines()[2:])]
    assert " ".join(said) == f"ANN (V.O.) (quietly) {sentences.strip()} (then) No."


def test_only_scenes_are_numbered():
    elements = parse_person_text("ACT ONE\n\nSCENE 1\n\nACT TWO\n\nINT. DINER")
    what = Edition("The Diner", tuple(elements), scene_numbers=True)
    assert [number for _, number in what.numbered()] == [None, "1", None, "2"]
    found = export(what, "fdx").content.decode()
    assert re.findall('Type="Scene Heading"(?: Number="(.)")?', found) == ["", "1", "", "2"]


@pytest.mark.parametrize("rows", range(22, 28))
@pytest.mark.parametrize("numbers", [False, True])
def test_a_page_never_ends_with_a_heading(rows: int, numbers: bool):
    action = [Element(Kind.ACTION, f"Row {n}.") for n in range(rows)]
    speech = Element(Kind.DIALOGUE, "ANN\n(quietly)\n" + "I told you once, I told you twice. " * 7)
    headings = parse_person_text("ACT ONE\n\nSCENE 1")
    what = Edition("Long", (*action, *headings, speech), scene_numbers=numbers)
    first, second = pages(PaperSize.LETTER, what)[1:]
    assert ("ACT ONE" in first) == ("twice" in first)
    assert ("ACT ONE" in second) != ("ACT ONE" in first)


def test_headings_that_fill_a_page_are_printed():
    speech = Element(Kind.DIALOGUE, "ANN\nHi.")
    what = Edition("Long", (*[Element(Kind.HEADING, ".ACT ONE")] * 40, speech))
    assert "".join(pages(PaperSize.LETTER, what)).count("ACT ONE") == 40


@pytest.mark.parametrize("rows", range(24, 28))
def test_a_page_never_ends_with_a_cue_alone(rows: int):
    action = [Element(Kind.ACTION, f"Row {n}.") for n in range(rows)]
    speech = Element(Kind.DIALOGUE, "ANN\n" + "I told you once, I told you twice. " * 7)
    first, second = pages(PaperSize.LETTER, Edition("Long", (*action, speech)))[1:]
    above = first.split().count("told")
    assert above == 0 or above >= 2
    assert second.splitlines()[1] == ("ANN (CONT'D)" if above else "ANN")


def test_pages_are_numbered_from_the_second():
    long = Edition("Long", EDITION.elements * 7)
    _, first, *others = pages(PaperSize.LETTER, long)
    assert not first.startswith("1.")
    assert "2." in others[0]
    assert f"{len(others) + 1}." in others[-1]
    assert len(pages(PaperSize.A4, long)) <= len(others) + 2


def test_pdfs_made_at_the_same_time_do_not_mix():
    scripts = [EDITION, Edition("Other", tuple(parse_person_text("Wind. " * 200)))]
    alone = [pages(PaperSize.LETTER, script) for script in scripts]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(pages, [PaperSize.LETTER] * 4, scripts * 2)) == alone * 2


def test_characters_that_a_pdf_leaves_out_are_named():
    assert export(EDITION, "pdf").left_out == ""
    other = Edition("The Diner", (Element(Kind.ACTION, "茂は来た。茂 waits 😀."),))
    assert export(other, "pdf").left_out == "茂は来た。😀"
    assert export(other, "txt").left_out == ""


def test_a_pdf_marks_letters_that_its_typeface_lacks():
    speech = Element(Kind.DIALOGUE, "茂茂\nA parrot 🦜 sits.\nЩ, she says.")
    what = Edition("The Diner", (speech,), ("山田",), ("山田: 1 line, 7 words (100%)",))
    front, page = pages(PaperSize.LETTER, what)
    assert " ".join(front.split()) == "The Diner written by ?? ??: 1 line, 7 words (100%)"
    assert page.splitlines() == ["??", "A parrot sits.", "?, she says."]
    assert "山田" in export(what, "pdf").left_out


@settings(max_examples=20)
@given(nasty_elements, st.text(max_size=30), st.booleans())
def test_any_script_can_be_exported(elements: list[Element], title: str, numbers: bool):
    title = "".join(title.split())
    for form in EXPORT_FORMATS:
        assert export(Edition(title, tuple(elements), scene_numbers=numbers), form).content


@pytest.mark.parametrize("text", ["a\n" * 740, "(a\n" * 490, "MAYA\n" + "(a)\n" * 370, "x" * 1490])
def test_long_elements_fit_on_pages(text: str):
    [element] = parse_person_text(text)
    _, *shown = pages(PaperSize.LETTER, Edition("Long", (element,)))
    letters = re.sub(r"\d+\.\n|\(MORE\)|MAYA \(CONT'D\)|\s", "", "".join(shown))
    assert letters == "".join("".join(element.shown).split())


def test_the_title_page_says_who_wrote_how_much():
    counted = ScriptStatistics(
        *(10, 100, 1, 1.0, ()),
        writers=(WriterStatistics("Ann", 6, 60), WriterStatistics("Ben", 1, 0)),
        voices=(WriterStatistics("stage", 3, 40),),
    )
    what = make_edition("The Diner", PLAIN, counted)
    assert what.authors == ("Ann", "Ben", "the voice “stage”")
    assert what.shares == (
        "Ann: 6 lines, 60 words (60%)",
        "Ben: 1 line, 0 words (0%)",
        "the voice “stage”: 3 lines, 40 words (40%)",
    )
    few = ScriptStatistics(2, 1000, 1, 1.0, (), (WriterStatistics("Cy", 1, 4),), ())
    assert make_edition("The Diner", PLAIN, few).shares == ("Cy: 1 line, 4 words (<1%)",)
    many = tuple(WriterStatistics(f"Ann {n}", 1, 1) for n in range(MOST_CREDITS + 3))
    what = make_edition("The Diner", PLAIN, ScriptStatistics(11, 11, 0, 1.0, (), many, ()))
    assert what.authors[-1] == what.shares[-1] == "and 3 more"
    assert len(what.authors) == MOST_CREDITS + 1


def test_pages_mark_a_speaker_who_goes_on():
    what = Edition("The Diner", tuple(parse_person_text(SPEAKERS_WHO_GO_ON)))
    _, page = pages(PaperSize.LETTER, what)
    html = export(what, "html").content.decode()
    cues = [row.strip() for row in page.split("\n") if re.match(r"\s*(MAYA|JONAS)", row)]
    assert cues == [
        *("MAYA", "MAYA (CONT'D)", "MAYA (V.O.) (CONT'D)"),
        *("JONAS", "JONAS (cont'd)", "JONAS"),
    ]
    assert re.findall(r'class="character">(.*?)<', html) == cues


def test_fade_in_stands_at_the_left():
    what = Edition("The Diner", tuple(parse_person_text("fade in:\n\ncut to:")))
    for form, row in (
        ("txt", "\nFADE IN:\n"),
        ("html", '<div class="action"><p>FADE IN:</p></div>\n<div class="transition">'),
        ("fdx", '<Paragraph Type="Transition" Alignment="Left">\n      <Text>FADE IN:'),
    ):
        assert row in export(what, form).content.decode()
    typed = Edition("The Diner", tuple(parse_person_text("> Fade in:")))
    assert b'Alignment="Left">\n      <Text>Fade in:' in export(typed, "fdx").content
    page = PdfReader(io.BytesIO(export(what, "pdf").content)).pages[1]
    rows = page.extract_text(extraction_mode="layout").split("\n")
    assert (rows[0], rows[-1][:50].strip()) == ("FADE IN:", "")


def test_html_escapes_markup():
    what = Edition(
        "<script>x</script>", tuple(parse_person_text("<b>&amp;\n\nMAYA: <i>")), ("<u>",)
    )
    text = export(what, "html").content.decode()
    assert not [tag for tag in ("<script", "<b>", "<i>", "<u>") if tag in text]
    assert "&lt;b&gt;&amp;amp;" in text


if __name__ == "__main__":
    for each in TEXTS:
        (GOLDEN / f"diner.{each}").write_bytes(export(EDITION, each).content)
