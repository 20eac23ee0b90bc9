"""Tests of webhooks, asked with discord.py as a bot asks."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord.http import Route

from .conditions import IN_CHANNEL
from .conftest import Stage, code_of
from .people import BOT_MAY, Entry
from .state import Webhook

FACE = "https://cdn.example/ann.png"


async def test_a_webhook_posts_under_any_name_and_picture(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    sent = await hook.send("Hello.", username="ANN", avatar_url=FACE, wait=True)
    assert (sent.author.name, sent.author.bot, sent.webhook_id) == ("ANN", True, hook.id)
    [heard] = await stage.until_heard(1)
    assert (heard.id, heard.author.name, heard.webhook_id) == (sent.id, "ANN", hook.id)
    assert heard.author.avatar == sent.author.avatar is not None
    await stage.discord.until(stage.channel.messages)
    [shown] = stage.channel.messages()
    assert (shown.author, shown.avatar, shown.webhook) == ("ANN", FACE, hook.id)
    assert await hook.send("Without a name, and without waiting.") is None
    await stage.until_heard(2)
    second = "On Book", "Without a name, and without waiting."
    await stage.channel.shows(("ANN", "Hello."), second)


async def test_a_webhook_is_made_by_who_may_manage_webhooks(stage: Stage):
    stage.world.guilds[stage.guild.id].bot_may = BOT_MAY
    assert await code_of(stage.text_channel.create_webhook(name="On Book")) == 50013
    assert await code_of(stage.text_channel.webhooks()) == 50013


async def test_a_channel_has_fifteen_webhooks_at_most(stage: Stage):
    made = [await stage.text_channel.create_webhook(name=f"W{number}") for number in range(15)]
    assert await code_of(stage.text_channel.create_webhook(name="W")) == 30007
    assert await stage.text_channel.webhooks() == made
    other = stage.client.get_partial_messageable((await stage.guild.channel("other")).id)
    create = Route("POST", "/channels/{channel_id}/webhooks", channel_id=other.id)
    await stage.client.http.request(create, json={"name": "W"})


async def test_a_webhook_does_not_take_every_name(stage: Stage):
    create = Route("POST", "/channels/{channel_id}/webhooks", channel_id=stage.channel.id)
    hook = await stage.text_channel.create_webhook(name="x" * 80)
    for name in ("", " ", "x" * 81, "The Discord", "CLYDE"):
        assert await code_of(stage.client.http.request(create, json={"name": name})) == 50035
        body = {"content": "Hello.", "username": name, "allowed_mentions": {"parse": []}}
        adapter = discord.webhook.async_.async_context.get()
        asked = adapter.execute_webhook(
            hook.id, hook.token or "", session=hook.session, payload=body, wait=True
        )
        assert await code_of(asked) == 50035
    sent = await hook.send("Hello.", username=f" {'x' * 39}  {'y' * 40} ", wait=True)
    assert sent.author.name == f"{'x' * 39} {'y' * 40}"


async def test_a_message_of_a_webhook_is_edited_and_deleted_by_the_webhook(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    sent = await hook.send("Hello.", username="ANN", wait=True)
    edited = await sent.edit(content="Good night.")
    assert (edited.content, edited.author.name) == ("Good night.", "ANN")
    # As a bot, it is not the author.
    mine = stage.text_channel.get_partial_message(sent.id)
    assert await code_of(mine.edit(content="Mine.")) == 50005
    assert await code_of(mine.delete()) == 50013
    await sent.delete()
    assert await code_of(sent.edit(content="Again.")) == 10008
    assert await code_of(sent.delete()) == 10008
    other = await stage.text_channel.create_webhook(name="Other")
    sent = await hook.send("Hello.", wait=True)
    assert await code_of(other.edit_message(sent.id, content="Mine.")) == 10008


async def test_a_webhook_needs_its_token(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    for known, token, code in ((hook.id, "another token", 50027), (1, hook.token, 10015)):
        stranger = discord.Webhook.partial(known, token or "", client=stage.client)
        assert await code_of(stranger.send("Hello.")) == code


async def test_messages_of_the_bots_own_webhooks_have_buttons(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    pressed = asyncio.get_running_loop().create_future()
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Undo", custom_id="undo"))

    async def on_interaction(interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content="Gone.", view=None)
        pressed.set_result(interaction.message)

    stage.client.on_interaction = on_interaction  # type: ignore[attr-defined]
    await hook.send("Hello.", username="ANN", view=view)
    await stage.discord.until(stage.channel.messages)
    [shown] = stage.channel.messages()
    await stage.ann.click(shown, "Undo")
    assert (await pressed).webhook_id == hook.id
    await stage.channel.shows(("ANN", "Gone."))


async def test_a_webhook_that_could_ping_is_noticed(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    await hook.send("@everyone", allowed_mentions=discord.AllowedMentions.none())
    assert stage.world.pings == []
    await hook.send("@everyone", allowed_mentions=discord.AllowedMentions(everyone=True))
    assert stage.world.pings == ["@everyone"]


async def test_a_webhook_posts_five_times_in_two_seconds(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    await stage.discord.conditions(limited=True)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(6):
        await hook.send(f"{number}")
    # discord.py sees in the headers that no request is left, and waits.
    assert loop.time() - began > 1.5
    assert stage.world.conditions.counts["429 of execute"] == 0
    other = await stage.text_channel.create_webhook(name="Other")
    path = f"{stage.world.address}/api/v10/webhooks/{other.id}/{other.token}"
    for number in range(6):
        async with hook.session.post(path, json={"content": f"{number}"}) as response:
            assert response.status == (204 if number < 5 else 429)
    assert stage.world.conditions.counts["429 of execute"] == 1


async def test_a_channel_takes_thirty_posts_of_webhooks_in_a_minute(stage: Stage):
    hooks = [await stage.text_channel.create_webhook(name=name) for name in ("A", "B")]
    elsewhere = stage.world.webhooks[1] = Webhook(1, (await stage.guild.channel("other")).id, "C")
    await stage.discord.conditions(limited=True)
    counts = stage.world.conditions.counts
    session = hooks[0].session

    async def post(webhook: Any) -> int:
        path = f"{stage.world.address}/api/v10/webhooks/{webhook.id}/{webhook.token}"
        async with session.post(path, json={"content": "Hello."}) as response:
            return response.status

    for _ in range(3):
        assert {await post(one) for one in hooks for _ in range(5)} == {204}
        stage.world.ahead += 2
    assert await post(hooks[0]) == 429
    assert counts["429 of executions in a channel"] == 1
    assert await post(elsewhere) == 204
    # discord.py waits as long as it is told, and posts then.
    now = stage.world.now()
    bucket = stage.world.conditions.bucket(IN_CHANNEL, str(stage.channel.id), now)
    stage.world.ahead += bucket.ends - now - 2
    await hooks[1].send("At last.")
    assert counts["429 of executions in a channel"] == 2
    await stage.discord.until(lambda: stage.channel.shown()[-1] == ("B", "At last."))


async def test_a_timeline_has_all_messages_by_their_time(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    first = await hook.send("One.", username="ANN", wait=True)
    second = await stage.text_channel.send("Two.")
    third = await hook.send("Three.", username="BEN", wait=True)
    await first.edit(content="One, again.")
    await second.delete()
    await stage.channel.shows(("ANN", "One, again."), ("BEN", "Three."))
    assert stage.channel.timeline() == [
        Entry(first.id, "ANN", "One, again.", is_gone=False),
        Entry(second.id, "On Book", "Two.", is_gone=True),
        Entry(third.id, "BEN", "Three.", is_gone=False),
    ]
