"""Test messages that consist of components, sent with discord.py."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
import pytest
from discord import ui
from discord.http import Route

from .conftest import Stage, code_of
from .state import COMPONENTS_V2, Json

TEXT: Json = {"type": 10, "content": "Hello."}
LINK: Json = {"type": 2, "style": 5, "label": "More", "url": "https://example.com"}
PICTURE: Json = {"type": 11, "media": {"url": "https://example.com/a.png"}}


def button(custom_id: str) -> Json:
    return {"type": 2, "style": 1, "label": custom_id, "custom_id": custom_id}


def container(*inside: Json, **more: Any) -> Json:
    return {"type": 17, "components": list(inside), **more}


def section(*texts: Json, accessory: Json | None = PICTURE) -> Json:
    return {"type": 9, "components": list(texts), "accessory": accessory}


def row(*inside: Json) -> Json:
    return {"type": 1, "components": list(inside)}


def gallery(*urls: str) -> Json:
    return {"type": 12, "items": [{"media": {"url": url}} for url in urls]}


class Card(ui.LayoutView):
    """A card with one of each component."""

    def __init__(self, text: str) -> None:
        super().__init__(timeout=None)
        more = ui.Section(ui.TextDisplay("Again."), accessory=ui.Thumbnail("https://a.b/c.png"))
        self.undo = ui.Button["Card"](label="Undo", custom_id="undo")
        self.add_item(
            ui.Container(
                ui.TextDisplay(text),
                more,
                ui.Separator(spacing=discord.SeparatorSpacing.large),
                ui.MediaGallery(discord.MediaGalleryItem("https://a.b/d.png")),
                ui.ActionRow(self.undo),
                accent_colour=discord.Colour.teal(),
            )
        )


async def send(stage: Stage, **body: Any) -> Any:
    """Post a message without discord.py's own checks."""
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=stage.channel.id)
    return await stage.client.http.request(route, json={"allowed_mentions": {"parse": []}} | body)


async def test_a_card_is_sent_edited_and_pressed(stage: Stage):
    sent = await stage.text_channel.send(view=Card("**ANN** Hello."))
    assert sent.flags.components_v2
    [card] = sent.components
    assert isinstance(card, discord.Container)
    assert card.accent_colour == discord.Colour.teal()
    await stage.discord.until(stage.channel.messages)
    [shown] = stage.channel.messages()
    assert (shown.content, shown.text) == ("", "**ANN** Hello.\nAgain.")
    await stage.channel.shows(("On Book", "**ANN** Hello.\nAgain."))
    pressed = asyncio.get_running_loop().create_future()

    async def on_interaction(interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(view=Card("Gone."))
        pressed.set_result(interaction.message)

    stage.client.on_interaction = on_interaction  # type: ignore[attr-defined]
    await stage.ann.click(shown, "Undo")
    assert (await pressed).flags.components_v2
    await stage.discord.until(lambda: shown.text == "Gone.\nAgain.")
    # The flag stays, although this edit does not name it.
    route = Route("PATCH", f"/channels/{stage.channel.id}/messages/{sent.id}")
    body: Json = {"components": [TEXT], "allowed_mentions": {"parse": []}}
    edited: Any = await stage.client.http.request(route, json=body)
    assert edited["flags"] & COMPONENTS_V2
    for legacy in ({"content": "Hello."}, {"embeds": [{"description": "Hello."}]}):
        assert await code_of(stage.client.http.request(route, json=legacy | body)) == 50035


async def test_a_message_becomes_a_card_when_its_text_goes(stage: Stage):
    sent = await stage.text_channel.send("Hello.")
    assert await code_of(sent.edit(view=Card("Hello."))) == 50035
    edited = await sent.edit(content=None, view=Card("Hello."))
    assert edited.flags.components_v2


@pytest.mark.parametrize(
    ("fine", "wrong"),
    [
        ([TEXT], []),
        ([TEXT] * 40, [TEXT] * 41),
        ([container(*[TEXT] * 39)], [container(*[TEXT] * 40)]),
        ([TEXT | {"content": "x" * 2000}] * 2, [TEXT | {"content": "x" * 2001}] * 2),
        ([section(TEXT, TEXT, TEXT)], [section(TEXT, TEXT, TEXT, TEXT)]),
        ([section(TEXT, accessory=button("a"))], [section(accessory=button("a"))]),
        ([section(TEXT, accessory=LINK)], [section(TEXT, accessory=None)]),
        ([section(TEXT)], [section(TEXT, accessory=TEXT)]),
        ([row(button("a"), button("b"))], [button("a")]),
        ([container(row(button("a")))], [container(row(TEXT))]),
        ([container(section(TEXT))], [container(container(TEXT))]),
        ([container(TEXT)], [container()]),
        (
            [container(TEXT, accent_color=0xFFFFFF)],
            [container(TEXT, accent_color=0x1000000)],
        ),
        ([gallery(*["https://a.b/c.png"] * 10)], [gallery(*["https://a.b/c.png"] * 11)]),
        ([gallery("http://a.b/c.png")], [gallery("attachment://c.png")]),
        ([TEXT, {"type": 14, "spacing": 2}], [TEXT, {"type": 14, "spacing": 3}]),
        ([TEXT | {"id": 1}, TEXT | {"id": 2}], [TEXT | {"id": 1}] * 2),
        (
            [row(button("a")), section(TEXT, accessory=button("b"))],
            [row(button("a")), section(TEXT, accessory=button("a"))],
        ),
        ([row(button("a"))] * 1, [TEXT, {"type": 99}]),
    ],
)
async def test_a_card_has_its_limits(stage: Stage, fine: list[Json], wrong: list[Json]):
    await send(stage, flags=COMPONENTS_V2, components=fine)
    refused = await code_of(send(stage, flags=COMPONENTS_V2, components=wrong))
    assert refused == (50035 if wrong else 50006)


async def test_components_of_cards_need_the_flag_and_no_other_content(stage: Stage):
    assert await code_of(send(stage, components=[TEXT])) == 50035
    for legacy in ({"content": "Hello."}, {"embeds": [{"description": "Hello."}]}):
        asked = send(stage, flags=COMPONENTS_V2, components=[TEXT], **legacy)
        assert await code_of(asked) == 50035
    # The limit of five rows applies only without the flag.
    rows = [row(button(f"{number}")) for number in range(6)]
    assert await code_of(send(stage, components=rows)) == 50035
    await send(stage, flags=COMPONENTS_V2, components=rows)


async def test_a_card_shows_the_files_that_come_with_it(stage: Stage):
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://a.png")))
    file = discord.File(io.BytesIO(b"a"), "a.png")
    assert [
        one.filename for one in (await stage.text_channel.send(view=view, file=file)).attachments
    ] == ["a.png"]


async def test_a_card_pings_as_any_text_does(stage: Stage):
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay("@everyone"))
    await stage.text_channel.send(view=view)
    assert stage.world.pings == []
    await stage.text_channel.send(
        view=view, allowed_mentions=discord.AllowedMentions(everyone=True)
    )
    assert stage.world.pings == ["@everyone"]


async def test_answers_follow_ups_and_webhooks_are_cards_too(stage: Stage):
    @stage.client.tree.command(description="Deal")
    async def deal(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(view=Card("One."))
        await interaction.followup.send(view=Card("Two."))
        hook = await stage.text_channel.create_webhook(name="On Book")
        sent = await hook.send(view=Card("Three."), username="ANN", wait=True)
        assert sent.flags.components_v2
        await sent.edit(view=Card("Four."))
        await interaction.followup.send(view=Card("Five."), ephemeral=True)

    await stage.client.tree.sync()
    asked = await stage.ann.slash(stage.channel, "deal")
    last = await asked.shows("Five.")
    assert last.only_for == stage.ann.id
    await stage.channel.shows(
        ("On Book", "One.\nAgain."), ("On Book", "Two.\nAgain."), ("ANN", "Four.\nAgain.")
    )
