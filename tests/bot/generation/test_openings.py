"""Test openings, the styles that a script begins in, from the voice's file to the last line."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ModelError
from bot.generation import openings
from bot.inference.model import LONGEST_OPENING, Model
from bot.inference.request import Request
from bot.inference.sandbox import examine_file
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import format_for_model, split_fountain
from bot.session.replay import Verdict, replay_script
from bot.session.surprisal import load_last_surprisal
from bot.session.turn import ContinueRequest, Job, NewScript, ScriptPosition, TurnResult
from bot.storage.schema import Line
from bot.ui.replay_report import format_report
from tests.bot.conftest import Stage, answer, start_script
from tests.bot.session_harness import SessionHarness, texts
from tests.conftest import STYLES
from training.voice_file import Voice

PASSAGES = {style: text.strip("\n") for style, text in tomllib.loads(STYLES.read_text()).items()}


@pytest.fixture
def models(voices: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own with the two voices."""
    return Path(shutil.copytree(voices, tmp_path / "models"))


def say_of_itself(path: Path, passages: object) -> None:
    """Give a voice file other openings; None removes them."""
    voice = Voice.read(path)
    others = {name: one for name, one in voice.metadata.items() if name != "onbook.openings"}
    told = passages if isinstance(passages, str) else json.dumps(passages)
    Voice(voice.graph, others if passages is None else others | {"onbook.openings": told}).write(
        path
    )


async def state_at_the_end(harness: SessionHarness, voice: str = "tiny") -> bytes:
    """Return the state of the last line for a voice: stored, or read again."""
    script = await harness.session.library.load_script()
    reading = await harness.session.reader.open_model(voice, script.style)
    return (await harness.session.reader.load_state(reading, script.head)).tobytes()


async def read_after(
    harness: SessionHarness, opening: str, lines: list[Line], voice: str = "tiny"
) -> bytes:
    """Return the state of a voice that read an opening's text, and then the text of these lines."""
    engine = await harness.voices.engine(voice)
    read = [*(split_fountain(opening) if opening else ()), *(line.text for line in lines)]
    tokens = engine.model.encode("".join(map(format_for_model, read)))
    return (await engine.run(Request(engine.model.start(), tokens))).state.tobytes()


async def begun(harness: SessionHarness, style: str | None) -> TurnResult:
    """Begin a script with a short line, because a tiny voice soon forgets its opening."""
    await harness.start(heading=None, style=style)
    return await harness.write("Rain.")


async def check_it_has_read(harness: SessionHarness, opening: str, voice: str = "tiny") -> None:
    """Raise AssertionError where the voice has not read this opening before the script."""
    lines = await harness.lines()
    state = await state_at_the_end(harness, voice)
    assert state == await read_after(harness, opening, lines, voice)
    others = {"", *PASSAGES.values()} - {opening}
    assert all([state != await read_after(harness, one, lines, voice) for one in others])


def test_a_file_with_openings_has_the_same_fingerprint_as_without(models: Path):
    path = models / "tiny.onnx"
    before = Model.load(path, 1)
    assert before.openings == PASSAGES
    say_of_itself(path, None)
    after = Model.load(path, 1)
    assert (after.openings, after.fingerprint) == ({}, before.fingerprint)


BAD: list[tuple[object, str]] = [
    ([], "its openings are invalid or too many"),
    ("[", "its metadata cannot be read"),
    ({f"style {n}": "Rain." for n in range(26)}, "its openings are invalid or too many"),
    ({"": "Rain."}, "a style has an invalid name"),
    ({"two\nlines": "Rain."}, "a style has an invalid name: two lines"),
    ({"x" * 41: "Rain."}, "a style has an invalid name: xxx"),
    ({"\ud800": "Rain."}, "a style has an invalid name"),
    ({"noir": 7}, "an opening is not text, or is too long: noir"),
    ({"noir": "x" * (LONGEST_OPENING + 1)}, "an opening is not text, or is too long: noir"),
    ({"noir": ""}, "an opening is not plain Fountain: noir"),
    ({"noir": "Rain.\n\n\n\nWind."}, "an opening is not plain Fountain: noir"),
    ({"noir": "Rain.\u200b"}, "an opening is not plain Fountain: noir"),
    ({"noir": "# A section"}, "an opening is not plain Fountain: noir"),
]


def test_the_examination_says_what_is_wrong_with_openings(models: Path):
    path = models / "tiny.onnx"
    for passages, why in BAD:
        say_of_itself(path, passages)
        refusal = examine_file(path)["refusal"]
        assert refusal["certain"]
        assert why in str(ModelError(refusal["sentence"], **refusal["fields"]))
    say_of_itself(path, {"film": "INT. ROOM - DAY\n\nCUT TO:\n\nFADE OUT."})
    assert examine_file(path)["refusal"] is None


async def test_a_script_begins_where_its_opening_ends(harness: SessionHarness):
    for style, passage in ((None, ""), *PASSAGES.items()):
        await begun(harness, style)
        await check_it_has_read(harness, passage)
    # The opening is no part of the script, and the lines do not look back to it.
    assert texts(await harness.lines()) == ["Rain."]
    reading = await harness.session.reader.open_model("tiny", "storm")
    standing = await harness.session.reader.load_context(reading, None, Job().progress)
    assert len(standing.recent_tokens) == 0


async def test_an_opening_is_read_once(harness: SessionHarness, monkeypatch: pytest.MonkeyPatch):
    engine = await harness.voices.engine("tiny")
    asked: list[int] = []
    run = engine.run

    async def counted(request: Any) -> Any:
        asked.append(len(request.prompt))
        return await run(request)

    monkeypatch.setattr(engine, "run", counted)
    first = await openings.prime_model(engine, "storm", None)
    second = await openings.prime_model(engine, "storm", None)
    other = await openings.prime_model(engine, "ghost story", None)
    none = await openings.prime_model(engine, "no such style", None)
    assert first.start is second.start
    assert [first.fingerprint == one.fingerprint for one in (second, other, none)] == [
        *(True, False, False)
    ]
    assert none.fingerprint == engine.model.fingerprint
    # Two elements share one newline; one stands before the first, and one behind the last.
    assert asked == [len(text) + 2 for text in PASSAGES.values()]


async def test_it_is_there_after_a_restart_and_read_again(harness: SessionHarness):
    await begun(harness, "ghost story")
    before = texts(await harness.continue_script(1))
    await harness.undo()
    await harness.restart("DELETE FROM states")
    assert (await harness.session.library.load_script()).style == "ghost story"
    await check_it_has_read(harness, PASSAGES["ghost story"])
    assert texts(await harness.continue_script(1)) == before


async def test_a_file_is_read_after_the_opening(harness: SessionHarness):
    brought = [Element(Kind.ACTION, "Rain.")]
    turn = await harness.session.library.import_script(
        harness.writer(), NewScript(title="Brought", style="storm"), brought
    )
    assert turn.script.style == "storm"
    await check_it_has_read(harness, PASSAGES["storm"])
    await harness.write("Hail.")
    await check_it_has_read(harness, PASSAGES["storm"])


async def test_what_surprised_the_voice_is_judged_after_the_opening(harness: SessionHarness):
    await begun(harness, "storm")
    kept = (await load_last_surprisal(harness.session, 1, 600))[2][0]
    await harness.restart("DELETE FROM states")
    reading, [line], [again] = await load_last_surprisal(harness.session, 1, 600)
    assert again == pytest.approx(kept, abs=0.05)
    expected = await harness.session.reader.predict_logits(reading, line, 1)
    await begun(harness, None)
    reading, [line], [plain] = await load_last_surprisal(harness.session, 1, 600)
    assert plain != pytest.approx(kept, abs=0.05)
    assert (
        expected.tolist()
        != (await harness.session.reader.predict_logits(reading, line, 1)).tolist()
    )


async def test_a_fork_and_a_branch_keep_it(harness: SessionHarness):
    turn = await begun(harness, "storm")
    fork = await harness.fork("Another", channel=2)
    assert fork.script.style == "storm"
    there = harness.sessions.get(2)
    written = (await there.continuation.generate(harness.writer(), ContinueRequest(seed=2))).lines
    assert texts(written) == texts(await harness.continue_script(2))
    await harness.undo()
    await harness.session.history.rewrite(
        harness.writer(), ScriptPosition(turn.script.id, turn.lines[0].id), "Hail."
    )
    await check_it_has_read(harness, PASSAGES["storm"])


async def test_a_voice_without_the_style_reads_none(harness: SessionHarness):
    await begun(harness, "storm")
    await harness.change_preferences({"voice": "other"})
    await check_it_has_read(harness, "", "other")
    await harness.continue_script(2)
    await harness.undo()
    await harness.change_preferences({"voice": "tiny"})
    await check_it_has_read(harness, PASSAGES["storm"])
    await harness.continue_script(3)
    await harness.change_preferences({"voice": "other"})
    await harness.continue_script(4)
    found = await replay_script(harness.session, Job())
    assert [one.verdict for one in found.findings] == [Verdict.PERSON, *[Verdict.PROVED] * 2]


@pytest.mark.parametrize("passages", [None, {"storm": "Rain."}], ids=["gone", "another"])
async def test_a_script_goes_on_when_its_opening_is_another_or_gone(
    harness: SessionHarness, models: Path, passages: dict[str, str] | None
):
    await harness.start(heading=None, style="storm")
    await harness.continue_script(1, temperature=2.0)
    say_of_itself(models / "tiny.onnx", passages)
    await harness.restart()
    turn = await harness.session.continuation.generate(harness.writer(), ContinueRequest(seed=2))
    assert turn.new_model == "tiny"
    found = await replay_script(harness.session, Job())
    old, new = found.findings
    assert (old.verdict, new.verdict) == (Verdict.UNPROVED, Verdict.PROVED)
    assert "the voice's opening has changed: line 1." in format_report(found)
    await harness.undo()
    await harness.undo()
    await harness.write("Rain.")
    await check_it_has_read(harness, (passages or {}).get("storm", ""))


async def test_a_style_is_chosen_among_those_of_the_voice(stage: Stage):
    async def suggested(typed: str, **others: str) -> list[str]:
        found = await stage.ann.autocomplete(stage.channel, "start", "style", typed, **others)
        return [choice["value"] for choice in found]

    assert await suggested("") == ["storm", "ghost story"]
    assert await suggested("GHO") == ["ghost story"]
    assert await suggested("", voice="other") == []
    assert await suggested("", voice="nobody") == []
    assert await suggested("", voice="tiny") == ["storm", "ghost story"]


async def test_nobody_sees_more_of_an_opening_than_its_style(stage: Stage):
    await start_script(stage, style=" Storm ")
    await stage.continue_with_seed(stage.ben, stage.channel, seed=1)
    assert (await stage.session.library.load_script()).style == "storm"
    shown = answer(await stage.ann.slash(stage.channel, "settings show"))
    assert "\n- voice tiny\n" in shown.content
    assert "\n- **style storm**\n" in shown.content
    await stage.ann.slash(stage.channel, "script show")
    exported = answer(await stage.ann.slash(stage.channel, "script export", format="fountain"))
    [file] = exported.attachments
    seen = [file, *stage.sent(), *(message.content for message in stage.messages())]
    assert "BOATSWAIN" not in str(seen)


async def test_somebody_alone_is_told_which_styles_there_are(stage: Stage):
    refused = answer(await start_script(stage, style="noir"))
    assert refused.ephemeral
    assert refused.content == "“tiny” has no style “noir”. Choose from storm, ghost story."
    refused = answer(await start_script(stage, style="noir", voice="other"))
    assert refused.content == "“other” has no styles. Leave out style."
    assert await stage.store.scripts.list_scripts(stage.channel.id) == []
    await start_script(stage)
    shown = answer(await stage.ann.slash(stage.channel, "settings show"))
    assert "style" not in shown.content
