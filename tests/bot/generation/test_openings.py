"""Test openings: passages that a voice reads before a script, to set its style."""

import shutil
import tomllib
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest

import bot
from bot.errors import RequestError
from bot.generation.inputs import prime_model
from bot.generation.openings import TRANSLATED_STYLES, find_style, label_style
from bot.i18n.catalogue import speaking
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.inference.request import Request
from bot.inference.sandbox import ModelSandbox, find_error
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import format_for_model, split_fountain
from bot.session.preferences import STYLE
from bot.session.replay import Verdict, replay_script
from bot.session.surprisal import load_last_surprisal
from bot.session.turn import ContinueRequest, Job, NewScript, TurnResult
from bot.ui.pages.replay_report import format_report
from tests.bot.conftest import Stage, answer, start_script
from tests.bot.playing import suggest
from tests.bot.session_harness import SessionHarness, texts
from tests.bot.voice_files import write_voice
from tests.conftest import STYLES
from training.voice_file import Voice

CHANGES_MODELS = True

SHIPPED = Path(bot.__file__).parent / "models"

PASSAGES = {style: text.strip("\n") for style, text in tomllib.loads(STYLES.read_text()).items()}


@pytest.fixture(autouse=True)
def _examinations(monkeypatch: pytest.MonkeyPatch):
    """Examine voices in this process, because a child takes longer than most tests here."""
    monkeypatch.setattr(ModelSandbox, "_run_child", lambda _, content, file: find_error(content))


async def begin(harness: SessionHarness, style: str | None) -> TurnResult:
    """Begin a script with a short line, because a tiny voice soon forgets its opening."""
    await harness.start(heading=None, style=style)
    return await harness.write("Rain.")


async def check_opening(harness: SessionHarness, opening: str, voice: str = "tiny") -> bytes:
    """Check that the state, stored or read again, is that after this opening; return the state."""
    script, reader = await harness.session.library.load_script(), harness.session.reader
    reading = await reader.open_model(voice, STYLE.of(script))
    found = await reader.load_state(reading, script.head)
    engine = await harness.models.engine(voice)
    lines = [line.text for line in await harness.lines()]
    state = engine.model.start()
    for read in (split_fountain(opening) if opening else (), lines):
        tokens = engine.model.encode("".join(map(format_for_model, read)))
        if len(tokens):
            # The tone of an opening is kept, and its words are not.
            begin, end = engine.model.memory
            state[begin:end] = 0
            state = (await engine.run(Request(state, tokens))).state.copy()
    assert found.tobytes() == state.tobytes()
    return state.tobytes()


async def test_the_opening_of_the_style_is_read_before_the_script(harness: SessionHarness):
    states = set()
    for style, passage in ((None, ""), *PASSAGES.items()):
        await begin(harness, style)
        states.add(await check_opening(harness, passage))
    assert len(states) == 3
    # The opening is no part of the script, and the lines do not look back to it.
    assert texts(await harness.lines()) == ["Rain."]
    reading = await harness.session.reader.open_model("tiny", "storm")
    standing = await harness.session.reader.load_context(reading, None, Job().progress)
    assert len(standing.recent_tokens) == 0


async def test_an_opening_is_read_once(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "run", run := Mock(wraps=engine.run))
    styles = ("storm", "storm", "ghost story", "no such style")
    first, second, other, none = [await prime_model(engine, style, None) for style in styles]
    assert first.start is second.start
    assert first.fingerprint == second.fingerprint
    assert len({first.fingerprint, other.fingerprint, none.fingerprint}) == 3
    assert none.fingerprint == engine.model.fingerprint
    # Two elements share one newline; one stands before the first, and one behind the last.
    lengths = [len(call.args[0].prompt) for call in run.call_args_list]
    assert lengths == [len(text) + 2 for text in PASSAGES.values()]


async def test_a_restart_keeps_the_opening_and_what_follows_from_it(harness: SessionHarness):
    await begin(harness, "storm")
    [bits] = (await load_last_surprisal(harness.session, 1, 600))[2]
    before = texts(await harness.continue_script(1))
    await harness.undo()
    await harness.restart("DELETE FROM states")
    reading, [line], [again] = await load_last_surprisal(harness.session, 1, 600)
    assert again == pytest.approx(bits, abs=0.05)
    await check_opening(harness, PASSAGES["storm"])
    assert texts(await harness.continue_script(1)) == before
    # Without the opening, the surprisal and the next character are others.
    logits = await harness.session.reader.predict_logits(reading, line, 1)
    await begin(harness, None)
    reading, [line], [plain] = await load_last_surprisal(harness.session, 1, 600)
    assert plain != pytest.approx(bits, abs=0.05)
    others = await harness.session.reader.predict_logits(reading, line, 1)
    assert others.tolist() != logits.tolist()


async def test_an_imported_script_is_read_after_the_opening(harness: SessionHarness):
    brought = [Element(Kind.ACTION, "Rain.")]
    turn = await harness.session.library.import_script(
        harness.writer(), NewScript(title="Brought", style="storm"), brought, Job()
    )
    assert STYLE.of(turn.script) == "storm"
    await check_opening(harness, PASSAGES["storm"])
    await harness.write("Hail.")
    await check_opening(harness, PASSAGES["storm"])


async def test_a_fork_and_a_branch_keep_the_opening(harness: SessionHarness):
    turn = await begin(harness, "storm")
    fork = await harness.fork("Another", channel=2)
    assert STYLE.of(fork.script) == "storm"
    there = harness.sessions.get(2)
    written = (await there.continuation.generate(harness.writer(), ContinueRequest(seed=2))).lines
    assert texts(written) == texts(await harness.continue_script(2))
    await harness.undo()
    await harness.rewrite(turn.lines[0], "Hail.")
    await check_opening(harness, PASSAGES["storm"])


async def test_a_voice_without_the_style_reads_no_opening(harness: SessionHarness):
    await begin(harness, "storm")
    await harness.change_preferences({"voice": "other"})
    await check_opening(harness, "", "other")
    await harness.continue_script(2)
    await harness.undo()
    await harness.change_preferences({"voice": "tiny"})
    await check_opening(harness, "")
    await harness.change_preferences({"style": "storm"})
    await check_opening(harness, PASSAGES["storm"])
    await harness.continue_script(3)
    await harness.change_preferences({"voice": "other"})
    await harness.continue_script(4)
    found = await replay_script(harness.session, Job())
    assert [item.verdict for item in found.findings] == [Verdict.PERSON, *[Verdict.PROVED] * 2]


@pytest.mark.parametrize("changed", [None, '{"storm": "Rain."}'], ids=["gone", "another"])
async def test_a_script_goes_on_after_its_opening_has_changed(
    harness: SessionHarness, models: Path, changed: str | None
):
    await harness.start(heading=None, style="storm")
    await harness.continue_script(1, temperature=2.0)
    path = models / "tiny.onnx"
    write_voice(path, Voice.read(path), openings=changed)
    await harness.restart()
    turn = await harness.session.continuation.generate(harness.writer(), ContinueRequest(seed=2))
    assert turn.new_model == ""  # because the network is the same
    found = await replay_script(harness.session, Job())
    old, new = found.findings
    assert (old.verdict, new.verdict) == (Verdict.UNPROVED, Verdict.PROVED)
    assert "the voice's opening has changed: line 1." in format_report(found)
    await harness.undo()
    await harness.undo()
    await harness.write("Rain.")
    await check_opening(harness, "Rain." if changed else "")


async def test_lines_replay_after_another_style_was_chosen(harness: SessionHarness):
    await harness.start(heading=None, style="storm")
    await harness.continue_script(1, temperature=2.0)
    await harness.change_preferences({"style": "ghost story"})
    await harness.continue_script(2, temperature=2.0)
    await harness.change_preferences({"style": None})
    await harness.continue_script(3, temperature=2.0)
    found = await replay_script(harness.session, Job())
    assert [(item.verdict, item.reasons) for item in found.findings] == [(Verdict.PROVED, ())] * 3


async def test_only_the_name_of_the_style_is_shown(stage: Stage):
    await start_script(stage, style=" Storm ")
    await stage.continue_with_seed(stage.ben, seed=1)
    assert STYLE.of(await stage.session.library.load_script()) == "storm"
    shown = answer(await stage.ann.slash(stage.channel, "settings", setting="everything"))
    assert "\nVoice: tiny\n" in shown.content
    assert "\nStyle: storm (none)\n" in shown.content
    await stage.ann.slash(stage.channel, "script show")
    exported = answer(await stage.ann.slash(stage.channel, "script export", format="fountain"))
    [file] = exported.attachments
    seen = [file, *stage.sent(), *(message.content for message in stage.messages())]
    assert "BOATSWAIN" not in str(seen)


async def test_only_styles_of_the_voice_are_suggested_and_taken(stage: Stage):
    suggest_style = partial(suggest, stage, "start", "style")
    for voice in ({}, {"voice": "tiny"}):
        assert await suggest_style("", **voice) == ["storm", "ghost story"]
    assert await suggest_style("GHO") == ["ghost story"]
    for name in ("other", "nobody"):
        assert await suggest_style("", voice=name) == []
    refused = answer(await start_script(stage, style="noir"))
    assert refused.ephemeral
    told = "“tiny” has no style “noir”. Choose from storm, ghost story. Here is what you wrote:"
    assert refused.content.startswith(told)
    refused = answer(await start_script(stage, style="gohst story"))
    assert "Did you mean “ghost story”? Here is" in refused.content
    refused = answer(await start_script(stage, style="noir", voice="other"))
    assert refused.content.startswith("“other” has no styles. Leave out `style:`. Here is")
    assert await stage.store.scripts.list_scripts(stage.channel.id) == []
    await start_script(stage)
    shown = answer(await stage.ann.slash(stage.channel, "settings", setting="everything"))
    assert "\nStyle: none\n" in shown.content


async def test_a_heading_suggests_styles_and_a_surprise_draws_a_voice_that_has_the_style(
    stage: Stage, models: Path
):
    shutil.copy(models / "other.onnx", models / "screen.onnx")
    stage.services.settings.model_fields_set.discard("model")
    assert await suggest(stage, "start", "style", "", heading="INT. DINER") == []
    await stage.ann.slash(stage.channel, "start", surprise=True, style="STORM")
    script = await stage.session.library.load_script()
    assert (script.model, STYLE.of(script)) == ("tiny", "storm")


@pytest.mark.parametrize("locale", ["en-GB", "de"])
def test_a_style_is_known_by_its_name_in_any_language(locale: str):
    model = cast("Model", SimpleNamespace(name="tiny", openings={"noir": "", "{storm}": ""}))
    with speaking(locale):
        for style in model.openings:
            assert find_style(model, label_style(style).upper()) == style
            assert find_style(model, style.upper()) == style
        with pytest.raises(RequestError) as refused:
            find_style(model, "farce")
        assert refused.value.fields["styles"] == f"{label_style('noir')}, {{storm}}"


def test_styles_of_the_shipped_voices_have_names_in_other_languages():
    for voice in SHIPPED.glob("*.onnx"):
        model = Model.load(voice)
        assert model.openings
        assert model.openings.keys() <= TRANSLATED_STYLES
