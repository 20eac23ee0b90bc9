"""Test /voice: the list, the choice and the description of voices, and changes of their files."""

import io
import re
import shutil
from pathlib import Path

from PIL import Image

from bot.ui.images import curve
from bot.ui.images.pictures import IMAGE_WIDTH
from tests.bot.conftest import Stage, answer, assert_private, fields, moderator, start_script
from tests.bot.playing import PAUSE, ask, edit, replace_script, suggest
from tests.bot.voice_files import replace_file

CHANGES_MODELS = True

REREAD = "The voice has changed: “{}” has read the script and continues it."


async def continue_script(stage: Stage) -> str:
    """Let the voice write a line as Ben asks; return the name of the voice."""
    await stage.continue_with_seed(stage.ben, seed=1)
    return (await stage.last_line()).credit


async def test_voices_are_listed_with_their_uses_and_suggested(stage: Stage, models: Path):
    (models / "bad.onnx").write_bytes(b"")
    await start_script(stage)
    listed = await ask(stage, "voice")
    assert listed.ephemeral
    head, bad, other, tiny = listed.content.split("\n")
    assert "`onbook-export`" in bad
    assert "</voice:" in head
    assert bad.replace("\\", "").startswith(
        "- **bad**: bad.onnx is damaged, or not an ONNX file. Export"
    )
    assert other == "- **other**: a few scenes of Shakespeare"
    assert tiny == "- **tiny**: a few scenes of Shakespeare (for this script, for new scripts)"
    await ask(stage, "voice", voice="other", use="script")
    rows = (await ask(stage, "voice")).content.split("\n")[2:]
    assert [row.rpartition(" (")[2] for row in rows] == ["for this script)", "for new scripts)"]
    for command in ("voice", "start"):
        assert await suggest(stage, command, "voice", "ot") == ["other"]


async def test_an_administrator_chooses_the_voice_of_new_scripts(stage: Stage, models: Path):
    shutil.copy(models / "tiny.onnx", models / "screen.onnx")  # suggested by the headings here
    stage.services.settings.model_fields_set.discard("model")
    ada = moderator(stage, "Ada", manage_guild=True)
    await start_script(stage)
    for by, voice, use, why in (
        (stage.ann, "other", "server", "You need the **Manage Server**"),
        (moderator(stage), "other", "server", "You need the **Manage Server**"),
        (stage.ben, "other", "script", "Only the script's owner or a moderator"),
        (ada, "nobody", "server", "There is no voice “nobody”"),
    ):
        assert_private(await ask(stage, "voice", by, voice=voice, use=use), why)
    told = await ask(stage, "voice", ada, voice="other", use="server")
    assert not told.ephemeral
    assert told.content.startswith("From now on, “other” writes new scripts on this server. ")
    assert "keep their voice; </voice:" in told.content
    assert await continue_script(stage) == "screen"
    listed = await ask(stage, "voice")
    assert "**other**: a few scenes of Shakespeare (for new scripts)" in listed.content
    await replace_script(stage)
    await stage.restart()
    assert await continue_script(stage) == "other"
    # A reset of the settings goes back to the server's voice.
    reset = await ask(stage, "settings", setting="voice", value="reset")
    assert "voice to other" in reset.content
    shown = await ask(stage, "settings", setting="everything")
    assert "\nVoice: other\n" in shown.content
    # Another server has its own choice.
    guild = stage.world.create_guild("The Other Playhouse")
    channel = guild.create_text_channel("stage")
    eve = guild.add_member(stage.world.create_user("Eve"))
    await eve.slash(channel, "start", heading="Roof")
    assert (await stage.store.scripts.find_running_script(channel.id)).model == "tiny"
    # Without its file, it is as if nobody had chosen a voice.
    (models / "other.onnx").unlink()
    refused = await ask(stage, "settings", setting="voice", value="other")
    assert_private(refused, "There is no voice “other”")
    await stage.restart()
    gone = await ask(stage, "continue")
    assert_private(gone, "This script's voice, “other”, is gone.")
    assert "choose another with </voice:" in gone.content
    await replace_script(stage)
    assert await continue_script(stage) == "screen"
    reset = await ask(stage, "settings", setting="everything", value="reset")
    assert "“other”" not in reset.content
    asked = await ask(stage, "start", surprise=True)
    await stage.ann.click(asked, label=PAUSE)
    assert (await stage.script()).model in ("screen", "tiny")


async def test_a_change_of_voice_is_said_once(stage: Stage, models: Path):
    await start_script(stage, style="storm")
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    await continue_script(stage)
    told = await ask(stage, "voice", voice="other", use="script")
    assert "From now on, “other” writes this script. It reads the script first." in told.content
    assert told.content.endswith("has no style “storm”, so the script now has none.")
    assert "** · other · To write, " in stage.panel().content
    window = await edit(stage, line="2")
    await stage.ann.submit_modal(window, {fields(window)["Text"]: "Snow."})
    assert f"-# {REREAD.format('other')}\n" in stage.panel().content
    # The lines below are copies, so the next line follows one that the old voice read.
    await stage.restart()
    await continue_script(stage)
    assert "has changed: “" not in stage.panel().content
    # Another file under the same name is another voice.
    replace_file(models / "other.onnx", models / "tiny.onnx")
    await ask(stage, "voice")
    await continue_script(stage)
    assert f"-# {REREAD.format('other')}\n" in stage.panel().content
    lines = await stage.session.library.load_lines()
    first, _, third = [line.origin["fingerprint"] for line in lines if line.author is None]
    assert first == third


async def test_a_voice_is_shown_with_its_figures_and_its_curve(stage: Stage):
    assert "Also fill in `voice:`." in (await ask(stage, "voice", use="server")).content
    shown = await ask(stage, "voice", voice="tiny")
    assert shown.ephemeral
    name, corpus, language, licence, trained, styles, size, judged, fp = shown.content.split("\n")
    assert name == "**tiny**"
    assert corpus == "Training texts: a few scenes of Shakespeare"
    assert language == "Language: English"
    assert licence == "Licence: public domain"
    assert re.fullmatch(r"Training ended: <t:\d+:D>", trained)
    assert styles == "Styles for starting a script: storm, ghost story"
    assert re.fullmatch(r"Size: 0\.\d MB", size)
    assert re.search(r": the tempest \d\.\d{3}, the comedy of errors \d\.\d{3}$", judged)
    voice = (await stage.services.models.engine("tiny")).model
    assert fp == f"-# fingerprint {voice.fingerprint[:12]}"
    [picture] = shown.attachments
    assert "How “tiny” learned: on unseen text" in picture.description
    assert Image.open(io.BytesIO(await picture.read())).size == (IMAGE_WIDTH, curve.CURVE_HEIGHT)
    shown = await ask(stage, "voice", voice="other", everyone=True)
    assert shown.content.startswith("**other**")
    assert not shown.ephemeral
    closed = stage.closed(attach_files=False)
    shown = answer(await stage.ann.slash(closed, "voice", voice="tiny"))
    assert "Licence: public domain" in shown.content
    assert not shown.attachments
