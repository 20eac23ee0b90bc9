"""Test /model: the list, the choice and the description of voices, and changes of their files."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.inference.anatomy import Anatomy
from bot.inference.registry import ModelFile
from bot.settings import SHIPPED_MODELS
from bot.ui.images import curve
from bot.ui.images.curve import Curve, describe_curve, parse_curve
from bot.ui.images.pictures import IMAGE_WIDTH
from bot.ui.model_cards import format_model_card
from tests.bot.conftest import Stage, answer, fields, moderator, start_script
from tests.bot.inference.test_registry import put

REREAD = "The voice has changed: “{}” has read the script and continues it."


@pytest.fixture
def models(voices: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own with the two voices."""
    return Path(shutil.copytree(voices, tmp_path / "models"))


async def model(stage: Stage, command: str, by: Any = None, **options: Any) -> Any:
    return answer(await (by or stage.ann).slash(stage.channel, f"voice {command}", **options))


async def continue_with_seed(stage: Stage, **options: Any) -> str:
    """Let the voice write a line, and return its name, the line, and the panel."""
    await stage.continue_with_seed(stage.ben, stage.channel, seed=1, **options)
    last = (await stage.session.library.load_lines())[-1]
    return f"-# {last.credit}, seed 1\n{stage.messages()[-2].content}\n{stage.panel().content}"


def administrator(stage: Stage) -> Any:
    return moderator(stage, "Ada", manage_guild=True)


async def test_all_voices_are_listed_with_what_they_have_read(stage: Stage, models: Path):
    (models / "bad.onnx").write_bytes(b"")
    listed = await model(stage, "list")
    assert listed.ephemeral
    head, bad, other, tiny = listed.content.split("\n")
    assert "</voice use:" in head
    assert bad.replace("\\", "").startswith(
        "- **bad**: bad.onnx is damaged, or not an ONNX file. Export"
    )
    assert other == "- **other**: a few scenes of Shakespeare"
    assert tiny == "- **tiny**: a few scenes of Shakespeare (for new scripts)"


async def test_a_long_list_is_cut(stage: Stage, models: Path):
    for number in range(80):
        shutil.copy(models / "tiny.onnx", models / f"voice-{number:02}.onnx")
    listed = (await model(stage, "list")).content
    assert len(listed) < 2000
    shown = listed.count("\n- **")
    assert listed.endswith(f"\n- and {82 - shown} more")


async def test_an_administrator_chooses_the_voice_of_new_scripts(stage: Stage):
    ada = administrator(stage)
    await start_script(stage)
    told = await model(stage, "use", by=ada, voice="other")
    assert not told.ephemeral
    assert "“other” writes new scripts here from now on" in told.content
    assert "-# tiny, seed 1" in await continue_with_seed(stage)
    assert "**other**: a few scenes of Shakespeare (for new scripts)" in (
        (await model(stage, "list")).content
    )
    asked = await start_script(stage, title="New")
    await stage.ann.click(asked.response, label="Pause it and start the new one")
    await stage.restart()
    assert "-# other, seed 1" in await continue_with_seed(stage)
    # A reset of the settings goes back to the server's voice.
    reset = await stage.ann.slash(stage.channel, "settings reset", setting="voice")
    assert "voice other" in answer(reset).content
    show = answer(await stage.ann.slash(stage.channel, "settings show"))
    assert "- voice other" in show.content
    # Another server has its own choice.
    guild = stage.world.create_guild("The Other SessionHarness")
    channel = guild.create_text_channel("stage")
    eve = guild.add_member(stage.world.create_user("Eve"))
    await stage.world.settle()
    await eve.slash(channel, "start", heading="Roof")
    await eve.slash(channel, "continue")
    assert (await stage.services.sessions.get(channel.id).library.load_lines())[-1].credit == "tiny"


async def test_a_choice_whose_file_has_gone_leaves_the_one_that_is_set(stage: Stage, models: Path):
    await model(stage, "use", by=administrator(stage), voice="other")
    (models / "other.onnx").unlink()
    await start_script(stage)
    assert "-# tiny, seed 1" in await continue_with_seed(stage)


async def test_nobody_else_chooses(stage: Stage):
    await start_script(stage)
    for by in (stage.ann, moderator(stage)):
        refused = await model(stage, "use", by=by, voice="other")
        assert refused.ephemeral
        assert "You need the **Manage Server**" in refused.content
    refused = await model(stage, "use", by=stage.ben, voice="other", script=True)
    assert "Only the script's owner or a moderator" in refused.content
    refused = await model(stage, "use", by=administrator(stage), voice="nobody")
    assert refused.ephemeral
    assert "There is no voice “nobody”" in refused.content
    assert "-# tiny, seed 1" in await continue_with_seed(stage)


async def test_a_change_of_voice_is_said_once_and_the_old_states_come_back(stage: Stage):
    await start_script(stage)
    before = await continue_with_seed(stage)
    await stage.ann.slash(stage.channel, "undo")
    told = await model(stage, "use", voice="other", script=True)
    assert "“other” writes this script from now on, and reads it first." in told.content
    assert stage.panel().content.endswith("** · other")
    assert REREAD.format("other") in await continue_with_seed(stage)
    assert "has changed: “" not in await continue_with_seed(stage)
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "undo")
    await model(stage, "use", voice="tiny", script=True)
    head = (await stage.session.library.load_script()).head
    engine = await stage.services.voices.engine("tiny")
    assert await stage.store.states.find_state(head, engine.model.fingerprint) is not None
    again = await continue_with_seed(stage)
    assert REREAD.format("tiny") in again
    assert again.splitlines()[:-2] == before.splitlines()[:-1]


async def test_a_line_that_is_rewritten_says_it_once(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    await continue_with_seed(stage)
    await model(stage, "use", voice="other", script=True)
    window = await stage.ann.slash(stage.channel, "script edit", line=2)
    await stage.ann.submit_modal(window, {fields(window)["Text"]: "Snow."})
    assert f"-# {REREAD.format('other')}\n" in stage.panel().content
    # The lines below are copies, so the next line follows one that the old voice read.
    await stage.restart()
    assert "has changed: “" not in await continue_with_seed(stage)


async def test_a_changed_file_takes_over_and_says_so(stage: Stage, models: Path):
    await start_script(stage)
    await continue_with_seed(stage)
    put(models / "other.onnx", models / "tiny.onnx")
    await model(stage, "list")
    assert REREAD.format("tiny") in await continue_with_seed(stage)
    lines = await stage.session.library.load_lines()
    first, second = [line.origin["fingerprint"] for line in lines if line.author is None]
    assert first != second


async def test_a_voice_is_shown_with_its_figures_and_its_curve(stage: Stage):
    shown = await model(stage, "info", voice="tiny")
    assert shown.ephemeral
    name, corpus, language, licence, trained, styles, size, judged, fp = shown.content.split("\n")
    assert name == "**tiny**"
    assert corpus == "Training texts: a few scenes of Shakespeare"
    assert language == "Language: English"
    assert licence == "Licence: public domain"
    assert re.fullmatch(r"Training ended: <t:\d+:D>", trained)
    assert styles == "Styles to start a script in: storm, ghost story"
    assert re.fullmatch(r"Size: 0\.\d MB", size)
    assert re.search(r": the tempest \d\.\d{3}, the comedy of errors \d\.\d{3}$", judged)
    voice = (await stage.services.voices.engine("tiny")).model
    assert fp == f"-# fingerprint {voice.fingerprint[:12]}"
    [picture] = shown.attachments
    assert "How “tiny” learned: on unseen text" in picture.description
    assert Image.open(io.BytesIO(await picture.read())).size == (IMAGE_WIDTH, curve.CURVE_HEIGHT)


async def test_the_voice_that_writes_here_is_shown_if_none_is_named(stage: Stage):
    assert (await model(stage, "info")).content.startswith("**tiny**")
    await start_script(stage, voice="other")
    shown = await model(stage, "info", everyone=True)
    assert shown.content.startswith("**other**")
    assert not shown.ephemeral


async def test_without_the_right_to_attach_files_the_words_are_shown(stage: Stage):
    closed = stage.closed(attach_files=False)
    shown = answer(await stage.ann.slash(closed, "voice info", voice="tiny"))
    assert "Licence: public domain" in shown.content
    assert not shown.attachments


async def test_voices_are_suggested(stage: Stage):
    for command in ("voice use", "voice info", "start", "settings writing"):
        found = await stage.ann.autocomplete(stage.channel, command, "voice", "ot")
        assert [one["value"] for one in found] == ["other"]


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"curve": "[not JSON"},
        {"curve": "7"},
        {"curve": json.dumps({"training": [], "validation": []})},
        {"curve": json.dumps({"training": [], "validation": [["a", 1]]})},
        {"curve": json.dumps({"training": [], "validation": [[1, float("nan")]]})},
        {"curve": json.dumps({"training": [[1, 1e300]], "validation": [[1, 2.0]]})},
    ],
    ids=str,
)
def test_a_file_without_a_curve_has_no_picture(about: dict[str, str]):
    assert parse_curve({f"onbook.{key}": value for key, value in about.items()}) is None


@pytest.mark.parametrize("name", ["screen", "stage"])
def test_a_shipped_voice_has_a_curve(name: str):
    found = parse_curve(Anatomy.of((SHIPPED_MODELS / f"{name}.onnx").read_bytes()).metadata)
    assert found is not None
    step, bits = found.best
    assert 1 < bits < 2
    assert f"at best after {step:,.0f}" in describe_curve(name, found)


@pytest.mark.parametrize(
    "one",
    [
        Curve((), ((0.0, 2.0),)),
        Curve(((1.0, 9.0), (2.0, 8.0)), ((1.0, 900.0), (2.0, 3.0))),
        Curve((), tuple((float(step), 1.0 + step) for step in range(500))),
    ],
    ids=["a point", "dear", "long"],
)
def test_any_curve_can_be_drawn(one: Curve):
    picture = Image.open(io.BytesIO(curve.draw_curve("x" * 100, one)))
    assert picture.size == (IMAGE_WIDTH, curve.CURVE_HEIGHT)
    assert describe_curve("x" * 2000, one)


def test_of_many_texts_a_card_tells_the_mean():
    texts = [{"name": f"film-{bits}", "exported": float(bits)} for bits in range(7)]
    about = {"onbook.evaluation": json.dumps({"texts": texts})}
    found = ModelFile("odd", (0, 2_000_000, 0), about=about)
    assert "7 unseen texts: 3.000 on average" in format_model_card(found)


@pytest.mark.parametrize("evaluation", ["", "7", '{"texts": 7}', '{"texts": [7, {"name": 3}]}'])
def test_a_card_leaves_out_what_a_file_does_not_say(evaluation: str):
    about = {"onbook.evaluation": evaluation, "onbook.trained": "yesterday"}
    told = format_model_card(ModelFile("odd", (0, 2_000_000, 0), about=about))
    assert told == "**odd**\nLanguage: English\nSize: 2.0 MB\n-# fingerprint "


async def test_a_heading_chooses_the_voice_unless_the_server_has(stage: Stage, models: Path):
    for name in ("screen", "stage"):
        shutil.copy(models / "tiny.onnx", models / f"{name}.onnx")

    async def voice(heading: str) -> str:
        asked = await stage.ann.slash(stage.channel, "start", heading=heading)
        if shown := answer(asked):
            await stage.ann.click(shown, label="Pause it and start the new one")
        script = await stage.script()
        return script.voice

    assert await voice("INT. DINER - NIGHT") == "screen"
    assert await voice("Act II") == "stage"
    assert await voice("A room") == "tiny"
    await model(stage, "use", by=administrator(stage), voice="other")
    assert await voice("INT. DINER - NIGHT") == "other"
