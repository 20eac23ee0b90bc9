"""Test scripts that start from files."""

import asyncio
from typing import Any

import pytest

from bot.errors import RequestError
from bot.generation import prefill
from bot.generation.inputs import prime_model
from bot.interactions import attachments
from bot.screenplay.elements import Element
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.importers import LARGEST_SCRIPT_FILE
from bot.session import library
from bot.session.turn import NO_SCRIPT, Job, NewScript, Requester
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import HEADING, Stage, assert_private, labels, start_script
from tests.bot.playing import BY_PERSON, PAUSE, ask, click, edit, rewrite, write_lines
from tests.bot.session_harness import SessionHarness, texts

DINER = """Title: The Last Diner

INT. DINER - NIGHT #3#

Rain on the window. [[How long?]]

MAYA
(quietly)
You came.

CUT TO:
"""

FDX = """<?xml version="1.0" encoding="UTF-8"?><FinalDraft DocumentType="Script" Version="5">
<Content><Paragraph Type="Action"><Text>Rain.</Text></Paragraph></Content>
<TitlePage><Content><Paragraph Alignment="Center"><Text>The Diner</Text></Paragraph></Content>
</TitlePage></FinalDraft>"""


IMPORT_ANYWAY = "Import it anyway"


async def import_file(stage: Stage, name: str, content: bytes | str, **options: Any) -> Any:
    data = content if isinstance(content, bytes) else content.encode()
    return await ask(stage, "script import", file=(name, data), **options)


async def import_anyway(stage: Stage, name: str, content: bytes | str, **options: Any) -> Any:
    """Import a file, even if nobody speaks in it."""
    answer = await import_file(stage, name, content, **options)
    if answer and IMPORT_ANYWAY in labels(answer):
        answer = await click(stage.ann, answer, IMPORT_ANYWAY)
    return answer


async def test_a_file_becomes_the_script_of_the_channel(stage: Stage):
    await import_file(stage, "x.fountain", DINER, temperature=0.3)
    told = stage.panel().content
    assert told.startswith("-# Imported 4 lines. Left out: 1 note, comment or section.")
    assert "Scene numbers were left out" in told
    assert labels(stage.panel()) == BY_PERSON
    await assert_channel_is_true(stage)
    lines = [HEADING, "Rain on the window.", "MAYA\n(quietly)\nYou came.", "CUT TO:"]
    assert await stage.lines() == lines
    stored = await stage.session.library.load_lines()
    assert {(line.author, line.credit) for line in stored} == {(stage.ann.id, "Ann")}
    script = await stage.script()
    assert (script.title, script.preferences["temperature"]) == ("The Last Diner", 0.3)
    await stage.ben.click(stage.panel(), label="Continue")
    assert len(await stage.lines()) == 5
    await assert_channel_is_true(stage)
    await stage.ben.slash(stage.channel, "undo")
    assert (await ask(stage, "undo", stage.ben)).ephemeral
    await stage.ann.slash(stage.channel, "undo")
    assert await stage.lines() == lines[:-1]


async def test_what_a_file_loses_is_named(stage: Stage):
    await import_file(stage, "x.fountain", "> END <\n\n===\n\nJO\nHi. [[No.]]\n\nMAYA ^\nHi.")
    assert stage.panel().content.startswith(
        "-# Imported 3 lines. Left out: 1 note, comment or section and 1 page break. Converted to "
        "plain speech or action: dual dialogue and centred text."
    )


async def test_a_file_without_speech_begins_only_if_that_is_confirmed(stage: Stage):
    await start_script(stage)
    asked = await click(stage.ann, await import_file(stage, "x.txt", "Rain."), PAUSE)
    assert_private(asked, "No speech was found.")
    assert await stage.lines() == [HEADING]
    await stage.ann.click(asked, label=IMPORT_ANYWAY)
    assert await stage.lines() == ["Rain."]


async def test_the_authors_on_a_title_page_are_credited(stage: Stage):
    page = "Title: Night\nCredit: by\nAuthor: Zoë Müller\nAuthor: Søren\nContact: me\n\n"
    await import_file(stage, "x.fountain", f"{page}Rain.\n\nJO\nWind.", heading="Roof")
    kept = "Only the title and the authors were kept from the title page."
    assert stage.panel().content.startswith(f"-# Imported 3 lines. {kept}\n")
    await write_lines(stage, "Snow.", by=stage.ann)
    await write_lines(stage, "Hail.", by=stage.ben)
    await rewrite(stage, await edit(stage, line="2"), "Fog. Mist. Haze.")
    exported = await ask(stage, "script export", format="fountain")
    text = (await exported.attachments[0].read()).decode()
    assert "\nAuthors:\n    Ann\n    Ben\n    Zoë Müller, Søren\n" in text
    # The importer may change them, and others may not.
    assert_private(await ask(stage, "script edit", stage.ben, line="3"), stage.ann.mention)
    stage.channel = stage.guild.create_text_channel("another")
    await import_file(stage, "x.fountain", text)
    assert {line.credit for line in await stage.session.library.load_lines()} == {
        "Ann, Ben, Zoë Müller, Søren"
    }


async def test_options_go_before_what_the_file_says(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    # Of the two voices here, "other" stands for the one of films.
    monkeypatch.setattr(
        "bot.session.library.find_fitting_model",
        lambda heading: "other" if heading.startswith(("INT.", "ACT")) else None,
    )
    stage.services.settings.model_fields_set.discard("model")
    for name, content, options, title, voice in (
        ("x.fountain", DINER, {}, "The Last Diner", "other"),
        ("x.fountain", DINER, {"heading": "A roof"}, "The Last Diner", "tiny"),
        ("x.fountain", DINER, {"voice": "tiny"}, "The Last Diner", "tiny"),
        ("a.txt", "ACT I\n\nRain.", {}, "a", "other"),
        ("a.txt", ".TEASER\n\nINT. ROOF\n\nRain.", {}, "a", "other"),
        ("a.fdx", FDX, {}, "The Diner", "tiny"),
        ("a.fdx", FDX, {"title": "Mine"}, "Mine", "tiny"),
        ("x.fountain", "Title: " + "x" * 200 + "\n\nRain.", {}, "x" * 100, "tiny"),
        ("my_play.txt", "maya: Hello.", {"heading": "Roof", "cast": "Maya"}, "my play", "tiny"),
    ):
        stage.channel = stage.guild.create_text_channel("another")
        await import_anyway(stage, name, content, **options)
        script = await stage.script()
        assert (script.title, script.model) == (title, voice)
    assert await stage.lines() == [".ROOF", "MAYA\nHello."]
    assert script.cast == ["MAYA"]


async def test_an_invalid_file_is_refused_in_a_sentence(stage: Stage):
    for name, content, why in (
        ("a.pdf", b"%PDF", r"a \.fountain, \.fdx or \.txt file"),
        ("a.txt", b"a" * (LARGEST_SCRIPT_FILE + 1), "1.0 MB"),
        ("a.fdx", FDX[:150].encode(), "not a Final Draft script"),
    ):
        assert_private(await import_file(stage, name, content), why)
    assert stage.messages() == []
    assert await stage.script() is None
    begun = await import_anyway(stage, "a.txt", "茂は来た。雨が降っている。")
    assert "cannot read some" in begun.content


async def test_a_running_script_is_paused_only_for_a_file_that_can_be_read(stage: Stage):
    await start_script(stage)
    asked = await import_file(stage, "a.txt", b"\0\0\0")
    assert_private(await click(stage.ann, asked, PAUSE), "is not text")
    assert await stage.lines() == [HEADING]
    asked = await import_file(stage, "x.fountain", DINER)
    assert labels(asked) == ["Continue it", PAUSE]
    await stage.ann.click(asked, label=PAUSE)
    assert len(await stage.lines()) == 4


def make_play(lines: int) -> list[Element]:
    texts = (f"MAYA\nThis is line {n} of a play that is long." for n in range(lines))
    return parse_person_text("\n\n".join(texts))


async def import_play(
    harness: SessionHarness, lines: int, job: Job | None = None, **how: Any
) -> Any:
    new = NewScript(title="Long", **how)
    library = harness.session.library
    return await library.import_script(harness.writer(), new, make_play(lines), job or Job())


async def test_a_long_script_is_read_as_if_line_by_line(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prefill, "CHUNK_SIZE", 300)  # so that it takes several requests
    await import_play(harness, 30)
    lines = await harness.lines()
    assert texts(lines) == [element.text for element in make_play(30)]
    assert [line.parent for line in lines] == [None, *(line.id for line in lines[:-1])]
    assert await harness.state(lines[-1]) == await harness.read_from_start(lines)
    states = [await harness.state(line) for line in lines]
    kept = [n for n, state in enumerate(states) if state is not None]
    assert 3 < len(kept) < 8
    assert states[kept[0]] == await harness.read_from_start(lines[: kept[0] + 1])
    engine = await harness.models.engine("tiny")
    primed = await prime_model(engine, None, 1)
    for line in (lines[0], lines[kept[0]], lines[kept[0] + 1], lines[-1]):
        known = await harness.store.states.find_surprisal(line.id, engine.model.fingerprint)
        state = await harness.session.reader.load_state(primed, line.parent)
        fresh = (await prefill.read_text(primed, state, line.text)).surprisal
        assert known is not None
        assert known.tolist() == fresh.astype("float16").tolist()


async def test_no_script_starts_if_its_reading_is_stopped(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prefill, "CHUNK_SIZE", 300)
    job = Job()
    work = asyncio.ensure_future(import_play(harness, 30, job))
    while not job.progress.share_read:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    assert not harness.session.library.lock.locked()
    job.stop()
    with pytest.raises(RequestError, match="Stopped while reading the script"):
        await work
    assert await harness.store.scripts.find_running_script(1) is None


async def test_a_script_started_during_the_reading_is_not_paused(harness: SessionHarness):
    work = asyncio.ensure_future(import_play(harness, 20, replaced=NO_SCRIPT))
    await asyncio.sleep(0)
    await harness.start()
    with pytest.raises(RequestError, match="See /script list, or"):
        await work
    assert (await harness.session.library.load_script()).title == "The Diner"


async def test_settings_changed_during_the_reading_are_kept(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prefill, "CHUNK_SIZE", 300)
    await harness.start()
    await harness.change_preferences({"ping": True})
    job = Job()
    work = asyncio.ensure_future(import_play(harness, 30, job))
    while not job.progress.share_read:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    await harness.change_preferences({"ping": None, "look": "page"})
    script = (await work).script
    assert (script.title, script.preferences["look"]) == ("Long", "page")
    assert "ping" not in script.preferences


async def test_a_script_that_has_got_lines_meanwhile_is_not_paused_without_asking(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    read_attachment = attachments.read_attachment

    async def read_and_write(*arguments: Any) -> Any:
        await stage.session.continuation.write(Requester(3, "Cid", "message"), "Snow.")
        return await read_attachment(*arguments)

    await stage.ann.slash(stage.channel, "start", title="Nothing yet")
    monkeypatch.setattr(attachments, "read_attachment", read_and_write)
    assert_private(await import_file(stage, "x.fountain", DINER), "“Nothing yet” has lines now.")
    assert await stage.lines() == ["Snow."]


async def test_the_next_turn_reads_what_the_start_had_no_time_for(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(library, "READING_TIME_LIMIT", 0.0)
    assert (await import_play(harness, 20)).unread == 20
    lines = await harness.lines()
    assert len(lines) == 20
    assert await harness.state(lines[-1]) is None
    [line] = await harness.continue_script(seed=1)
    assert await harness.state(line) == await harness.read_from_start([*lines, line])


async def test_an_import_says_how_much_the_voice_has_not_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(library, "READING_TIME_LIMIT", 0.0)
    await import_file(stage, "play.fountain", "MAYA\nHello.\n\nJONAS\nGood night.\n")
    said = "Imported 2 lines. The voice will read the last 2 when it continues."
    assert said in stage.panel().content


async def test_an_import_says_where_its_first_lines_are(stage: Stage):
    await import_file(stage, "play.txt", "\n\n".join(f"MAYA: {n}." for n in range(11)))
    said = "Imported 11 lines. The last 10 are shown here, and all in </script show:"
    assert said in stage.panel().content


async def test_a_script_may_have_thousands_of_lines(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(library, "READING_TIME_LIMIT", 0.0)
    turn = await import_play(harness, 1_200)
    path = await harness.store.lines.load_path_ids(turn.script.head)
    assert path == list(range(path[0], path[0] + 1_200))
    await harness.undo()
    assert len(await harness.lines()) == 1_199
