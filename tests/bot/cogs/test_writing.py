"""Test how people add lines and take them back: by commands, by buttons, and by the window."""

import re

import discord
import pytest

from bot.errors import RequestError
from bot.interactions.windows import WINDOW_SECONDS
from bot.screenplay.elements import Kind
from bot.screenplay.free_text import parse_person_text
from bot.session.turn import Job, NewScript
from bot.ui.markdown import LIMIT, size
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import HEADING, Stage, answer, assert_private, fields, labels, start_script
from tests.bot.playing import BY_PERSON, BY_VOICE, ask, click, replace_script, suggest, write
from tests.bot.session_harness import SessionHarness

STARTED = True


async def test_continue_writes_the_requested_kind(stage: Stage):
    for kind in (Kind.DIALOGUE, Kind.ACTION, Kind.HEADING):
        await stage.ann.slash(stage.channel, "continue", kind=kind.value)
        assert (await stage.last_line()).kind == kind
    await stage.ann.click(stage.panel(), label="Another take")
    assert (await stage.last_line()).kind == Kind.HEADING
    refused = await ask(stage, "continue", kind="action", character="MAYA")
    assert_private(refused, "Leave out `kind:` or `character:`")
    assert len(await stage.lines()) == 4


async def test_another_take_replaces_the_line_in_its_message(stage: Stage):
    await stage.continue_with_seed(stage.ann, seed=1, character="Maya")
    old, before = (await stage.lines())[1], [message.id for message in stage.messages()]
    await stage.ben.click(stage.panel(), label="Another take")
    new = (await stage.lines())[1]
    assert new != old
    assert new.startswith("MAYA\n")
    assert [message.id for message in stage.messages()] == before
    assert labels(stage.panel()) == BY_VOICE
    await assert_channel_is_true(stage)


async def test_the_write_window_adds_lines_or_gives_the_text_back(stage: Stage):
    shown = await stage.ben.click(stage.panel(), label="Write")
    assert "10 lines at most" in str(shown.modal)
    typed = {fields(shown)["Who speaks"]: "?", fields(shown)["Text"]: "Hello."}
    refused = answer(await stage.ben.submit_modal(shown, typed))
    assert_private(refused, "A character's name needs at least one letter.")
    assert refused.content.endswith(" Here is what you wrote:\n```\nHello.\n```")
    assert await stage.lines() == [HEADING]

    late = await stage.ben.click(stage.panel(), label="Write")
    shown = await stage.ann.click(stage.panel(), label="Write")
    text = "(quietly) Hello.\n\nCUT TO:"
    typed = {fields(shown)["Who speaks"]: " maya ", fields(shown)["Text"]: text}
    await stage.ann.submit_modal(shown, typed)
    lines, seen = await stage.lines(), stage.seen()
    assert lines[1:] == ["MAYA\n(quietly)\nHello.", "CUT TO:"]
    await assert_channel_is_true(stage)

    late._interaction.source_message_id = None  # simcord needs the panel, which has moved
    refused = answer(await stage.ben.submit_modal(late, {fields(late)["Text"]: "Later."}))
    assert_private(refused, "The script has moved on")
    assert refused.content.endswith("Here is what you wrote:\n```\nLater.\n```")
    assert labels(refused) == ["Continue from here"]
    assert (await stage.lines(), stage.seen()) == (lines, seen)


@pytest.mark.parametrize("button", ["Write", "Continue"])
async def test_who_may_not_send_messages_adds_none_by_a_button(stage: Stage, button: str):
    muted = discord.PermissionOverwrite(send_messages=False)
    channel = stage.guild.create_text_channel("here", overwrites={stage.ben: muted})
    await start_script(stage, channel)
    refused = answer(await stage.ben.click(stage.panel(channel), label=button))
    assert_private(refused, "You need the **Send Messages** permission")
    assert await stage.lines(channel) == [HEADING]


async def test_a_dismissed_window_is_forgotten_but_not_its_text(stage: Stage):
    windows = stage.world.bot._connection._view_store._modals
    _, late = [await stage.ann.click(stage.panel(), label="Write") for _ in range(2)]
    assert len(windows) == 2
    await stage.world.advance_time(WINDOW_SECONDS + 1)
    assert len(windows) == 0
    refused = answer(await stage.ann.submit_modal(late, {fields(late)["Text"]: "Rain."}))
    assert_private(refused, "That has expired", "Rain.")
    assert await stage.lines() == [HEADING]


async def test_names_are_cues_in_any_case_wherever_somebody_types(stage: Stage):
    await replace_script(stage, cast="Helen, Dragon")
    await write(stage, "helen: get me down\n\nEmile: On my way.")
    shown = await stage.ben.click(stage.panel(), label="Write")
    await stage.ben.submit_modal(shown, {fields(shown)["Text"]: "Dragon (softly): No."})
    shown = await stage.ben.click(stage.panel(), label="Write")
    typed = {fields(shown)["Who speaks"]: "émile", fields(shown)["Text"]: "*sighs* Why?"}
    await stage.ben.submit_modal(shown, typed)
    lines = ["HELEN\nget me down", "EMILE\nOn my way.", "DRAGON\n(softly)\nNo."]
    assert (await stage.lines())[1:] == [*lines, "EMILE\n(sighs)\nWhy?"]
    shown = await stage.ben.slash(stage.channel, "script edit")
    await stage.ben.submit_modal(shown, {fields(shown)["Text"]: "emile: Because."})
    assert (await stage.lines())[-1] == "EMILE\nBecause."
    await assert_channel_is_true(stage)


async def test_one_press_corrects_a_name_that_was_mistyped(stage: Stage):
    await replace_script(stage, cast="Rita, Guard 1")
    await write(stage, "Ria (V.O.): [laughs] #hello")
    assert labels(stage.panel())[-3:] == ["Make it action", "Change the name to RITA", "More…"]
    assert_private(
        await click(stage.member("Cid"), stage.panel(), "Change the name to RITA"), "Ben"
    )
    await stage.ben.click(stage.panel(), label="Change the name to RITA")
    said = "-# Ben changed the name above the last line to RITA.\n"
    assert stage.panel().content.startswith(said)
    assert (await stage.lines())[1:] == ["RITA (V.O.)\n(laughs)\n\\#hello"]
    await assert_channel_is_true(stage)
    for known in ("Rita: Hello.", "Guard 2: Hello.", "Ria: Hello.\n\nRia: Hello."):
        await write(stage, known)
        assert not any(label.startswith("Change") for label in labels(stage.panel()))


async def test_one_press_turns_a_wrong_cue_into_action_and_back(stage: Stage):
    cid = stage.member("Cid")
    await write(stage, "Plot Hole: (huge) everybody falls in")
    assert labels(stage.panel()) == [*BY_PERSON[:-1], "Make it action", "More…"]
    refused = await click(cid, stage.panel(), "Make it action")
    assert_private(refused, "That would change Ben's line.")
    look = stage.look(stage.panel())
    await stage.ben.click(stage.panel(), label="Make it action")
    assert stage.panel().content.startswith("-# Ben turned the last line into action.\n")
    assert (await stage.lines())[1:] == ["!Plot Hole (huge): everybody falls in"]
    await assert_channel_is_true(stage)
    refused = answer(await stage.press_late(stage.ben, look, "Make it action"))
    assert refused.content.startswith("The script has moved on.")
    # The line stays its writer's, whoever presses.
    await stage.ann.click(stage.panel(), label="Make it speech")
    [_, line] = await stage.session.library.load_lines()
    assert line.text == "PLOT HOLE\n(huge)\neverybody falls in"
    assert (line.author, line.credit, line.asker) == (stage.ben.id, "Ben", stage.ann.id)
    await assert_channel_is_true(stage)
    # Somebody whom the script knows is no mistake, nor is action without a colon.
    for text in ("plot hole: hello", "Rain."):
        await write(stage, text)
        assert labels(stage.panel()) == BY_PERSON
    await write(stage, "old kevin: hi")
    await stage.restart()
    await stage.ben.click(stage.panel(), label="Make it speech")
    assert (await stage.lines())[-1] == "OLD KEVIN\nhi"


async def test_the_voices_line_is_neither(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, character="MAYA")
    with pytest.raises(RequestError, match="Only a person's line can be turned"):
        await harness.session.history.reinterpret(harness.writer())


async def test_a_line_that_becomes_speech_keeps_the_authors_of_its_file(harness: SessionHarness):
    elements, library = parse_person_text("Jo: it rains"), harness.session.library
    new = NewScript(title="Night")
    await library.import_script(harness.writer(), new, elements, Job(), authors="Zoë")
    await harness.session.history.reinterpret(harness.writer())
    [line] = await harness.lines()
    assert (line.credit, line.imported, line.former_writers) == ("Zoë", True, None)


async def test_a_late_press_changes_nothing_and_offers_to_continue_there(stage: Stage):
    await stage.continue_with_seed(stage.ann, seed=1)
    then, look = await stage.lines(), stage.look(stage.panel())
    await write(stage, "Rain.\n\nWind.")
    lines, seen = await stage.lines(), stage.seen()
    for label in ("Continue", "Another take", "Undo", "Write"):
        refused = answer(await stage.press_late(stage.ann, look, label))
        assert_private(refused, "has moved on")
        assert labels(refused) == ["Continue from here"]
        assert (await stage.lines(), stage.seen()) == (lines, seen)

    await stage.ann.click(refused, label="Continue from here")
    assert stage.panel().content.startswith("-# Ann moved the script to this line.\n")
    assert await stage.lines() == then
    assert labels(stage.panel()) == [*BY_VOICE[:-2], "Redo", *BY_VOICE[-2:]]
    await assert_channel_is_true(stage)

    again = await click(stage.ann, refused, "Continue from here")
    assert_private(again, "already ends here")


async def test_each_writer_is_told_once_of_letters_that_the_voice_cannot_read(stage: Stage):
    for who, first, second in (
        (stage.ben, "雨が降っている。", "雪が降っている。"),
        (stage.ann, "朝。", "A café."),
    ):
        told = await ask(stage, "write", who, text=first)
        assert_private(told, "cannot read some of these letters or symbols")
        assert await ask(stage, "write", who, text=second) is None
    assert (await stage.lines())[1:3] == ["雨が降っている。", "雪が降っている。"]


async def test_text_that_is_refused_is_given_back(stage: Stage):
    for text, why in (
        ("@1" * 3000, "One line is longer than 1,500 characters"),
        ("👩‍🚀" * 2000, "One line is longer than 1,500 characters"),
        ("\n\n".join(f"Knock {n}." for n in range(11)), "That is 11 lines at once"),
    ):
        refused = await ask(stage, "write", text=text)
        assert_private(refused, why, "Here is what you wrote")
        assert size(refused.content) <= LIMIT
        if refused.attachments:
            assert (await refused.attachments[0].read()).decode() == text.strip()
        else:
            assert refused.content.endswith(f"\n```\n{text}\n```")
    empty = await ask(stage, "write", text="  \n ")
    assert (empty.ephemeral, empty.attachments) == (True, [])
    assert empty.content == "The text is empty. Write something."
    assert await stage.lines() == [HEADING]

    stage.channel = stage.closed(attach_files=False)
    await start_script(stage)
    refused = await ask(stage, "write", text="@1" * 3000)
    assert (refused.ephemeral, refused.attachments) == (True, [])
    assert "The start of what you wrote:\n```\n@\u200b1" in refused.content
    assert size(refused.content) <= LIMIT


async def test_characters_are_suggested(stage: Stage):
    stage.channel = stage.guild.create_text_channel("elsewhere")
    assert await suggest(stage, "continue", "character", "") == []
    await start_script(stage, cast="Maya, Jonas")
    await write(stage, "ADA: Good day.\n\nMAYA: Good day, Ada.\n\nZOË: Hi.")
    assert await suggest(stage, "continue", "character", "") == ["MAYA", "JONAS"]
    refused = await ask(stage, "continue", character="Zoe")
    why = "ZOE is not in the cast. Add this name or turn off the lock with </cast:"
    assert_private(refused, why)
    misspelt = await ask(stage, "continue", character="Mya")
    assert_private(misspelt, "Did you mean “MAYA”?")
    assert [labels(refusal) for refusal in (refused, misspelt)] == [["Add ZOE to the cast"], []]
    await stage.ann.slash(stage.channel, "cast", lock="off")
    for command in ("continue", "write"):
        for typed, found in (
            ("", ["MAYA", "JONAS", "ZOË", "ADA"]),
            ("ma", ["MAYA"]),
            ("o", ["JONAS", "ZOË"]),
            ("zoe", ["ZOË"]),
        ):
            assert await suggest(stage, command, "character", typed) == found
    await stage.ben.slash(stage.channel, "continue", character="Zoe")
    assert (await stage.lines())[-1].startswith("ZOE\n")


NASTY = (
    "@everyone @here <@{0}> <@&{1}> ``` \u202e **bold** ~~gone~~ ||spoiler|| [a](http://b.c) # H"
)


async def test_no_message_pings_or_breaks_out_of_its_frame(stage: Stage):
    role = stage.guild.create_role("Actors", mentionable=True)
    nasty = NASTY.format(stage.ben.id, role.id)
    # The bot may ping everybody here, so that only the messages' own settings can prevent a ping.
    stage.permit(**dict(discord.Permissions.all()))
    await replace_script(stage, title=nasty[:100], heading=nasty, cast="**Maya**, <@1> Jonas")
    await write(stage, nasty)
    await write(stage, f"MAYA: {nasty}\n\n{nasty}")
    await stage.continue_with_seed(stage.ben, character="@everyone <@1>", seed=1)
    cyd = stage.guild.add_member(stage.world.create_user("cyd", global_name="**bald** ` <@1>"))
    await cyd.slash(stage.channel, "write", text="Rain.")
    await cyd.slash(stage.channel, "undo")
    await stage.ben.slash(stage.channel, "undo")
    await cyd.slash(stage.channel, "write", text="Rain.")
    await stage.ben.slash(stage.channel, "script show")
    await write(stage, "\n\n".join([nasty * 8] * 3))
    old = stage.look(stage.panel())
    await replace_script(stage, title=nasty[:100])
    await stage.press_late(stage.ann, old, "Continue")
    await replace_script(stage, voice=nasty[:100])
    for body in stage.sent():
        assert_harmless(body["content"])
        assert body["allowed_mentions"] == {"parse": []}
    for message in stage.world.backend.messages[stage.channel.id].values():
        assert (message.ping_user_ids, message.ping_role_ids) == ([], [])
        assert not message.mention_everyone


def assert_harmless(content: str) -> None:
    """Check that nothing in a message can do what only its frame should."""
    assert size(content) <= LIMIT
    assert not re.search(r"@(?:everyone|here|[!&]?\d)", content)
    assert "\u202e" not in content
    block = re.compile(r"^```\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
    around = re.sub(r"^`\d+` ", "", block.sub("", content), flags=re.MULTILINE)
    assert not any("`" in words for words in (around, *block.findall(content)))
    assert not re.search(r"\*\*bald|~~gone~~|\|\|spoiler|\[a\]\(|(?<!\\)<(?!/)", around)
