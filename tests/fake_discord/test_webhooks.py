"""Test webhooks with discord.py."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from discord.http import Route

from .conditions import IN_CHANNEL
from .conftest import Stage, code_of
from .people import Entry

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


async def test_making_a_webhook_needs_a_permission(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    await stage.channel.deny(manage_webhooks=True)
    assert await code_of(stage.text_channel.create_webhook(name="On Book")) == 50013
    assert await code_of(stage.text_channel.webhooks()) == 50013
    assert not stage.text_channel.permissions_for(stage.text_channel.guild.me).manage_webhooks
    # With a webhook's token, no permission is needed.
    assert (await hook.send("Hello.", wait=True)).content == "Hello."
    await hook.delete(prefer_auth=False)


async def test_a_channel_has_fifteen_webhooks_at_most(stage: Stage):
    for number in range(14):
        await stage.text_channel.create_webhook(name=f"W{number}")
    foreign = await stage.ann.webhook(stage.channel, "News")
    assert await code_of(stage.text_channel.create_webhook(name="W")) == 30007
    found = await stage.text_channel.webhooks()
    assert [one.name for one in found] == [*(f"W{number}" for number in range(14)), "News"]
    mine = {one.id for one in found if one.user == stage.client.user}
    assert len(mine) == 14
    assert foreign not in mine
    other = await stage.guild.channel("other")
    await stage.discord.do("make_webhook", user=stage.ann.id, channel=other.id, name="W")


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "The Discord", "CLYDE"])
async def test_a_webhook_does_not_take_every_name(stage: Stage, name: str):
    create = Route("POST", "/channels/{channel_id}/webhooks", channel_id=stage.channel.id)
    assert await code_of(stage.client.http.request(create, json={"name": name})) == 50035
    hook = await stage.text_channel.create_webhook(name="x" * 80)
    adapter = discord.webhook.async_.async_context.get()
    asked = adapter.execute_webhook(
        hook.id,
        hook.token or "",
        session=hook.session,
        payload={"content": "Hello.", "username": name, "allowed_mentions": {"parse": []}},
        wait=True,
    )
    assert await code_of(asked) == 50035
    sent = await hook.send("Hello.", username=f" {'x' * 39}  {'y' * 40} ", wait=True)
    assert sent.author.name == f"{'x' * 39} {'y' * 40}"


async def test_a_message_of_a_webhook_is_edited_and_deleted_by_the_webhook(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    sent = await hook.send("Hello.", username="ANN", wait=True)
    edited = await sent.edit(content="Good night.")
    assert (edited.content, edited.author.name) == ("Good night.", "ANN")
    assert (await hook.fetch_message(sent.id)).content == "Good night."
    # The bot itself is not the author.
    mine = stage.text_channel.get_partial_message(sent.id)
    assert await code_of(mine.edit(content="Mine.")) == 50005
    assert await code_of(mine.delete()) == 50013
    await sent.delete()
    assert await code_of(sent.edit(content="Again.")) == 10008
    assert await code_of(hook.fetch_message(sent.id)) == 10008
    assert await code_of(sent.delete()) == 10008
    other = await stage.text_channel.create_webhook(name="Other")
    sent = await hook.send("Hello.", wait=True)
    assert await code_of(other.edit_message(sent.id, content="Mine.")) == 10008


async def test_a_webhook_that_is_gone_is_unknown_and_its_messages_stay(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    stranger = discord.Webhook.partial(hook.id, "another token", client=stage.client)
    assert await code_of(stranger.send("Hello.")) == 50027
    sent = await hook.send("Hello.", wait=True)
    await stage.discord.delete_webhook(hook.id)
    assert await code_of(hook.send("Hello.")) == 10015
    assert await code_of(sent.edit(content="Hello.")) == 10015
    assert await code_of(sent.delete()) == 10015
    assert await code_of(hook.delete()) == 10015
    assert await code_of(stage.client.fetch_webhook(hook.id)) == 10015
    await stage.channel.shows(("On Book", "Hello."))
    async with asyncio.timeout(60):
        while len(stage.client.webhooks_of) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert stage.client.webhooks_of == [stage.channel.id] * 2


async def test_a_webhook_posts_in_the_threads_of_its_channel(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    thread = await stage.channel.thread("Act one")
    here = discord.Object(thread.id)
    sent = await hook.send("Hello.", thread=here, wait=True)
    await thread.shows(("On Book", "Hello."))
    assert stage.channel.shown() == []
    assert await code_of(hook.edit_message(sent.id, content="Bye.")) == 10008
    await hook.edit_message(sent.id, content="Bye.", thread=here)
    elsewhere = discord.Object((await (await stage.guild.channel("other")).thread("Act two")).id)
    assert await code_of(hook.send("Hello.", thread=elsewhere)) == 10003
    create = Route("POST", "/channels/{channel_id}/webhooks", channel_id=thread.id)
    assert await code_of(stage.client.http.request(create, json={"name": "x"})) == 50024


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
    # Discord ignores the components of other webhooks.
    foreign = stage.world.webhooks[await stage.ann.webhook(stage.channel, "News")]
    stranger = discord.Webhook.partial(foreign.id, foreign.token, session=hook.session)
    payload = {"content": "Hello.", "components": view.to_components()}
    adapter = discord.webhook.async_.async_context.get()
    sent = await adapter.execute_webhook(
        stranger.id, foreign.token, session=hook.session, payload=payload, wait=True
    )
    assert sent is not None
    assert sent["components"] == []


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
    # The headers tell discord.py that no request is left, so it waits.
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
    other = await stage.guild.channel("other")
    foreign = stage.world.webhooks[await stage.ann.webhook(other, "C")]
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
    assert await post(foreign) == 204
    # discord.py waits for the time in the answer, and posts again.
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
