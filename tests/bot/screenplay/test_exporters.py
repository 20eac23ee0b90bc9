"""Test exported files against those in `golden/`, and with other people's parsers.

After an intended change, write the golden files again:
``python -m tests.bot.screenplay.test_exporters``.
"""

from __future__ import annotations

import datetime as dt
import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fountain import ElementType, FountainParser
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from screenplay_tools.fdx.parser import Parser as FinalDraftParser
from screenplay_tools.screenplay import ElementType as Part

from bot.i18n.catalogue import say, speaking
from bot.screenplay.elements import Element, Kind
from bot.screenplay.exporters.edition import MOST_CREDITS, Edition, make_edition
from bot.screenplay.exporters.export_formats import EXPORT_FORMATS, ExportedFile, PaperSize
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.importers.import_formats import read_script_file
from bot.screenplay.statistics import ScriptStatistics, WriterStatistics

from .test_importers import SCRIPT, nasty_elements

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


def printed(what: Edition, form: str, paper: PaperSize = PaperSize.LETTER) -> ExportedFile:
    return EXPORT_FORMATS[form].write(what, paper)


@pytest.mark.parametrize("form", TEXTS)
def test_the_file_is_as_it_was(form: str) -> None:
    expected = (GOLDEN / f"diner.{form}").read_bytes()
    assert printed(EDITION, form).content.decode() == expected.decode()


def test_another_parser_reads_the_same_fountain() -> None:
    document = FountainParser().parse(printed(EDITION, "fountain").content.decode())
    assert document.metadata["title"] == EDITION.title
    assert document.metadata["authors"].split("\n") == list(EDITION.authors)
    found = iter(document.elements)
    for element in EDITION.elements:
        match element.kind:
            case Kind.HEADING:
                scene = next(found)
                assert scene.type is ElementType.SCENE_HEADING
                assert scene.text.split(" #")[0] == element.body
            case Kind.DIALOGUE:
                cue = next(found)
                assert (cue.type, cue.text) == (ElementType.CHARACTER, element.cue)
                for line in element.shown[1:]:
                    said = next(found)
                    aside = line.startswith("(")
                    wanted = ElementType.PARENTHETICAL if aside else ElementType.DIALOGUE
                    assert (said.type, said.text) == (wanted, line)
            case Kind.TRANSITION:
                cut = next(found)
                assert (cut.type, cut.text) == (ElementType.TRANSITION, element.body)
            case Kind.ACTION:
                action = next(found)
                assert action.type is ElementType.ACTION
                assert action.text.replace("*", "") == element.body.replace("*", "")
    assert next(found, None) is None


@pytest.mark.parametrize("locale", ["en-GB", "de"])
def test_a_title_page_in_any_language_has_the_keys_of_the_format(locale: str) -> None:
    counted = ScriptStatistics(
        3, 9, 1, 1.0, (), (WriterStatistics("Ann", 2, 6),), (WriterStatistics("stage", 1, 3),)
    )
    with speaking(locale):
        what = make_edition("The Last Diner", EDITION.elements, counted, dt.date(2026, 11, 24))
        credit, voice = say("written by"), say("the voice “{name}”", name="stage")
        files = {form: printed(what, form).content for form in TEXTS}
    page = FountainParser().parse(files["fountain"].decode()).metadata
    assert list(page) == ["title", "credit", "authors", "draft date", "notes"]
    assert (page["credit"], page["authors"]) == (credit, f"Ann\n{voice}")
    for form in ("fountain", "fdx", "txt"):
        found = read_script_file(f"diner.{form}", files[form])
        assert found.title == "The Last Diner"
        assert len(found.elements) == len(EDITION.elements)


PLAIN = [one for one in EDITION.elements if "*" not in one.text]


def test_another_parser_reads_the_same_final_draft() -> None:
    # This parser reads only the first run of a paragraph, so nothing here is emphasised.
    what = Edition("The Diner", tuple(PLAIN))
    script = FinalDraftParser().parse(printed(what, "fdx").content.decode())
    found = [(one.type, one.text_raw or getattr(one, "name", "")) for one in script.elements]
    wanted: list[tuple[Part, str]] = []
    for element in PLAIN:
        match element.kind:
            case Kind.HEADING:
                wanted.append((Part.HEADING, element.body))
            case Kind.ACTION:
                wanted.append((Part.ACTION, element.body))
            case Kind.TRANSITION:
                wanted.append((Part.TRANSITION, element.body))
            case Kind.DIALOGUE:
                wanted.append((Part.CHARACTER, element.cue or ""))
                wanted += [
                    (Part.PARENTHETICAL, line[1:-1])
                    if line.startswith("(")
                    else (Part.DIALOGUE, line)
                    for line in element.shown[1:]
                ]
    assert found == wanted


def pages(paper: PaperSize, what: Edition = EDITION) -> list[str]:
    """Return the text of each page, after checking the page's size."""
    reader = PdfReader(io.BytesIO(printed(what, "pdf", paper).content))
    sizes = {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages}
    assert sizes == {(612, 792) if paper is PaperSize.LETTER else (595, 842)}
    assert reader.metadata is not None
    assert reader.metadata.title == what.title
    return [page.extract_text() for page in reader.pages]


@pytest.mark.parametrize("paper", list(PaperSize))
def test_a_pdf_has_a_title_page_and_all_that_is_said(paper: PaperSize) -> None:
    front, page = pages(paper)
    for words in (*EDITION.authors, *EDITION.shares, "written by", "2026-11-24"):
        assert words in front
    flat = " ".join(page.split())
    for element in EDITION.elements:
        for line in element.shown:
            assert " ".join(line.replace("*", "").split()) in flat
    _, without = pages(paper, replace(EDITION, scene_numbers=False))
    assert sorted(page.split()) == sorted([*without.split(), "1", "1", "2", "2"])


@pytest.mark.parametrize("paper", list(PaperSize))
def test_a_title_page_is_one_page(paper: PaperSize) -> None:
    name = "A person with quite a long name, who ends here"
    full = Edition(
        "A title" + " title" * 13,
        EDITION.elements,
        (name,) * MOST_CREDITS,
        (name * 2,) * MOST_CREDITS,
    )
    front, *rest = pages(paper, full)
    assert front.count("who ends here") >= 2 * MOST_CREDITS
    assert len(rest) == 1
    # The title takes two rows of its large letters, where the text's width would need only one.
    assert len(pages(paper, replace(EDITION, title="The Last Diner and Company x"))) == 2


def test_pages_are_numbered_from_the_second() -> None:
    long = Edition("Long", EDITION.elements * 12)
    _, first, *others = pages(PaperSize.LETTER, long)
    assert not first.startswith("1.")
    assert "2." in others[0]
    assert f"{len(others) + 1}." in others[-1]
    assert len(pages(PaperSize.A4, long)) <= len(others) + 2


def test_two_pdfs_at_once_are_those_that_they_are_alone() -> None:
    texts: dict[int, list[str]] = {}
    other = Edition("Other", tuple(parse_person_text("Wind. " * 200)))

    def work(n: int) -> None:
        texts[n] = pages(PaperSize.LETTER, EDITION if n % 2 else other)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert texts[0] == texts[2] == texts[4] == pages(PaperSize.LETTER, other)
    assert texts[1] == texts[3] == texts[5] == pages(PaperSize.LETTER)


def test_characters_that_a_page_leaves_out_are_named() -> None:
    assert printed(EDITION, "pdf").left_out == ""
    other = Edition("The Diner", (Element(Kind.ACTION, "茂は来た。茂 waits 😀."),))
    assert printed(other, "pdf").left_out == "茂は来た。😀"
    assert printed(other, "txt").left_out == ""


@settings(max_examples=25, deadline=None, derandomize=True)
@given(nasty_elements, st.text(max_size=30), st.booleans())
def test_anything_can_be_printed(elements: list[Element], title: str, numbers: bool) -> None:
    title = "".join(title.split())
    for form in EXPORT_FORMATS:
        assert printed(Edition(title, tuple(elements), scene_numbers=numbers), form).content


@pytest.mark.parametrize("text", ["a\n" * 740, "(a\n" * 490, "MAYA\n" + "(a)\n" * 370, "x" * 1490])
def test_long_elements_can_be_printed(text: str) -> None:
    [element] = parse_person_text(text)
    assert len(pages(PaperSize.LETTER, Edition("Long", (element, *PLAIN)))) >= 1


def test_who_wrote_how_much() -> None:
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
    many = tuple(WriterStatistics(f"Ann {n}", 1, 1) for n in range(MOST_CREDITS + 3))
    what = make_edition("The Diner", PLAIN, ScriptStatistics(11, 11, 0, 1.0, (), many, ()))
    assert what.authors[-1] == what.shares[-1] == "and 3 more"
    assert len(what.authors) == MOST_CREDITS + 1


def test_html_is_inert() -> None:
    what = Edition(
        "<script>x</script>", tuple(parse_person_text("<b>&amp;\n\nMAYA: <i>")), ("<u>",)
    )
    text = printed(what, "html").content.decode()
    assert not [tag for tag in ("<script", "<b>", "<i>", "<u>") if tag in text]
    assert "&lt;b&gt;&amp;amp;" in text


if __name__ == "__main__":
    for each in TEXTS:
        (GOLDEN / f"diner.{each}").write_bytes(printed(EDITION, each).content)
