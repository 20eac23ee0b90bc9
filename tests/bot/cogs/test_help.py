"""Test the bot's answer to a mention, and the details of a message."""

from __future__ import annotations

import pytest

from bot.i18n.catalogue import remember_commands, say
from tests.bot.conftest import Stage, answer, labels, start_script


async def mention(stage: Stage, text: str = "<@{bot}> hello") -> list[str]:
    """Return what the bot has said after a message of Ben's."""
    await stage.ben.send(stage.channel, text.format(bot=stage.world.bot.user.id))
    await stage.world.settle()
    return [post.content for post in stage.messages() if post.author.id == stage.world.bot.user.id]


async def test_a_mention_is_answered_once_a_minute(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    assert await mention(stage, "hello <@{bot}>") == []
    assert await mention(stage, "nobody") == []
    [told] = await mention(stage)
    assert "has understood none of them. That is the fun." in told
    assert ", or mention me." in told
    [shown] = [message for message in stage.messages() if message.content == told]
    assert labels(shown) == ["Start a script", "Surprise me"]
    assert await mention(stage) == [told]
    monkeypatch.setattr("bot.cogs.messages.ANSWER_SECONDS", 0.0)
    assert await mention(stage) == [told, told]
    # The operator of a host's bot has to allow it.
    monkeypatch.setattr(stage.services, "hears", False)
    assert len(await mention(stage)) == 2
    monkeypatch.setattr(stage.services, "hears", True)
    assert len(await mention(stage)) == 3


def test_commands_are_mentioned_by_their_ids():
    assert say("Use {/script show}.") == "Use /script show."
    remember_commands({"script": 7})
    assert say("Use {/script show}.") == "Use </script show:7>."


async def test_details_are_shown_to_the_person_who_asks(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=7)
    heading, line = stage.messages()[-3:-1]
    said = await stage.ben.send(stage.channel, "hello")
    of_heading, of_line, of_nothing = [
        answer(await stage.ben.context_menu(stage.channel, "Details", message))
        for message in (heading, line, said)
    ]
    assert of_line.ephemeral
    for part in ("tiny", "seed 7", "mood lively", "quality quick", "bits per character"):
        assert part in of_line.content
    assert "Ann" in of_heading.content
    assert "seed" not in of_heading.content
    assert of_nothing.content.startswith("That message shows no line of a script.")
