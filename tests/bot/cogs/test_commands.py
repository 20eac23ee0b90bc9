"""Test the bot as people use it, through a simulated Discord."""

from __future__ import annotations

import re

import discord
import simcord

from bot.ui.markdown import LIMIT, size
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import HEADING, Stage, answer, fields, labels, start_script

TURNS = ("continue", {}), ("write", {"text": "Rain."}), ("undo", {}), ("script retry", {})


async def test_where_no_script_runs_one_is_offered(stage: Stage):
    for command, options in (*TURNS, ("script show", {})):
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
    await assert_channel_is_true(stage)


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
        refused = answer(await start_script(stage, **options))
        assert refused.ephemeral
        assert refused.content.startswith(why)
        assert refused.content.count(". ") <= 1
        assert stage.messages() == []
        assert await stage.script() is None


async def test_a_title_that_nobody_can_see_is_none(stage: Stage):
    for title in (" ", "\u202e\u200b", "\n"):
        channel = stage.guild.create_text_channel("another")
        await start_script(stage, channel, title=title)
        assert stage.panel(channel).content.startswith("-# **Untitled**")


async def test_where_a_script_runs_its_writers_are_asked_first(stage: Stage):
    await start_script(stage)
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


async def test_who_writes_what_the_voice_cannot_read_is_told_once(stage: Stage):
    await start_script(stage)
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


async def test_what_cannot_be_added_is_given_back(stage: Stage):
    await start_script(stage)
    for text, why in (
        ("@1" * 3000, "One line is longer than 1,500 characters"),
        ("👩‍🚀" * 2000, "One line is longer than 1,500 characters"),
        ("\n\n".join(f"Knock {n}." for n in range(11)), "That is 11 lines at once"),
    ):
        refused = answer(await stage.ben.slash(stage.channel, "write", text=text))
        assert refused.ephemeral
        assert refused.content.startswith(why)
        assert "Here is your text" in refused.content
        assert size(refused.content) <= LIMIT
        if refused.attachments:
            assert (await refused.attachments[0].read()).decode() == text.strip()
        else:
            assert refused.content.endswith(f"\n```\n{text}\n```")
    empty = answer(await stage.ben.slash(stage.channel, "write", text="  \n "))
    assert (empty.ephemeral, empty.attachments) == (True, [])
    assert empty.content == "The text is empty. Write something."
    assert await stage.lines() == [HEADING]


async def test_what_can_be_given_back_in_no_file_is_so_in_part(stage: Stage):
    closed = stage.closed(attach_files=False)
    await stage.world.settle()
    await start_script(stage, closed)
    refused = answer(await stage.ben.slash(closed, "write", text="@1" * 3000))
    assert refused.ephemeral
    assert refused.attachments == []
    assert "Your text starts:\n```\n@\u200b1" in refused.content
    assert size(refused.content) <= LIMIT


async def test_characters_are_suggested(stage: Stage):
    async def suggested(command: str, typed: str) -> list[str]:
        found = await stage.ann.autocomplete(stage.channel, command, "character", typed)
        return [choice["value"] for choice in found]

    assert await suggested("continue", "") == []
    await start_script(stage, cast="Maya, Jonas")
    for said in ("ADA: Good day.", "MAYA: Good day, Ada.", "ZOE: Hi."):
        await stage.ben.slash(stage.channel, "write", text=said)
    await stage.ann.slash(stage.channel, "cast lock", lock="off")
    for command in ("continue", "write"):
        assert await suggested(command, "") == ["MAYA", "JONAS", "ZOE", "ADA"]
        assert await suggested(command, "ma") == ["MAYA"]
        assert await suggested(command, "o") == ["JONAS", "ZOE"]


async def test_where_the_bot_may_not_write_it_says_so_and_stores_nothing(stage: Stage):
    for lacks, name in (("send_messages", "Send Messages"), ("view_channel", "View Channel")):
        closed = stage.closed(**{lacks: False})
        await stage.world.settle()
        for command, options in (("start", {"heading": HEADING}), *TURNS):
            refused = answer(await stage.ann.slash(closed, command, **options))
            assert refused.ephemeral, command
            assert refused.content.startswith(f"I need **{name}** in this channel"), command
            assert options.get("text", "") in refused.content
            assert stage.messages(closed) == []
        assert await stage.store.scripts.find_running_script(closed.id) is None


async def test_a_thread_in_which_the_bot_may_not_write(stage: Stage):
    closed = stage.closed(send_messages_in_threads=False)
    made = stage.world.backend.create_thread(closed.id, "the second act", stage.ann.id)
    thread = simcord.ChannelHandle(stage.world, stage.guild, made)
    await stage.world.settle()
    refused = answer(await start_script(stage, thread))
    assert refused.ephemeral
    assert "**Send Messages In Threads**" in refused.content
    assert answer(await start_script(stage, closed)) is None


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
    await start_script(stage, title=nasty[:100], heading=nasty, cast="**Maya**, <@1> Jonas")
    await stage.ben.slash(stage.channel, "write", text=nasty)
    await stage.ben.slash(stage.channel, "write", text=f"MAYA: {nasty}\n\n{nasty}")
    await stage.continue_with_seed(stage.ben, stage.channel, character="@everyone <@1>", seed=1)
    cyd = stage.guild.add_member(stage.world.create_user("cyd", global_name="**bold** ` <@1>"))
    await cyd.slash(stage.channel, "write", text="Rain.")
    await cyd.slash(stage.channel, "undo")
    await stage.ben.slash(stage.channel, "undo")
    await cyd.slash(stage.channel, "write", text="Rain.")
    await stage.ben.slash(stage.channel, "script show")
    await start_script(stage, title=nasty[:100])
    await stage.ben.slash(stage.channel, "write", text="\n\n".join([nasty * 8] * 3))
    old = stage.look(stage.panel())
    await stage.ann.slash(stage.channel, "script retry")  # the last line is Cyd's
    asked = (await start_script(stage, title=nasty[:100])).response
    await stage.ann.click(asked, label="Pause it and start the new one")
    await stage.press_late(stage.ann, old, "Continue")
    asked = (await start_script(stage, voice=nasty[:100])).response
    await stage.ann.click(asked, label="Pause it and start the new one")
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
