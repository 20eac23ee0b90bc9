"""Privacy: what a person is told of what is kept, what they are given of it, and how it goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Self

import discord
from discord import ui

from .language import phrase, say
from .store import Line, Script
from .views import Interaction, desk

KEPT = phrase(
    "**What On Book keeps:** the lines that are written with {/write}, {/continue} and the "
    "buttons, each with when it was written and with your name and id if you wrote it or asked for "
    "it; titles and casts; who began a script, who plays whom, and your votes. It reads no other "
    "message. It is all on the computer of whoever runs this bot, it is sent to nobody, and no "
    "voice is trained on it.\n"
    "{/privacy export} gives you what is yours. {/privacy forget} takes your name from every line, "
    "and your lines' text too if you wish. A server that removes the bot has its scripts deleted "
    "after {days}. Whoever runs this bot may have backups that are older."
)


class ForgetButton(
    ui.DynamicItem[ui.Button[ui.View]], template=r"onbook:forget:(?P<what>name|text)"
):
    """A button for one who is sure."""

    def __init__(self, what: str) -> None:
        label = say("Forget me and my text") if what == "text" else say("Forget me")
        super().__init__(
            ui.Button(
                label=label, style=discord.ButtonStyle.danger, custom_id=f"onbook:forget:{what}"
            )
        )
        self.what = what

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Makes the button again from its id."""
        return cls(match["what"])

    async def callback(self, interaction: Interaction) -> None:
        """Passes the press on."""
        await desk(interaction).forget_me(interaction, self.what == "text")


def sure(*, text: bool) -> ui.View:
    """Asks once more."""
    view = ui.View(timeout=None)
    view.add_item(ForgetButton("text" if text else "name"))
    return view


def as_file(lines: Iterable[tuple[Line, Script]]) -> bytes:
    """A person's lines, as JSON in UTF-8."""
    entries = [
        {
            "server": script.guild,
            "channel": script.channel,
            "script": script.title,
            "written": line.written.isoformat(),
            "name": line.credit,
            "kind": line.kind,
            "text": line.text,
        }
        for line, script in lines
    ]
    return json.dumps(entries, ensure_ascii=False, indent=2).encode(errors="replace")
