"""Privacy: what a person is told of what is kept, what they are given of it, and how it goes."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any, Self

import discord
from discord import ui

from ..i18n.catalogue import many, phrase, say
from ..storage.erasure import Kept
from ..storage.repositories.person_repository import Forgotten
from ..storage.schema import Line, Script
from .components import Interaction, desk

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

STAYS = phrase(
    "Messages that show lines change with them. Others stay as they are: notes such as “Ben took "
    "back the last line”, files and pictures that were shown to everybody, and what a deleted "
    "script has left behind. Moderators can delete those."
)

SURE = phrase(
    "Take your name from every line that you wrote, in every server? Your lines stay, by "
    "“somebody”, and your scripts have no owner then. Or take your name and the lines' text, too? "
    "Each stays in its place with “…” for a text, and what the voice wrote below stays. Choose "
    "now: without your name nobody can find your lines later to take their text. Nobody can bring "
    "anything of it back."
)


FILE = "on-book-yours"
"""What the file of what is kept of somebody is called, without its end."""


def told(found: Forgotten, *, text: bool) -> str:
    """What somebody is told who is forgotten now, with their text or without."""
    lines = many(found.lines, "line")
    if text:
        sentences = [say("You are forgotten. Without name and text now: {lines}.", lines=lines)]
    else:
        sentences = [
            say("You are forgotten. Without your name now: {lines}.", lines=lines),
            say("Nobody can tell any more which they are, to take their text."),
        ]
    if not found.gone:
        sentences.append(
            say(
                "A last trace on the disk goes by itself within half an hour or, where another "
                "program is reading the scripts, such as a backup, a moment after that has ended."
            )
        )
    return " ".join(sentences)


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


def sure() -> ui.View:
    """Asks once more, and what is to go."""
    view = ui.View(timeout=None)
    return view.add_item(ForgetButton("name")).add_item(ForgetButton("text"))


def as_file(kept: Kept, limit: int) -> tuple[str, bytes]:
    """All that is kept of a person, as JSON in UTF-8, after the name of its file.

    Where it has more bytes than the limit, it is a zip file, which may have more as well.
    """
    entries = {
        "lines": [_line(*one) for one in kept.lines],
        "asked": [_when(*one) for one in kept.asked],
        "scripts": [
            _where(script) | {"begun": script.begun.isoformat()} for script in kept.scripts
        ],
        "characters": [_where(script) | {"character": name} for name, script in kept.parts],
        "votes": [_where(script) | {"take": vote.take + 1} for vote, script in kept.votes],
    }
    content = json.dumps(entries, ensure_ascii=False, indent=2).encode(errors="replace")
    if len(content) <= limit:
        return f"{FILE}.json", content
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{FILE}.json", content)
    return f"{FILE}.zip", packed.getvalue()


def _where(script: Script) -> dict[str, Any]:
    return {"server": script.guild, "channel": script.channel, "script": script.title}


def _when(line: Line, script: Script) -> dict[str, Any]:
    return _where(script) | {"written": line.written.isoformat()}


def _line(line: Line, script: Script) -> dict[str, Any]:
    return _when(line, script) | {"name": line.credit, "kind": line.kind, "text": line.text}
