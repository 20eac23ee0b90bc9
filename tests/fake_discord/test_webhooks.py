"""Test webhooks with discord.py."""

import asyncio

import discord
import pytest
from discord.http import Route

from .conditions import IN_CHANNEL
from .conftest import Stage, code_of
from .faults import Kind
from .state import Webhook


async def test_webhooks_need_a_permission_or_their_token(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    await stage.channel.deny(manage_webhooks=True)
    assert await code_of(stage.text_channel.create_webhook(name="On Book")) == 50013
    assert await code_of(stage.text_channel.webhooks()) == 50013
    assert not stage.text_channel.permissions_for(stage.text_channel.guild.me).manage_webhooks
    assert (await hook.send("Hello.", wait=True)).content == "Hello."


async def test_a_channel_has_at_most_fifteen_webhooks(stage: Stage):
    for number in range(13):
        webhook = Webhook(number, stage.channel.id, f"W{number}", stage.world.bot.id)
        stage.world.webhooks[number] = webhook
    await stage.text_channel.create_webhook(name="W13")
    foreign = await stage.ann.webhook(stage.channel, "News")
    assert await code_of(stage.text_channel.create_webhook(name="W")) == 30007
    found = await stage.text_channel.webhooks()
    assert [webhook.name for webhook in found] == [*(f"W{number}" for number in range(14)), "News"]
    assert foreign not in {webhook.id for webhook in found if webhook.user == stage.client.user}
    await stage.ann.webhook(await stage.guild.channel("other"), "W")


async def test_the_names_of_webhooks_are_checked(stage: Stage):
    create = Route("POST", "/channels/{channel_id}/webhooks", channel_id=stage.channel.id)
    assert await code_of(stage.client.http.request(create, json={"name": "CLYDE"})) == 50035
    hook = await stage.text_channel.create_webhook(name="On Book")
    with pytest.raises(discord.HTTPException, match='In username: Username cannot be "here"'):
        await hook.send("Hello.", username="HERE")


async def test_only_its_webhook_edits_and_deletes_a_message(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    sent = await hook.send("Hello.", username="ANN", wait=True)
    edited = await sent.edit(content="Good night.")
    assert (edited.content, edited.author.name) == ("Good night.", "ANN")
    mine = stage.text_channel.get_partial_message(sent.id)
    assert await code_of(mine.edit(content="Mine.")) == 50005
    assert await code_of(mine.delete()) == 50013
    other = await stage.text_channel.create_webhook(name="Other")
    assert await code_of(other.edit_message(sent.id, content="Mine.")) == 10008
    await sent.delete()
    for asked in (sent.edit(content="Again."), sent.delete()):
        assert await code_of(asked) == 10008


async def test_the_messages_of_a_deleted_webhook_stay(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    stranger = discord.Webhook.partial(hook.id, "another token", client=stage.client)
    assert await code_of(stranger.send("Hello.")) == 50027
    sent = await hook.send("Hello.", wait=True)
    await stage.discord.delete_webhook(hook.id)
    for asked in (hook.send("Hello."), sent.edit(content="x"), sent.delete()):
        assert await code_of(asked) == 10015
    await stage.channel.shows(("On Book", "Hello."))
    assert await stage.until(stage.client.webhooks_of, 2) == [stage.channel.id] * 2


async def test_the_content_of_a_webhooks_messages_is_withheld_from_the_bot(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    sent = await hook.send("Hello.", username="ANN", wait=True)
    assert sent.content == "Hello."
    [heard] = await stage.until_heard(1)
    [read] = [message async for message in stage.text_channel.history()]
    for seen in (heard, read, await stage.text_channel.fetch_message(sent.id)):
        assert (seen.content, seen.author.name, seen.webhook_id) == ("", "ANN", hook.id)
        assert seen.application_id == stage.client.application_id
    own = await stage.text_channel.send("Mine.")
    assert (await stage.text_channel.fetch_message(own.id)).content == "Mine."
    await stage.channel.deny(read_message_history=True)
    assert await code_of(stage.text_channel.fetch_message(own.id)) == 50013


async def test_a_late_request_is_carried_out_although_its_sender_has_gone(stage: Stage):
    hook = await stage.text_channel.create_webhook(name="On Book")
    async with stage.discord.holding("POST", "/webhooks/", kind=Kind.LATE):
        sending = asyncio.create_task(hook.send("Hello."))
        await stage.discord.until(lambda: stage.discord.held)
        sending.cancel()
        await asyncio.wait([sending])
        assert stage.channel.shown() == []
    await stage.channel.shows(("On Book", "Hello."))


async def test_webhooks_have_limits_of_their_own_and_of_their_channel(stage: Stage):
    first = stage.world.webhooks[await stage.ann.webhook(stage.channel, "A")]
    second = stage.world.webhooks[await stage.ann.webhook(stage.channel, "B")]
    other = stage.world.webhooks[await stage.ann.webhook(await stage.guild.channel("other"), "C")]
    hook = discord.Webhook.partial(second.id, second.token, client=stage.client)
    await stage.discord.conditions(limited=True)
    counts = stage.world.conditions.counts

    async def post(webhook: Webhook) -> int:
        path = f"{stage.world.address}/api/v10/webhooks/{webhook.id}/{webhook.token}"
        async with hook.session.post(path, json={"content": "Hello."}) as response:
            return response.status

    for _ in range(3):
        assert {await post(webhook) for webhook in (first, second) for _ in range(5)} == {204}
        assert await post(first) == 429
        stage.world.ahead += 2
    assert counts["429 of execute"] == 3
    assert await post(first) == 429
    assert counts[f"429 of {IN_CHANNEL}"] == 1
    assert await post(other) == 204
    # discord.py waits for the time in the answer, and posts again.
    bucket = stage.world.conditions.bucket(IN_CHANNEL, str(stage.channel.id))
    stage.world.ahead += bucket.ends - stage.world.now() - 0.5
    await hook.send("At last.")
    assert counts[f"429 of {IN_CHANNEL}"] == 2
    await stage.discord.until(lambda: stage.channel.shown()[-1] == ("B", "At last."))
