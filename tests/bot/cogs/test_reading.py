"""Test exports and pictures of a script, as people ask for them."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import text

from bot.cogs.reading import make_file_name
from bot.screenplay.importers.import_formats import read_script_file
from bot.session.surprisal import load_last_surprisal
from bot.storage.schema import Script
from tests.bot.conftest import Stage, answer, labels, start_script

WRITTEN = "Rain on the *window*.\n\nMAYA: (quietly) You came.\n\ncut to:"


async def written(stage: Stage, **how: Any) -> None:
    """Write some lines by two people and the voice."""
    await start_script(stage, **how)
    await stage.ben.slash(stage.channel, "write", text=WRITTEN)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=3, lines=2)


async def attached(shown: Any) -> tuple[str, bytes, str | None]:
    """Return the name, the content and the description of an answer's only file."""
    [file] = shown.response.attachments
    return file.filename, await file.read(), file.description


async def test_an_export_begins_a_script_of_the_same_lines(stage: Stage):
    await written(stage, title="The *Last* Diner")
    lines = await stage.lines()
    for form in ("fountain", "fdx", "txt"):
        how = {"format": form, "scene_numbers": True}
        told = await stage.ben.slash(stage.channel, "script export", **how)
        assert told.response.ephemeral
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


async def test_a_pdf_says_who_wrote_how_much(stage: Stage):
    await written(stage)
    for paper, width in (("a4", 595), ("letter", 612)):
        told = await stage.ann.slash(stage.channel, "script export", format="pdf", paper=paper)
        name, content, _ = await attached(told)
        assert name == "the-diner.pdf"
        front, page = PdfReader(io.BytesIO(content)).pages
        assert round(page.mediabox.width) == width
    assert "The Diner" in front.extract_text()
    told_there = [row.strip() for row in front.extract_text().split("\n")]
    assert told_there[:5] == ["The Diner", "written by", "Ben", "Ann", "the voice “tiny”"]
    assert any(row.startswith("Ben: 3 lines, 9 words (") for row in told_there)
    assert "Rain on the window." in page.extract_text()


async def test_a_letter_that_the_pdf_lacks_is_told_of(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="茂: こんにちは")
    told = await stage.ann.slash(stage.channel, "script export", format="pdf")
    assert "lacks “茂こんにちは”, and the PDF leaves that out." in told.response.content


async def test_a_letter_that_a_picture_lacks_is_told_of(stage: Stage):
    await start_script(stage)
    commands = "script stats", "script surprise"
    await stage.ann.slash(stage.channel, "write", text="Zoë: “Nein …” — 3 · ½")
    for command in commands:
        told = await stage.ann.slash(stage.channel, command)
        assert "lacks" not in told.response.content
    await stage.ann.slash(stage.channel, "write", text="@茂: こんにちは")
    for command in commands:
        told = await stage.ann.slash(stage.channel, command)
        assert "lacks “茂" in told.response.content
        assert "”, and the picture leaves that out." in told.response.content


async def test_what_cannot_be_shown_is_refused(stage: Stage):
    empty, closed = stage.guild.create_text_channel("empty"), stage.closed(attach_files=False)
    await stage.ann.slash(empty, "start", title="Untitled")
    await start_script(stage, closed)
    for command, options in (
        ("script export", {"format": "pdf"}),
        ("script stats", {}),
        ("script surprise", {}),
    ):
        refused = answer(await stage.ann.slash(stage.channel, command, **options))
        assert (refused.ephemeral, labels(refused)) == (True, ["Start a script"])
        for channel, why in ((empty, "is empty"), (closed, "**Attach Files**")):
            refused = answer(await stage.ann.slash(channel, command, **options))
            assert refused.ephemeral
            assert why in refused.content


def test_file_names() -> None:
    def named(title: str) -> str:
        return make_file_name(Script(title=title))

    assert named("The Last Diner!") == "the-last-diner"
    assert named("../..\\x") == "x"
    assert named("!") == "script"
    assert len(named("x" * 100)) == 60


def picture(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.width) == ("PNG", 920)
    return image


async def test_stats(stage: Stage):
    await written(stage)
    told = await stage.ben.slash(stage.channel, "script stats")
    assert told.response.ephemeral
    assert told.response.content.startswith("**The Diner**: 6 lines, ")
    assert "less than a minute" in told.response.content
    name, content, words = await attached(told)
    assert name == "the-diner-stats.png"
    picture(content)
    assert words is not None
    assert re.search(r"MAYA \d+ words in \d lines?", words)
    assert "Ben 9 words in 3 lines" in words
    assert "Voices: tiny " in words
    told = await stage.ben.slash(stage.channel, "script stats", everyone=True)
    assert not told.response.ephemeral
    assert stage.messages()[-1].id == told.response.id


async def test_surprise(stage: Stage):
    await written(stage)
    told = await stage.ben.slash(stage.channel, "script surprise", lines=5)
    assert told.response.ephemeral
    assert told.response.content.startswith("How the last 5 lines surprised “tiny”: ")
    name, content, words = await attached(told)
    assert name == "the-diner-surprise.png"
    image = picture(content)
    assert words is not None
    assert words.count("Expected: ") == 3
    assert len(words) <= 1000
    fewer = await stage.ben.slash(stage.channel, "script surprise", lines=1, everyone=True)
    assert not fewer.response.ephemeral
    _, content, _ = await attached(fewer)
    assert picture(content).height < image.height


async def test_surprise_does_not_hang_on_what_was_kept(stage: Stage):
    await written(stage)
    kept = await stage.ann.slash(stage.channel, "script surprise", lines=6)
    room = stage.session
    engine, lines, costs = await load_last_surprisal(room, 6, 1000)
    model = engine.model
    async with stage.store._database.writing() as session:
        await session.execute(text("DELETE FROM states"))
    _, _, again = await load_last_surprisal(room, 6, 1000)
    for one, other in zip(costs, again, strict=True):
        assert np.allclose(one, other, rtol=1e-3, atol=1e-3)
    assert [len(one) for one in costs] == [len(model.encode(line.text)) + 1 for line in lines]
    shown = await stage.ann.slash(stage.channel, "script surprise", lines=6)
    assert shown.response.content == kept.response.content


async def test_an_exported_script_is_what_is_shown(stage: Stage):
    await written(stage)
    exported = await stage.ann.slash(stage.channel, "script export", format="fountain")
    shown = await stage.ann.slash(stage.channel, "script show")
    name, content, _ = await attached(exported)
    _, other, _ = await attached(shown)
    assert read_script_file(name, content).elements == read_script_file(name, other).elements
