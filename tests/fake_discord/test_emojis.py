"""Test the application's emojis with discord.py."""

from __future__ import annotations

import aiohttp

from .conftest import Stage, code_of, picture


async def test_an_emoji_is_made_listed_shown_and_deleted(stage: Stage):
    image, client = picture(), stage.client
    made = await client.create_application_emoji(name="ann_1", image=image)
    assert made.is_application_owned()
    assert await client.fetch_application_emojis() == [made]
    assert (await client.fetch_application_emoji(made.id)).name == "ann_1"
    taken = client.create_application_emoji(name="ann_1", image=image)
    assert await code_of(taken) == 50035
    assert made.url == f"{stage.world.address}/emojis/{made.id}.png"
    async with aiohttp.request("GET", made.url) as response:
        assert (await response.read(), response.content_type) == (image, "image/png")
    await made.delete()
    assert await client.fetch_application_emojis() == []
    assert await code_of(client.fetch_application_emoji(made.id)) == 10014
    async with aiohttp.request("GET", made.url) as response:
        assert response.status == 404
