"""Test the words that a channel, a server, and the bot's owner ban."""

import asyncio

import pytest

from bot.errors import RequestError
from bot.inference.word_filter import find_banned_word
from bot.session.banned_words import edit_words
from bot.session.turn import Requester
from bot.storage.schema import utc_now
from tests.bot.conftest import Stage, answer, assert_private, moderator, start_script
from tests.bot.playing import ask, replace_script
from tests.bot.session_harness import SessionHarness


async def test_banned_words_of_a_channel_and_its_server_are_not_written(stage: Stage):
    mo = moderator(stage, manage_channels=True, manage_guild=True)
    await start_script(stage)
    heading = (await stage.script()).head
    await stage.continue_with_seed(stage.ann, lines=5, seed=1)
    before = " ".join((await stage.lines())[1:])
    first, second = sorted({w.lower() for w in before.split() if w.isalpha() and len(w) > 2})[:2]
    told = await ask(stage, "banned", mo, add=f"{first.upper()}, zounds")
    assert told.content.endswith(f"\nIn this channel:\n```\n{first}, zounds\n```")
    await ask(stage, "banned", mo, add=second, server=True)
    elsewhere = stage.services.sessions.get(stage.guild.create_text_channel("elsewhere").id)
    words = await elsewhere.library.load_banned_words(stage.guild.id)
    assert (second in words, first in words) == (True, False)
    await stage.restart()
    await stage.store.lines.move_head(await stage.script(), heading, (), utc_now())
    await stage.continue_with_seed(stage.ann, lines=5, seed=1)
    after = " ".join((await stage.lines())[1:])
    assert find_banned_word(before, [first, second])
    assert not find_banned_word(after, [first, second])
    both = await ask(stage, "banned", stage.ben)
    assert_private(both, "The voice says neither these words nor", f"{first}, zounds")
    assert both.content.endswith(f"\nIn this server:\n```\n{second}\n```")
    removed = await ask(stage, "banned", mo, remove=f"{first}, zounds")
    assert "In this channel" not in removed.content


async def test_settings_show_and_reset_banned_words(stage: Stage):
    mo = moderator(stage, manage_channels=True, manage_guild=True)
    await start_script(stage)

    async def shown() -> list[str]:
        told = await ask(stage, "settings", setting="everything")
        assert told.ephemeral
        return told.content.split("\n")[-3:-1]

    empty = ["In this channel: nothing", "In this server: nothing"]
    for server, permission in ((False, "Manage Channels"), (True, "Manage Server")):
        refused = await ask(stage, "banned", add="word", server=server)
        assert_private(refused, f"You need the **{permission}**")
        assert await shown() == empty
    await ask(stage, "banned", mo, add="zounds, f*ie")
    await ask(stage, "banned", mo, add="alas, alack", server=True)
    assert await shown() == ["In this channel: f\\*ie, zounds", "In this server: alack, alas"]
    for server in (False, True):
        assert_private(await ask(stage, "banned", clear=True, server=server), "You need the **")
    await ask(stage, "settings", setting="temperature", value="1")
    told = await ask(stage, "settings", setting="everything", value="reset")
    assert "banned words stay. Clear them with </banned:" in told.content
    told = await ask(stage, "banned", mo, clear=True)
    assert told.content.endswith("\nIn this server:\n```\nalack, alas\n```")
    left = await ask(stage, "banned", mo, clear=True, add="fie", server=True)
    assert left.content.endswith("\n```\nfie\n```")
    left = await ask(stage, "banned", mo, clear=True, server=True)
    assert left.content.startswith("Only the bot's own list applies here")
    await ask(stage, "banned", mo, add="fie", server=True)
    await stage.restart()
    assert await shown() == [empty[0], "In this server: fie"]


async def test_banned_words_stay_out_of_casts(stage: Stage):
    mo = moderator(stage, manage_channels=True, manage_guild=True)
    await ask(stage, "banned", mo, add="zounds")
    refused = answer(await start_script(stage, cast="Maya, Old Zounds"))
    assert_private(refused, "cannot join the cast")
    assert await stage.script() is None
    await start_script(stage, cast="Maya, Jo")
    assert "“zounds” is banned here" in (await ask(stage, "cast", add="Zounds")).content
    for server in (False, True):
        refused = await ask(stage, "banned", mo, add="maya, soup, jo", server=server)
        assert_private(refused, "Nothing was changed, because names in a cast contain words")
        assert "list: JO, MAYA. Remove" in refused.content
        assert "soup" not in (await ask(stage, "banned", mo)).content
    stage.channel = stage.guild.create_text_channel("elsewhere")
    told = await ask(stage, "banned", mo, add="maya")
    assert "```\nmaya\n```" in told.content


async def test_what_was_banned_before_a_script_ran_hinders_no_other_word(stage: Stage):
    mo = moderator(stage, manage_channels=True)
    await start_script(stage, cast="Maya")
    await replace_script(stage)
    await ask(stage, "banned", mo, add="maya")
    first = (await stage.script()).id - 1
    await stage.session.library.switch(Requester(stage.ann.id, "Ann", "switch"), first)
    edit, place = stage.services.sessions.banned_words.edit, stage.channel.id
    added = (edit("channel", place, None, word, "", clear=False) for word in ("alas", "zounds"))
    await asyncio.gather(*added)
    assert "```\nalas, maya, zounds\n```" in (await ask(stage, "banned")).content


async def test_the_operators_list_applies_everywhere(harness: SessionHarness):
    banned = await harness.session.library.load_banned_words(None)
    assert len(banned) > 20
    assert not any(word.startswith("#") for word in banned)
    path = harness.settings.database.with_name("words.txt")
    path.write_text("# mine\nzounds\n\n", encoding="utf-8")
    library = harness.session_with(banned=path).library
    assert await library.load_banned_words(None) == ("zounds",)


def test_words_are_added_and_removed():
    assert edit_words(["b"], "A, c c,  b", "") == ["a", "b", "c c"]
    assert edit_words(["é", "b"], "", "E") == ["b"]
    for add, remove, why in (
        ("", "x", "not on this list"),
        ("...", "", "at least one letter or digit"),
        ("x" * 61, "", "at most 60 characters"),
        (",".join(map(str, range(501))), "", "the limit is 500"),
    ):
        with pytest.raises(RequestError, match=why):
            edit_words(["b"], add, remove)
