"""Test messages that consist of components, sent with discord.py."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui
from discord.http import Route

from .conftest import Stage, code_of
from .state import COMPONENTS_V2, Json

TEXT: Json = {"type": 10, "content": "Hello."}


def card(text: str) -> ui.LayoutView:
    view = ui.LayoutView()
    view.add_item(ui.Container(ui.TextDisplay(text), ui.Separator(), ui.TextDisplay("Again.")))
    return view


async def test_the_flag_of_a_card_stays_and_excludes_other_content(stage: Stage):
    path, legacy = f"/channels/{stage.channel.id}/messages", [{"content": "x"}, {"embeds": [{}]}]

    def ask(method: str, path: str, **body: Any) -> Any:
        body |= {"components": [TEXT], "allowed_mentions": {"parse": []}}
        return stage.client.http.request(Route(method, path), json=body)

    assert await code_of(ask("POST", path)) == 50035
    for wrong in legacy:
        assert await code_of(ask("POST", path, flags=COMPONENTS_V2, **wrong)) == 50035
    sent = await stage.text_channel.send("Hello.")
    assert await code_of(sent.edit(view=card("Hello."))) == 50035
    assert (await sent.edit(content=None, view=card("Hello."))).flags.components_v2
    assert (await ask("PATCH", f"{path}/{sent.id}"))["flags"] & COMPONENTS_V2
    for wrong in legacy:
        assert await code_of(ask("PATCH", f"{path}/{sent.id}", **wrong)) == 50035


async def test_a_message_that_could_ping_is_recorded(stage: Stage):
    view = card("@everyone")
    hook = await stage.text_channel.create_webhook(name="On Book")
    nobody = discord.AllowedMentions.none()
    await stage.text_channel.send(view=view)
    await hook.send("@everyone", allowed_mentions=nobody)
    assert stage.world.pings == []
    everyone = discord.AllowedMentions(everyone=True)
    await stage.text_channel.send(view=view, allowed_mentions=everyone)
    await hook.send("@here", allowed_mentions=everyone)
    assert stage.world.pings == ["@everyone\nAgain.", "@here"]
