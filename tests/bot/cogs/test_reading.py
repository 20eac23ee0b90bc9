"""Test exports and pictures of a script, and details of a line, as people ask for them."""

import asyncio
import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from bot.cogs.reading import make_file_name
from bot.screenplay.exporters import EXPORT_FORMATS
from bot.screenplay.exporters.edition import Edition
from bot.screenplay.exporters.export_formats import ExportedFile, PaperSize
from bot.screenplay.importers import read_script_file
from bot.storage.schema import Script
from tests.bot.conftest import Stage, answer, assert_private, labels, start_script
from tests.bot.playing import ask, click, open_menu, use_on_message, write


async def write_script(stage: Stage, **how: Any) -> None:
    """Write some lines by two people and the voice."""
    await start_script(stage, **how)
    await write(stage, "Rain on the *window*.\n\nMAYA: (quietly) You came.\n\ncut to:")
    await stage.continue_with_seed(stage.ann, seed=3, lines=2)


async def attached(shown: Any) -> tuple[str, bytes, str]:
    """Return the name, the content and the description of a message's only file."""
    [file] = shown.attachments
    return file.filename, await file.read(), file.description


async def test_an_export_starts_a_script_of_the_same_lines(stage: Stage):
    await write_script(stage, title="The *Last* Diner")
    lines = await stage.lines()
    for form in ("fountain", "fdx", "txt"):
        told = await ask(stage, "script export", stage.ben, format=form, scene_numbers=True)
        assert told.ephemeral
        name, content, _ = await attached(told)
        assert name == f"the-last-diner.{form}"
        elsewhere = stage.guild.create_text_channel("elsewhere")
        await stage.ann.slash(elsewhere, "script import", file=(name, content))
        assert f"Imported {len(lines)} lines" in stage.panel(elsewhere).content
        # A page shows emphasis, but not its marks.
        shown = [line.replace("\\", "") for line in lines]
        assert [line.replace("\\", "") for line in await stage.lines(elsewhere)] == shown
        script = await stage.store.scripts.find_running_script(elsewhere.id)
        assert script.title == "The *Last* Diner"
    name, content, _ = await attached(await ask(stage, "script export", format="fountain"))
    _, other, _ = await attached(await ask(stage, "script show"))
    assert read_script_file(name, content).elements == read_script_file(name, other).elements


@pytest.mark.usefixtures("record_table_read")
async def test_exports_leave_the_threads_of_lines_free(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    pool, pdf, free = ThreadPoolExecutor(1), EXPORT_FORMATS["pdf"], list[int]()

    def write(edition: Edition, paper: PaperSize) -> ExportedFile:
        free.append(pool.submit(int).result(10))  # fails where this has the only thread
        return pdf.write(edition, paper)

    await start_script(stage)
    asyncio.get_running_loop().set_default_executor(pool)
    monkeypatch.setitem(EXPORT_FORMATS, "pdf", replace(pdf, write=write))
    await ask(stage, "script export", format="pdf")
    await click(stage.ann, await open_menu(stage, stage.ann, "The end"), "End it")
    assert len(free) == 2


async def test_a_pdf_credits_its_writers(stage: Stage):
    await write_script(stage)
    for paper, width in (("a4", 595), ("letter", 612)):
        told = await ask(stage, "script export", format="pdf", paper=paper)
        name, content, _ = await attached(told)
        assert name == "the-diner.pdf"
        front, page = PdfReader(io.BytesIO(content)).pages
        assert round(page.mediabox.width) == width
    told_there = [row.strip() for row in front.extract_text().split("\n")]
    assert told_there[:5] == ["The Diner", "written by", "Ben", "Ann", "the voice “tiny”"]
    assert any(row.startswith("Ben: 3 lines, 9 words (") for row in told_there)
    assert "Rain on the window." in page.extract_text()


async def test_letters_that_a_typeface_lacks_are_listed(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="Zoë: “Nein …” — 3 · ½")
    for what in ("writers", "guesses"):
        assert "lacks" not in (await ask(stage, "script stats", what=what)).content
    await stage.ann.slash(stage.channel, "write", text="@茂: こんにちは")
    for what in ("writers", "guesses"):
        told = await ask(stage, "script stats", what=what)
        assert "lacks “茂" in told.content
        assert "so these are missing or shown as ?. </script show:" in told.content
    told = await ask(stage, "script export", format="pdf")
    assert "lacks “茂こんにちは”, so these are missing or shown as ?. An HTML" in told.content


async def test_files_are_refused_without_a_line_or_a_permission(stage: Stage):
    empty, closed = stage.guild.create_text_channel("empty"), stage.closed(attach_files=False)
    await stage.ann.slash(empty, "start", title="Untitled")
    await start_script(stage, closed)
    for command, options in (
        ("script export", {"format": "pdf"}),
        ("script stats", {}),
        ("script stats", {"what": "guesses"}),
    ):
        refused = await ask(stage, command, **options)
        assert (refused.ephemeral, labels(refused)) == (True, ["Start a script", "Surprise me"])
        for channel, why in ((empty, "is empty"), (closed, "**Attach Files**")):
            assert_private(answer(await stage.ann.slash(channel, command, **options)), why)


@pytest.mark.parametrize(
    ("title", "name"), [("../..\\x", "x"), ("!", "script"), ("x" * 100, "x" * 60)]
)
def test_file_names(title: str, name: str):
    assert make_file_name(Script(title=title)) == name


def open_picture(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.width) == ("PNG", 920)
    return image


async def test_pictures_of_a_script(stage: Stage):
    await write_script(stage)
    told = await ask(stage, "script stats", stage.ben)
    assert_private(told, "**The Diner**: 6 lines · ", "less than a minute")
    name, content, words = await attached(told)
    assert name == "the-diner-stats.png"
    open_picture(content)
    assert re.search(r"MAYA \d+ words in \d lines?", words)
    assert "Ben 9 words in 3 lines" in words
    assert "Voices: tiny " in words
    told = await ask(stage, "script stats", stage.ben, everyone=True)
    assert not told.ephemeral
    assert stage.messages()[-1].id == told.id

    told = await ask(stage, "script stats", stage.ben, what="guesses", lines=5)
    assert_private(told, "How well “tiny” guessed the last 5 lines: ")
    name, content, words = await attached(told)
    assert name == "the-diner-guesses.png"
    image = open_picture(content)
    assert words.count("Expected: ") == 3
    assert len(words) <= 1000
    fewer = await ask(stage, "script stats", stage.ben, what="guesses", lines=1, everyone=True)
    assert not fewer.ephemeral
    _, content, _ = await attached(fewer)
    assert open_picture(content).height < image.height


async def test_details_are_shown_to_the_person_who_asks(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, seed=7)
    heading, line = stage.messages()[-3:-1]
    said = await stage.ben.send(stage.channel, "hello")
    of_heading, of_line, of_nothing = [
        await use_on_message(stage, stage.ben, "Details", message)
        for message in (heading, line, said)
    ]
    assert of_line.ephemeral
    for part in ("tiny", "seed 7", "mood lively", "quality quick", "bits per character"):
        assert part in of_line.content
    assert "Ann" in of_heading.content
    assert "seed" not in of_heading.content
    assert of_nothing.content.startswith("That message does not show a line of a script.")
