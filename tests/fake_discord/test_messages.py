"""Test with discord.py what a bot receives of people's messages, and what it may send."""

from typing import Any

import discord
from discord import ui
from discord.http import Route

from .conftest import Stage, code_of
from .people import BOT_MAY
from .state import COMPONENTS_V2, MANAGE_MESSAGES

STAR = "\N{WHITE MEDIUM STAR}"


async def test_the_content_of_a_message_is_withheld_unless_it_mentions_the_bot(stage: Stage):
    bot, ann, channel = stage.world.bot.id, stage.ann, stage.channel
    await ann.write(channel, "HELEN: Get me down.", files={"roof.png": b"roof"})
    await ann.write(channel, f"<@{bot}> HELEN: Get me down.", files={"roof.png": b"roof"})
    first, second = await stage.until_heard(2)
    assert (first.content, first.attachments, first.mentions) == ("", [], [])
    assert (second.content, len(second.attachments)) == (f"<@{bot}> HELEN: Get me down.", 1)
    assert second.mentions == [stage.client.user]
    assert isinstance(first.author, discord.Member)
    assert (first.author.display_name, first.author.bot) == ("Ann", False)
    await stage.discord.edit(first.id, "HELEN: Get me up.")
    await stage.discord.edit(second.id, f"<@{bot}> Never mind.")
    blank, edited = await stage.until(stage.client.edited, 2)
    assert (blank.content, edited.content) == ("", f"<@{bot}> Never mind.")
    readable = [message async for message in stage.text_channel.history()]
    assert [message.content for message in readable] == [f"<@{bot}> Never mind.", ""]
    private = await ann.dm()
    await ann.write(private, "Hello.")
    assert (await stage.until_heard(3))[2].content == "Hello."


async def test_a_reply_mentions_the_author_of_a_regular_message_alone(stage: Stage):
    bot, ann, channel = stage.world.bot.id, stage.ann, stage.channel
    hook = await stage.text_channel.create_webhook(name="On Book")
    mine = await stage.text_channel.send("Reply to this one.")
    spoken = await hook.send("Hello.", username="HELEN", wait=True)
    for replied, text, pings in (
        (mine, "Get me down.", True),
        (mine, "Get me down.", False),
        (spoken, "Get me down.", True),
        (spoken, f"<@{bot}> Get me down.", True),
    ):
        await ann.write(channel, text, reply_to=await stage.discord.see(replied.id), pings=pings)
    heard = (await stage.until_heard(6))[2:]
    assert [post.content for post in heard] == ["Get me down.", "", "", f"<@{bot}> Get me down."]
    assert [bool(post.mentions) for post in heard] == [True, False, False, True]
    references = [post.reference for post in heard if post.reference]
    assert [link.message_id for link in references] == [mine.id, mine.id, spoken.id, spoken.id]
    resolved = [link.resolved for link in references if isinstance(link.resolved, discord.Message)]
    assert [post.content for post in resolved] == ["Reply to this one."] * 2 + ["", ""]
    answer = await stage.text_channel.send("Yes.", reference=heard[0], mention_author=False)
    assert answer.reference is not None
    assert answer.reference.message_id == heard[0].id


async def test_people_have_the_permissions_of_their_roles(stage: Stage):
    for may in (BOT_MAY, BOT_MAY | MANAGE_MESSAGES):
        await (await stage.guild.person("Mo", may)).write(stage.channel, "Hello.")
    authors = [message.author for message in await stage.until_heard(2)]
    moderate = [stage.text_channel.permissions_for(author).manage_messages for author in authors]
    assert moderate == [False, True]
    me = stage.text_channel.guild.me
    assert stage.text_channel.permissions_for(me).value & BOT_MAY == BOT_MAY


async def test_the_messages_of_others_are_deleted_with_a_permission(stage: Stage):
    await stage.ann.write(stage.channel, "Hello.")
    [heard] = await stage.until_heard(1)
    assert await code_of(heard.delete()) == 50013
    stage.world.guilds[stage.guild.id].bot_may |= MANAGE_MESSAGES
    await heard.delete()
    assert await code_of(heard.delete()) == 10008
    assert await code_of(heard.edit(content="x")) == 10008
    private = await stage.ann.dm()
    await stage.ann.write(private, "Hello.")
    [_, heard] = await stage.until_heard(2)
    assert await code_of(heard.delete()) == 50003


async def test_a_bot_needs_permissions_to_react(stage: Stage):
    await stage.ann.write(stage.channel, "Hello.")
    [heard] = await stage.until_heard(1)
    await stage.channel.deny(add_reactions=True)
    assert await code_of(heard.add_reaction(STAR)) == 50013
    shown = await stage.discord.see(heard.id)
    await stage.ann.react(shown, STAR)
    await heard.add_reaction(STAR)
    both = [stage.ann.id, stage.world.bot.id]
    await stage.discord.until(lambda: shown.reactions == {STAR: both})
    private = await stage.ann.dm()
    await stage.ann.write(private, "Hello.")
    await (await stage.until_heard(2))[1].add_reaction(STAR)


def card(text: str) -> ui.LayoutView:
    view = ui.LayoutView()
    view.add_item(ui.Container(ui.TextDisplay(text), ui.Separator(), ui.TextDisplay("Again.")))
    return view


async def test_the_flag_of_a_card_stays_and_excludes_other_content(stage: Stage):
    path = f"/channels/{stage.channel.id}/messages"

    def ask(method: str, path: str, **body: Any) -> Any:
        body |= {
            "components": [{"type": 10, "content": "Hello."}],
            "allowed_mentions": {"parse": []},
        }
        return stage.client.http.request(Route(method, path), json=body)

    assert await code_of(ask("POST", path)) == 50035
    assert await code_of(ask("POST", path, flags=COMPONENTS_V2, content="x")) == 50035
    sent = await stage.text_channel.send("Hello.")
    assert await code_of(sent.edit(view=card("Hello."))) == 50035
    assert (await sent.edit(content=None, view=card("Hello."))).flags.components_v2
    assert (await ask("PATCH", f"{path}/{sent.id}"))["flags"] & COMPONENTS_V2
    assert await code_of(ask("PATCH", f"{path}/{sent.id}", content="x")) == 50035


async def test_a_message_that_could_ping_is_recorded(stage: Stage):
    view = card("@everyone")
    hook = await stage.text_channel.create_webhook(name="On Book")
    nobody = discord.AllowedMentions.none()
    await stage.text_channel.send(view=view)
    await hook.send("@everyone", allowed_mentions=nobody)
    everyone = discord.AllowedMentions(everyone=True)
    await stage.text_channel.send(view=view, allowed_mentions=everyone)
    await hook.send("@here", allowed_mentions=everyone)
    await stage.discord.until(lambda: stage.discord.pings == ["@everyone\nAgain.", "@here"])
