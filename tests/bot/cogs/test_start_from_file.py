"""Test scripts that begin from files."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.errors import RequestError
from bot.generation import prefill
from bot.generation.openings import prime_model
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.importers.import_formats import LARGEST_SCRIPT_FILE
from bot.session import library
from bot.session.turn import NO_SCRIPT, Job, NewScript
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import Stage, answer, labels, start_script
from tests.bot.screenplay.test_importers import FDX
from tests.bot.session_harness import SessionHarness

DINER = """Title: The Last Diner

INT. DINER - NIGHT

Rain on the window. [[How long?]]

MAYA
(quietly)
You came.

CUT TO:
"""


async def bring_in(stage: Stage, name: str, content: bytes | str, **options: Any) -> Any:
    data = content if isinstance(content, bytes) else content.encode()
    return await stage.ann.slash(stage.channel, "script import", file=(name, data), **options)


async def test_scene_numbers_are_said_to_be_left_out(stage: Stage):
    await bring_in(stage, "x.fountain", b"INT. DINER #3#\n\nRain.")
    assert "Scene numbers were left out" in stage.panel().content
    assert await stage.lines() == ["INT. DINER", "Rain."]


async def test_a_file_becomes_the_script_of_the_channel(stage: Stage):
    await bring_in(stage, "x.fountain", DINER, temperature=0.3)
    assert stage.panel().content.startswith(
        "-# Imported 4 lines. Left out: 1 note, comment or section."
    )
    assert labels(stage.panel()) == ["Continue", "Undo", "Write", "More…"]
    await assert_channel_is_true(stage)
    assert await stage.lines() == [
        "INT. DINER - NIGHT",
        "Rain on the window.",
        "MAYA\n(quietly)\nYou came.",
        "CUT TO:",
    ]
    lines = await stage.session.library.load_lines()
    assert {(line.author, line.credit) for line in lines} == {(stage.ann.id, "Ann")}
    script = await stage.script()
    assert (script.title, script.options["temperature"]) == ("The Last Diner", 0.3)
    await stage.ben.click(stage.panel(), label="Continue")
    assert len(await stage.lines()) == 5
    await assert_channel_is_true(stage)
    await stage.ben.slash(stage.channel, "undo")
    refused = await stage.ben.slash(stage.channel, "undo")
    assert answer(refused).ephemeral
    await stage.ann.slash(stage.channel, "undo")
    assert len(await stage.lines()) == 3


async def test_the_first_heading_of_a_file_suggests_the_voice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    # Of the two voices here, "other" stands for the one of films.
    monkeypatch.setattr(
        "bot.cogs.starting.suggest_voice", lambda heading: "other" if "INT." in heading else None
    )
    scripts = stage.services.store.scripts
    for options, voice in (
        ({}, "other"),
        ({"heading": "A roof"}, "tiny"),
        ({"voice": "tiny"}, "tiny"),
    ):
        await bring_in(stage, "x.fountain", DINER, **options)
        script = await scripts.find_running_script(stage.channel.id)
        assert (script and script.voice) == voice
        await scripts.delete_script(script.id)


async def test_titles(stage: Stage):
    for name, content, options, title in (
        ("my_play.txt", "MAYA: Hello.", {}, "my play"),
        ("a.fdx", FDX, {}, "The Diner"),
        ("a.fdx", FDX, {"title": "Mine"}, "Mine"),
        ("x.fountain", "Title: " + "x" * 200 + "\n\nRain.", {}, "x" * 100),
    ):
        stage.channel = stage.guild.create_text_channel("another")
        await bring_in(stage, name, content, **options)
        assert (await stage.script()).title == title


async def test_a_heading_and_a_cast_may_be_given_too(stage: Stage):
    await bring_in(stage, "a.txt", "MAYA: Hello.", heading="Roof", cast="Maya")
    assert await stage.lines() == [".ROOF", "MAYA\nHello."]
    assert (await stage.script()).cast == ["MAYA"]


async def test_what_is_no_script_is_refused_in_a_sentence(stage: Stage):
    for name, content, why in (
        ("a.pdf", b"%PDF", r"a \.fountain, \.fdx or \.txt file"),
        ("a.txt", b"a" * (LARGEST_SCRIPT_FILE + 1), "1.0 MB"),
        ("a.fdx", FDX[:300].encode(), "not a Final Draft script"),
    ):
        refused = answer(await bring_in(stage, name, content))
        assert refused.ephemeral
        assert why in refused.content
    assert stage.messages() == []
    assert await stage.script() is None


async def test_a_script_that_runs_is_shelved_only_for_a_file_that_can_be_read(stage: Stage):
    await start_script(stage)
    asked = (await bring_in(stage, "a.txt", b"\0\0\0")).response
    refused = answer(await stage.ann.click(asked, label="Pause it and start the new one"))
    assert refused.ephemeral
    assert "is not text" in refused.content
    assert await stage.lines() == ["INT. DINER - NIGHT"]
    asked = (await bring_in(stage, "x.fountain", DINER)).response
    assert labels(asked) == ["Continue it", "Pause it and start the new one"]
    await stage.ann.click(asked, label="Pause it and start the new one")
    assert len(await stage.lines()) == 4


async def test_letters_that_the_voice_cannot_read_are_told_of(stage: Stage):
    begun = await bring_in(stage, "a.txt", "茂は来た。雨が降っている。")
    assert "cannot read many" in answer(begun).content


def a_play(lines: int) -> str:
    return "\n\n".join(f"MAYA\nThis is line {n} of a play that is long." for n in range(lines))


async def test_a_long_script_is_read_as_if_line_by_line(harness: SessionHarness):
    elements = parse_person_text(a_play(150))
    await harness.session.library.import_script(harness.writer(), NewScript(title="Long"), elements)
    lines = await harness.lines()
    assert [line.text for line in lines] == [one.text for one in elements]
    assert [line.parent for line in lines] == [None, *(line.id for line in lines[:-1])]
    assert await harness.state(lines[-1]) == await harness.read_from_start(lines)
    states = [await harness.state(line) for line in lines]
    kept = [n for n, state in enumerate(states) if state is not None]
    assert 3 < len(kept) < 8
    assert states[kept[0]] == await harness.read_from_start(lines[: kept[0] + 1])
    engine = await harness.voices.engine("tiny")
    for line in (lines[0], lines[kept[0]], lines[kept[0] + 1], lines[-1]):
        known = await harness.store.states.find_surprisal(line.id, engine.model.fingerprint)
        primed = await prime_model(engine, None, 1)
        state = await harness.session.reader.load_state(primed, line.parent)
        fresh = (await prefill.read_text(primed, state, line.text)).surprise
        assert known is not None
        assert known.tolist() == fresh.astype("float16").tolist()


async def test_stopped_while_it_is_read_no_script_begins(harness: SessionHarness):
    patience = Job()
    work = asyncio.ensure_future(
        harness.session.library.import_script(
            harness.writer(), NewScript(title="Long"), parse_person_text(a_play(200)), patience
        )
    )
    while not patience.progress.share_read:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    assert not harness.session.library.lock.locked()
    patience.stop()
    with pytest.raises(RequestError, match="Stopped while reading the script"):
        await work
    assert await harness.store.scripts.find_running_script(1) is None


async def test_a_script_that_began_meanwhile_is_not_shelved(harness: SessionHarness):
    work = asyncio.ensure_future(
        harness.session.library.import_script(
            harness.writer(),
            NewScript(title="Long", replaced=NO_SCRIPT),
            parse_person_text(a_play(40)),
        )
    )
    await asyncio.sleep(0)
    await harness.start()
    with pytest.raises(RequestError, match="Another script was started here"):
        await work
    assert (await harness.session.library.load_script()).title == "The Diner"


async def test_what_there_was_no_time_to_read_is_read_by_whoever_goes_on(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(library, "READING_TIME_LIMIT", 0.0)
    await harness.session.library.import_script(
        harness.writer(), NewScript(title="Long"), parse_person_text(a_play(50))
    )
    lines = await harness.lines()
    assert len(lines) == 50
    assert await harness.state(lines[-1]) is None
    [line] = await harness.continue_script(seed=1)
    assert await harness.state(line) == await harness.read_from_start([*lines, line])


async def test_thousands_of_lines(harness: SessionHarness, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(library, "READING_TIME_LIMIT", 0.0)
    elements = parse_person_text(a_play(1_200))
    turn = await harness.session.library.import_script(
        harness.writer(), NewScript(title="Long"), elements
    )
    path = await harness.store.lines.load_path_ids(turn.script.head)
    assert path == list(range(path[0], path[0] + 1_200))
    await harness.undo()
    assert len(await harness.lines()) == 1_199
