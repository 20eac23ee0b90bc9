"""Test messages that consist of components, sent with discord.py."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
from discord import ui
from discord.http import Route

from .conftest import Stage, code_of
from .state import COMPONENTS_V2, Json

TEXT: Json = {"type": 10, "content": "Hello."}


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


async def test_a_card_is_sent_edited_and_pressed(stage: Stage):
    sent = await stage.text_channel.send(view=Card("**ANN** Hello."))
    assert sent.flags.components_v2
    [card] = sent.components
    assert isinstance(card, discord.Container)
    assert card.accent_colour == discord.Colour.teal()
    await stage.channel.shows(("On Book", "**ANN** Hello.\nAgain."))
    [shown] = stage.channel.messages()
    assert shown.content == ""
    pressed = asyncio.get_running_loop().create_future()

    async def on_interaction(interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(view=Card("Gone."))
        pressed.set_result(interaction.message)

    stage.client.on_interaction = on_interaction  # type: ignore[attr-defined]
    await stage.ann.click(shown, "Undo")
    assert (await pressed).flags.components_v2
    await stage.discord.until(lambda: shown.text == "Gone.\nAgain.")


async def test_the_flag_of_a_card_stays_and_excludes_other_content(stage: Stage):
    path, legacy = f"/channels/{stage.channel.id}/messages", [{"content": "x"}, {"embeds": [{}]}]

    def ask(method: str, path: str, **body: Any) -> Any:
        body |= {"components": [TEXT], "allowed_mentions": {"parse": []}}
        return stage.client.http.request(Route(method, path), json=body)

    assert await code_of(ask("POST", path)) == 50035
    for wrong in legacy:
        assert await code_of(ask("POST", path, flags=COMPONENTS_V2, **wrong)) == 50035
    sent = await stage.text_channel.send("Hello.")
    assert await code_of(sent.edit(view=Card("Hello."))) == 50035
    assert (await sent.edit(content=None, view=Card("Hello."))).flags.components_v2
    assert (await ask("PATCH", f"{path}/{sent.id}"))["flags"] & COMPONENTS_V2
    for wrong in legacy:
        assert await code_of(ask("PATCH", f"{path}/{sent.id}", **wrong)) == 50035


async def test_a_card_shows_the_files_that_come_with_it(stage: Stage):
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://a.png")))
    file = discord.File(io.BytesIO(b"a"), "a.png")
    [shown] = (await stage.text_channel.send(view=view, file=file)).attachments
    assert shown.filename == "a.png"


async def test_a_message_that_could_ping_is_recorded(stage: Stage):
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay("@everyone"))
    hook = await stage.text_channel.create_webhook(name="On Book")
    nobody = discord.AllowedMentions.none()
    await stage.text_channel.send(view=view)
    await hook.send("@everyone", allowed_mentions=nobody)
    assert stage.world.pings == []
    everyone = discord.AllowedMentions(everyone=True)
    await stage.text_channel.send(view=view, allowed_mentions=everyone)
    await hook.send("@here", allowed_mentions=everyone)
    assert stage.world.pings == ["@everyone", "@here"]


async def test_answers_follow_ups_and_webhooks_show_cards(stage: Stage):
    @stage.client.tree.command(description="Deal")
    async def deal(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(view=Card("One."))
        await interaction.followup.send(view=Card("Two."))
        hook = await stage.text_channel.create_webhook(name="On Book")
        sent = await hook.send(view=Card("Three."), username="ANN", wait=True)
        await sent.edit(view=Card("Four."))
        await interaction.followup.send(view=Card("Five."), ephemeral=True)

    await stage.client.tree.sync()
    asked = await stage.ann.slash(stage.channel, "deal")
    assert (await asked.shows("Five.")).only_for == stage.ann.id
    await stage.channel.shows(
        ("On Book", "One.\nAgain."), ("On Book", "Two.\nAgain."), ("ANN", "Four.\nAgain.")
    )
