"""Test the application's emojis with discord.py."""

from __future__ import annotations

import base64
import io

import aiohttp
import pytest
from discord.http import Route
from PIL import Image

from . import rules
from .conftest import Stage, code_of
from .state import Emoji


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, kind)
    return file.getvalue()


async def test_an_emoji_is_made_listed_shown_and_deleted(stage: Stage):
    image = picture()
    made = await stage.client.create_application_emoji(name="ann_1", image=image)
    assert made.is_application_owned()
    assert await stage.client.fetch_application_emojis() == [made]
    assert (await stage.client.fetch_application_emoji(made.id)).name == "ann_1"
    assert made.url == f"{stage.world.address}/emojis/{made.id}.png"
    async with aiohttp.request("GET", made.url) as response:
        assert (await response.read(), response.content_type) == (image, "image/png")
    await made.delete()
    assert await stage.client.fetch_application_emojis() == []
    assert await code_of(stage.client.fetch_application_emoji(made.id)) == 10014
    async with aiohttp.request("GET", made.url) as response:
        assert response.status == 404


@pytest.mark.parametrize("name", ["a", "a" * 33, "a b", "a-b", "ä_1", "taken"])
async def test_an_emoji_does_not_take_every_name(stage: Stage, name: str):
    await stage.client.create_application_emoji(name="taken", image=picture())
    asked = stage.client.create_application_emoji(name=name, image=picture())
    assert await code_of(asked) == 50035
    for fine in ("ab", "Z" * 32):
        await stage.client.create_application_emoji(name=fine, image=picture("WEBP"))


async def test_an_emoji_is_an_image_of_some_size(stage: Stage):
    create = Route("POST", "/applications/{one}/emojis", one=stage.client.application_id)
    encoded = base64.b64encode(picture()).decode()
    for uri in (encoded, f"data:text/plain;base64,{encoded}", "data:image/png;base64,abc", None):
        body = {"name": "ann", "image": uri}
        assert await code_of(stage.client.http.request(create, json=body)) == 50035
    image = picture().ljust(rules.EMOJI_SIZE, b"\0")
    await stage.client.create_application_emoji(name="large", image=image)
    asked = stage.client.create_application_emoji(name="larger", image=image + b"\0")
    assert await code_of(asked) == 0


async def test_an_application_has_two_thousand_emojis_at_most(stage: Stage):
    for number in range(1999):
        stage.world.emojis[number] = Emoji(number, f"e{number}", b"", "image/png")
    await stage.client.create_application_emoji(name="last", image=picture())
    asked = stage.client.create_application_emoji(name="one_more", image=picture())
    assert await code_of(asked) == 30008
