"""Test the bot as people use it, through a simulated Discord."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest
import simcord
from fountain import FountainParser

from bot.session.turn import MAX_ELEMENT_LENGTH
from bot.ui.markdown import LIMIT, size

from .conftest import HEADING, Stage, answer, begin, fields, labels
from .shown import assert_true

# Starting --------------------------------------------------------------------------------------


async def test_two_people_write_a_script_with_the_voice(stage: Stage):
    await begin(stage, heading="int. diner - night", cast="Maya, Jonas")
    await stage.ben.slash(stage.channel, "write", text="MAYA: (quietly) You came.")
    await stage.go_on(stage.ann, stage.channel, character="jonas", seed=5)
    assert labels(stage.panel()) == ["Continue", "Another take", "Undo", "Write", "More…"]
    assert (await stage.lines())[:2] == [HEADING, "MAYA\n(quietly)\nYou came."]
    assert (await stage.lines())[2].startswith("JONAS\n")
    await assert_true(stage)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("continue", {}),
        ("write", {"text": "Rain."}),
        ("undo", {}),
        ("script retry", {}),
        ("script show", {}),
    ],
)
async def test_where_no_script_runs_one_is_offered(
    stage: Stage, command: str, options: dict[str, str]
):
    refused = answer(await stage.ben.slash(stage.channel, command, **options))
    assert refused.ephemeral
    assert labels(refused) == ["Start a script"]
    assert options.get("text", "") in refused.content
    assert stage.messages() == []
    shown = await stage.ben.click(refused, label="Start a script")
    inputs = fields(shown)
    await stage.ben.submit_modal(
        shown,
        {
            inputs["Title"]: "The Diner",
            inputs["First scene heading"]: "int. diner - night",
            inputs["Cast"]: "Maya",
        },
    )
    assert await stage.lines() == [HEADING]
    script = await stage.script()
    assert (script.title, script.cast, script.owner) == ("The Diner", ["MAYA"], stage.ben.id)


async def test_the_modal_may_be_left_empty(stage: Stage):
    shown = await stage.ann.click(
        (await stage.ann.slash(stage.channel, "continue")).response, label="Start a script"
    )
    await stage.ann.submit_modal(shown, {})
    assert stage.panel().content.startswith("**Untitled** starts here.")
    assert await stage.lines() == []


async def test_a_script_may_begin_without_a_line(stage: Stage):
    await stage.ann.slash(stage.channel, "start", title="Untitled")
    assert stage.panel().content.startswith("**Untitled** starts here.")
    assert labels(stage.panel()) == ["Continue", "Write", "More…"]
    refused = answer(await stage.ann.slash(stage.channel, "script show"))
    assert (refused.ephemeral, "is empty" in refused.content) == (True, True)
    for command in ("undo", "script retry"):
        refused = answer(await stage.ann.slash(stage.channel, command))
        assert (refused.ephemeral, "is empty" in refused.content) == (True, True)
    await stage.ann.click(stage.panel(), label="Continue")
    assert len(await stage.lines()) == 1
    await assert_true(stage)


REFUSED = [
    ({"heading": "..."}, "A scene heading needs at least one letter or digit."),
    ({"cast": "Maya, 1234"}, "A character's name needs at least one letter."),
    ({"cast": "M" * 41}, "A character's name can have at most 40 characters."),
    ({"cast": ",".join(f"Actor {n}" for n in range(26))}, "A cast can have at most 25"),
    ({"voice": "nobody"}, "There is no voice “nobody”"),
    ({"voice": "../tiny"}, "There is no voice “\\.\\.\\/tiny”"),
]


async def test_what_cannot_begin_is_refused_in_a_sentence(stage: Stage):
    for options, why in REFUSED:
        refused = answer(await begin(stage, **options))
        assert refused.ephemeral
        assert refused.content.startswith(why)
        assert refused.content.count(". ") <= 1
        assert stage.messages() == []
        assert await stage.script() is None


async def test_a_script_keeps_its_voice_and_its_temperature(stage: Stage):
    await begin(stage, voice="other", temperature=0.3)
    await stage.go_on(stage.ann, stage.channel, seed=1)
    last = (await stage.session.load_lines())[-1]
    assert (last.credit, last.origin["temperature"]) == ("other", 0.3)


async def test_a_title_that_nobody_can_see_is_none(stage: Stage):
    for title in (" ", "\u202e\u200b", "\n"):
        channel = stage.guild.create_text_channel("another")
        await begin(stage, channel, title=title)
        assert stage.panel(channel).content.startswith("-# **Untitled**")


async def test_voices_are_suggested(stage: Stage):
    async def suggested(typed: str) -> list[str]:
        found = await stage.ann.autocomplete(stage.channel, "start", "voice", typed)
        return [choice["value"] for choice in found]

    assert await suggested("") == ["other", "tiny"]
    assert await suggested("TI") == ["tiny"]
    assert await suggested("nobody") == []


async def test_where_a_script_runs_its_writers_are_asked_first(stage: Stage):
    await begin(stage)
    asked = await stage.ben.slash(stage.channel, "start", title="Another *one*", heading="Roof")
    assert asked.response.ephemeral
    assert "The Diner" in asked.response.content
    assert labels(asked.response) == ["Continue it", "Pause it and start the new one"]
    seen = stage.seen()
    gone_on = await stage.ben.click(asked.response, label="Continue it")
    assert gone_on.response.content == "“The Diner” continues."
    assert gone_on.response.ephemeral
    assert stage.seen() == seen
    assert await stage.lines() == [HEADING]


async def test_a_script_can_be_shelved_for_a_new_one(stage: Stage):
    await begin(stage)
    await stage.go_on(stage.ann, stage.channel, seed=3)
    old = stage.messages()[:-1]
    for title in ("The Roof", "The Cellar"):
        asked = await stage.ben.slash(stage.channel, "start", title=title)
        await stage.ben.click(asked.response, label="Pause it and start the new one")
        assert stage.panel().content.startswith(f"**{title}** starts here.")
        assert labels(stage.panel()) == ["Continue", "Write", "More…"]
    await stage.ben.click(stage.panel(), label="Continue")
    assert stage.messages()[: len(old)] == old
    await assert_true(stage)


# Writing ---------------------------------------------------------------------------------------


WRITTEN = [
    ("ext. roof - day", None, ["EXT. ROOF - DAY"]),
    ("MAYA: Hello.", None, ["MAYA\nHello."]),
    ("cut to:", None, ["CUT TO:"]),
    ("Rain on the window.", None, ["Rain on the window."]),
    ("(quietly) You came.", "maya", ["MAYA\n(quietly)\nYou came."]),
    ("CUT TO:", "Maya", ["MAYA\nCUT TO:"]),
    ("MAYA: Hello.\n\nRain.\n \nCUT TO:", None, ["MAYA\nHello.", "Rain.", "CUT TO:"]),
]


async def test_what_people_write(stage: Stage):
    await begin(stage)
    for text, character, stored in WRITTEN:
        options = {"character": character} if character else {}
        await stage.ben.slash(stage.channel, "write", text=text, **options)
        assert (await stage.lines())[-len(stored) :] == stored
        assert labels(stage.panel()) == ["Continue", "Undo", "Write", "More…"]
        await assert_true(stage)
    assert len(await stage.lines()) == 1 + sum(len(stored) for _, _, stored in WRITTEN)


async def test_a_line_looks_like_one_on_a_page(stage: Stage):
    await begin(stage)
    await stage.ben.slash(stage.channel, "write", text="maya sits.\n\nMAYA: (quietly) You came.")
    action, speech = [message.content for message in stage.messages()[2:-1]]
    assert action == "```\nmaya sits.\n```"
    assert speech == (
        "```\n                    MAYA\n              (quietly)\n        You came.\n```"
    )


async def test_who_writes_what_the_voice_cannot_read_is_told_once(stage: Stage):
    await begin(stage)
    for who, text, is_told in (
        (stage.ben, "雨が降っている。", True),
        (stage.ben, "雪が降っている。", False),
        (stage.ann, "朝。", True),
        (stage.ann, "A café.", False),
    ):
        told = answer(await who.slash(stage.channel, "write", text=text))
        assert bool(told) == is_told
        if told:
            assert told.ephemeral
            assert "cannot read many of these letters or symbols" in told.content
    assert (await stage.lines())[1:3] == ["雨が降っている。", "雪が降っている。"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("word " * 1200, "One line is longer than 1,500 characters"),
        ("@1" * 3000, "One line is longer than 1,500 characters"),
        ("👩‍🚀" * 2000, "One line is longer than 1,500 characters"),
        ("\n\n".join(f"Knock {n}." for n in range(11)), "That is 11 lines at once"),
    ],
)
async def test_what_cannot_be_added_is_given_back(stage: Stage, text: str, why: str):
    await begin(stage)
    refused = answer(await stage.ben.slash(stage.channel, "write", text=text))
    assert refused.ephemeral
    assert refused.content.startswith(why)
    assert "Here is your text" in refused.content
    assert size(refused.content) <= LIMIT
    if refused.attachments:
        assert (await refused.attachments[0].read()).decode() == text.strip()
    else:
        assert refused.content.endswith(f"\n```\n{text}\n```")
    assert await stage.lines() == [HEADING]


async def test_nothing_is_not_given_back(stage: Stage):
    await begin(stage)
    refused = answer(await stage.ben.slash(stage.channel, "write", text="  \n "))
    assert refused.ephemeral
    assert refused.content == "The text is empty. Write something."
    assert refused.attachments == []


async def test_what_can_be_given_back_in_no_file_is_so_in_part(stage: Stage):
    closed = stage.closed(attach_files=False)
    await stage.world.settle()
    await begin(stage, closed)
    refused = answer(await stage.ben.slash(closed, "write", text="@1" * 3000))
    assert refused.ephemeral
    assert refused.attachments == []
    assert "Your text starts:\n```\n@\u200b1" in refused.content
    assert size(refused.content) <= LIMIT


async def test_the_longest_lines_are_stored_and_shown(stage: Stage):
    await begin(stage)
    long = ("word " * MAX_ELEMENT_LENGTH)[:MAX_ELEMENT_LENGTH].strip()
    await stage.ben.slash(stage.channel, "write", text="\n\n".join([long] * 3))
    assert (await stage.lines())[1:] == [long] * 3
    shown = stage.messages()[2:-1]
    assert len(shown) == 3
    for message in shown:
        assert message.content.count("word") > 290


# The voice -------------------------------------------------------------------------------------


async def test_the_same_seed_writes_the_same_lines_anywhere_and_any_time(stage: Stage):
    async def three_lines(channel: Any, seed: int) -> list[str]:
        await stage.go_on(stage.ann, channel, lines=3, seed=seed)
        lines = await stage.lines(channel)
        assert len(lines) == 4
        return lines[1:]

    await begin(stage)
    first = await three_lines(stage.channel, 5)
    await undo_all(stage)
    assert await three_lines(stage.channel, 6) != first
    await undo_all(stage)
    await stage.restart()
    assert await three_lines(stage.channel, 5) == first
    elsewhere = stage.guild.create_text_channel("elsewhere")
    await begin(stage, elsewhere, title="Another title")
    assert await three_lines(elsewhere, 5) == first


async def undo_all(stage: Stage) -> None:
    """Take back all lines but the heading."""
    while await stage.lines() != [HEADING]:
        await stage.ann.slash(stage.channel, "undo")


async def test_a_daring_voice_writes_something_else(stage: Stage):
    await begin(stage)
    written = set()
    for options in ({}, {"temperature": 2.0}, {"temperature": 0.1}, {"mood": "calm"}):
        await stage.go_on(stage.ann, stage.channel, seed=5, **options)
        written.add((await stage.lines())[1])
        await undo_all(stage)
    # Three are enough, because the last two options nearly always choose the likeliest character.
    assert len(written) >= 3


OUT_OF_RANGE = [
    {"temperature": 2.1},
    {"temperature": 0.05},
    {"takes": 0},
    {"takes": 6},
    {"lines": 0},
    {"lines": 11},
    {"vote": 9},
    {"vote": 601},
]


async def test_discord_itself_refuses_what_is_out_of_range(stage: Stage):
    for options in OUT_OF_RANGE:
        with pytest.raises(simcord.OptionError):
            await stage.ann.slash(stage.channel, "continue", **options)


async def test_a_name_that_nobody_can_have_is_refused(stage: Stage):
    await begin(stage)
    refused = answer(await stage.ann.slash(stage.channel, "continue", character="1234"))
    assert refused.ephemeral
    assert refused.content == "A character's name needs at least one letter."
    assert await stage.lines() == [HEADING]


async def test_characters_are_suggested(stage: Stage):
    async def suggested(command: str, typed: str) -> list[str]:
        found = await stage.ann.autocomplete(stage.channel, command, "character", typed)
        return [choice["value"] for choice in found]

    assert await suggested("continue", "") == []
    await begin(stage, cast="Maya, Jonas")
    for said in ("ADA: Good day.", "MAYA: Good day, Ada.", "ZOE: Hi."):
        await stage.ben.slash(stage.channel, "write", text=said)
    await stage.ann.slash(stage.channel, "cast lock", lock="off")
    for command in ("continue", "write"):
        assert await suggested(command, "") == ["MAYA", "JONAS", "ZOE", "ADA"]
        assert await suggested(command, "ma") == ["MAYA"]
        assert await suggested(command, "o") == ["JONAS", "ZOE"]


# Reading ---------------------------------------------------------------------------------------


async def test_the_file_is_the_script(stage: Stage):
    await begin(stage, title="The *Last* Diner: a play")
    await stage.ben.slash(
        stage.channel, "write", text="Rain.\n\nMAYA (V.O.): (quietly) #1? You came.\n\n> Fade away"
    )
    await stage.go_on(stage.ann, stage.channel, lines=5, seed=1)
    shown = await stage.ann.slash(stage.channel, "script show")
    assert shown.response.ephemeral
    assert shown.response.content.startswith("**The \\*Last\\* Diner\\: a play**\n```")
    (file,) = shown.response.attachments
    assert file.filename == "the-last-diner-a-play.fountain"
    text = (await file.read()).decode()
    lines = await stage.lines()
    assert text.split("\n\n") == ["Title: The *Last* Diner: a play", *lines[:-1], lines[-1] + "\n"]
    read = FountainParser().parse(text)
    assert read.metadata == {"title": "The *Last* Diner: a play"}
    # Above a speech, fountain-py takes the rest of a cue for an element of its own.
    cued = [re.sub(r"^MAYA \(V\.O\.\)\n", "MAYA\n", line) for line in lines]
    assert [row for element in read.elements for row in element.text.split("\n")] == [
        row.lstrip(".!>@ ") for line in cued for row in line.split("\n")
    ]


async def test_help_is_three_steps(stage: Stage):
    shown = await stage.ann.slash(stage.channel, "help")
    assert shown.response.ephemeral
    steps = [line[:2] for line in shown.response.content.split("\n") if line[:1].isdigit()]
    assert steps == ["1.", "2.", "3."]
    named = set(re.findall(r"</([a-z ]+):\d+>", shown.response.content))
    assert named <= set(stage.ann.available_commands(stage.channel))
    assert {"start", "write", "continue"} <= named


# Where it can be used --------------------------------------------------------------------------


async def test_in_a_thread(stage: Stage):
    made = stage.world.backend.create_thread(stage.channel.id, "the second act", stage.ann.id)
    thread = simcord.ChannelHandle(stage.world, stage.guild, made)
    await stage.world.settle()
    before = len(stage.messages())
    await begin(stage, thread)
    await stage.go_on(stage.ben, thread, seed=1)
    await stage.ben.slash(thread, "undo")
    assert await stage.lines(thread) == [HEADING]
    await assert_true(stage, thread)
    assert len(stage.messages()) == before


async def test_in_direct_messages(stage: Stage):
    ann = stage.ann.user
    await ann.slash("start", heading=HEADING)
    await ann.slash("write", text="MAYA: Hello.")
    await ann.slash("continue")
    undone = await ann.click(stage.panel(ann.dm_channel), label="Undo")
    assert undone.acknowledged
    assert await stage.lines(ann.dm_channel) == [HEADING, "MAYA\nHello."]
    assert labels(stage.panel(ann.dm_channel)) == ["Continue", "Undo", "Redo", "Write", "More…"]
    await assert_true(stage, ann.dm_channel)
    shown = await ann.slash("script show")
    assert "Hello." in shown.response.content


PLACES = [
    ({"send_messages": False}, "I need **Send Messages** in this channel"),
    ({"view_channel": False}, "I need **View Channel** in this channel"),
]


@pytest.mark.parametrize(("denied", "why"), PLACES)
async def test_where_the_bot_may_not_write_it_says_so_and_stores_nothing(
    stage: Stage, denied: dict[str, bool], why: str
):
    closed = stage.closed(**denied)
    await stage.world.settle()
    for command, options in (
        ("start", {"heading": HEADING}),
        ("continue", {}),
        ("write", {"text": "Rain."}),
        ("undo", {}),
        ("script retry", {}),
    ):
        refused = answer(await stage.ann.slash(closed, command, **options))
        assert refused.ephemeral, command
        assert refused.content.startswith(why), command
        assert options.get("text", "") in refused.content
        assert stage.messages(closed) == []
    assert await stage.store.scripts.find_running_script(closed.id) is None


async def test_a_thread_in_which_the_bot_may_not_write(stage: Stage):
    closed = stage.closed(send_messages_in_threads=False)
    made = stage.world.backend.create_thread(closed.id, "the second act", stage.ann.id)
    thread = simcord.ChannelHandle(stage.world, stage.guild, made)
    await stage.world.settle()
    refused = answer(await begin(stage, thread))
    assert refused.ephemeral
    assert "**Send Messages In Threads**" in refused.content
    assert answer(await begin(stage, closed)) is None


# Abuse -----------------------------------------------------------------------------------------

NASTY = (
    "@everyone @here <@{0}> <@&{1}> ``` \u202e **bold** ~~gone~~ ||spoiler|| [a](http://b.c) # H"
)


async def test_nothing_pings_or_breaks_out(stage: Stage):
    role = stage.guild.create_role("Actors", mentionable=True)
    nasty = NASTY.format(stage.ben.id, role.id)
    # The bot may ping everybody here, so that only the messages' own settings can prevent a ping.
    rights = stage.guild.create_role("Bot", permissions=discord.Permissions.all())
    backend = stage.world.backend
    backend.add_member_role(stage.guild.id, backend.bot_user.id, rights.id)
    await begin(stage, title=nasty[:100], heading=nasty, cast="**Maya**, <@1> Jonas")
    await stage.ben.slash(stage.channel, "write", text=nasty)
    await stage.ben.slash(stage.channel, "write", text=f"MAYA: {nasty}\n\n{nasty}")
    await stage.go_on(stage.ben, stage.channel, character="@everyone <@1>", seed=1)
    cyd = stage.guild.add_member(stage.world.create_user("cyd", global_name="**bold** ` <@1>"))
    await cyd.slash(stage.channel, "write", text="Rain.")
    await cyd.slash(stage.channel, "undo")
    await stage.ben.slash(stage.channel, "undo")
    await stage.ben.slash(stage.channel, "script show")
    await begin(stage, title=nasty[:100])
    await stage.ben.slash(stage.channel, "write", text="\n\n".join([nasty * 8] * 3))
    for body in stage.sent():
        assert_harmless(body["content"])
        assert body["allowed_mentions"] == {"parse": []}
    for message in backend.messages[stage.channel.id].values():
        assert (message.ping_user_ids, message.ping_role_ids) == ([], [])
        assert not message.mention_everyone


def assert_harmless(content: str) -> None:
    """Check that nothing in a message can do what only its frame should."""
    assert size(content) <= LIMIT
    assert not re.search(r"@(?:everyone|here|[!&]?\d)", content)
    assert "\u202e" not in content
    block = re.compile(r"^```\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
    around = block.sub("", content)
    assert not any("`" in words for words in (around, *block.findall(content)))
    assert not re.search(r"\*\*bold|~~gone~~|\|\|spoiler|\[a\]\(|(?<!\\)<(?!/)", around)


async def test_sentences_quote_harmlessly(stage: Stage):
    nasty = "@everyone **bold** ~~gone~~ `"
    cyd = stage.guild.add_member(stage.world.create_user("cyd", global_name="**bold** `"))
    await begin(stage, title=nasty)
    old = stage.look(stage.panel())
    await cyd.slash(stage.channel, "write", text="Rain.")
    refused = [answer(await stage.ann.slash(stage.channel, "script retry"))]
    asked = (await begin(stage, title=nasty)).response
    await stage.ann.click(asked, label="Pause it and start the new one")
    refused.append(answer(await stage.press_late(stage.ann, old, "Continue")))
    asked = (await begin(stage, voice=nasty)).response
    shelve = await stage.ann.click(asked, label="Pause it and start the new one")
    refused.append(answer(shelve))
    for told in refused:
        assert told.ephemeral
        assert_harmless(told.content)


async def test_one_delivery_writes_once(stage: Stage):
    """Check that a delivery that Discord repeats writes no second line."""
    await begin(stage)
    await stage.ben.slash(stage.channel, "write", text="Rain.")
    before = stage.seen()
    (*_, again) = (
        p for _, event, p in stage.world.backend.transcript if event == "INTERACTION_CREATE"
    )
    stage.world.backend.emit("INTERACTION_CREATE", again)
    await stage.world.settle()
    assert await stage.lines() == [HEADING, "Rain."]
    assert stage.seen() == before


async def test_a_line_that_is_written_but_cannot_be_shown_is_not_asked_for_again(stage: Stage):
    await begin(stage)
    stage.world.inject_error("POST", "/channels/*/messages", status=403, times=1)
    told = answer(await stage.ben.slash(stage.channel, "write", text="Rain."))
    assert told.ephemeral
    assert "in the script, but could not be shown" in told.content
    assert "Here is your text" not in told.content
    shown = await stage.ann.slash(stage.channel, "script show")
    assert shown.response.content.count("Rain.") == 1


async def test_an_offer_that_has_grown_old_shelves_nothing(stage: Stage):
    await begin(stage, title="One")
    old = (await begin(stage, title="Two")).response
    asked = await stage.ben.slash(stage.channel, "start", title="Three")
    await stage.ben.click(asked.response, label="Pause it and start the new one")
    refused = answer(await stage.ann.click(old, label="Pause it and start the new one"))
    assert refused.ephemeral
    assert "Use </start:" in refused.content
    script = await stage.script()
    assert script is not None
    assert script.title == "Three"
