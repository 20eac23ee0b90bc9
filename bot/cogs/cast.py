"""Show and change the cast, its players and its lock."""

from __future__ import annotations

from collections.abc import Iterable
from re import Match
from typing import Literal

import discord
from discord import app_commands

from ..errors import RequestError
from ..i18n.catalogue import phrase, say
from ..interactions.requester import format_requester, get_requester
from ..screenplay.free_text import parse_cast, parse_name
from ..screenplay.speakers import find_meant
from ..session.preferences import LOCK
from ..storage.schema import Script
from ..ui.components import CAST_BUTTON_ID, MAX_LABEL, Interaction, position_pattern
from ..ui.delivery.responses import check_bot_permissions
from ..ui.delivery.sending import FirstResponse, complete_response, edit_response
from ..ui.markdown import LIMIT, inline, size
from ..ui.panels.panel import is_panel
from .feature import (
    Choices,
    FeatureCog,
    answer_suggestions,
    command,
    listens_to,
    suggest,
)

HINT = phrase(
    "To play a character, existing or new, use {/cast} with its name as {*add} and yourself as "
    "{*player}. {*remove} removes characters."
)


class Cast(FeatureCog, name="OnBook.cast"):
    """See and change who is in the script."""

    @command("cast")
    @app_commands.describe(
        add="Characters to add or give to a player, separated by commas",
        player="Who plays the characters named in add; nobody by default",
        remove="Characters to remove, separated by commas; their lines stay",
        lock="on: only the cast speaks; off: anyone may",
    )
    @listens_to(position_pattern("menu-cast"))
    async def cast(
        self,
        interaction: Interaction,
        add: app_commands.Range[str, 1, 1000] | None = None,
        player: discord.User | discord.Member | None = None,
        remove: app_commands.Range[str, 1, 1000] | None = None,
        lock: Literal["on", "off"] | None = None,
    ) -> None:
        """See and change the cast, who plays whom, and whether only the cast speaks"""
        if player and not add:
            raise RequestError("Also fill in {*add} with the characters for {*player}.")
        if len([change for change in (add, remove, lock) if change]) > 1:
            raise RequestError("Use only one of {*add}, {*remove} and {*lock} at a time.")
        session = self.services.admit_to_session(interaction)
        requester, library = get_requester(interaction), session.library
        if not (add or remove or lock):
            await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
            script = await library.load_latest()
            rows = [format_cast(script)]
            if script.cast and script.running:
                rows.append(f"-# {say(HINT)}")
            await complete_response(interaction, content="\n".join(rows))
            return
        check_bot_permissions(interaction)
        if player:
            self.services.in_flight.track_person(player.id)
        await FirstResponse(interaction).defer(thinking=True)
        hint = ""
        if add:
            names, player_id = parse_cast(add), player.id if player else None
            known = (await library.load_script()).cast
            script = await library.add_to_cast(requester, names, player_id)
            new = (name for name in names if name not in known)
            hint = next(filter(None, (_ask_if_meant(name, known) for name in new)), "")
        elif remove:
            script = await library.remove_from_cast(requester, parse_cast(remove))
        else:
            script = await library.change_preferences(requester, {LOCK.name: lock == "on"})
        content = format_cast(script)
        if hint and size(content) + size(hint) < LIMIT:
            content += f"\n{hint}"
        await complete_response(interaction, content=content)
        await self.turns.sync(interaction, session)  # the panel offers the cast

    @listens_to(CAST_BUTTON_ID)
    async def add_speaker(self, interaction: Interaction, match: Match[str]) -> None:
        """Add the character that a button names."""
        check_bot_permissions(interaction)
        name, script = parse_name(match["name"]), int(match["script"])
        session = await self.open_session(interaction)
        await session.library.add_speaker_to_cast(get_requester(interaction), script, name)
        who, shown = format_requester(interaction), inline(name, 60)
        assert interaction.message is not None  # because its button was pressed
        if not is_panel(interaction.message):
            content = say("{name} is now in the cast.", name=shown)
            await edit_response(interaction, content=content, view=None)
        note = say("{who} added {name} to the cast.", who=who, name=shown)
        await self.turns.sync(interaction, session, f"-# {note}")

    @cast.autocomplete("add")
    @answer_suggestions
    async def _suggest_name(self, interaction: Interaction, current: str) -> Choices:
        names = await self.services.admit_to_session(interaction).library.list_characters()
        return _complete(names, current)

    @cast.autocomplete("remove")
    @answer_suggestions
    async def _suggest_member(self, interaction: Interaction, current: str) -> Choices:
        running = await self.services.admit_to_session(interaction).library.find_running()
        return _complete(running.cast if running else [], current)


def _complete(names: Iterable[str], current: str) -> Choices:
    """Return the typed names, with the last one completed in each possible way."""
    *earlier, last = str(current).split(",")
    given = [name.strip() for name in earlier if name.strip()]
    known = {name.casefold() for name in given}
    others = suggest([name for name in names if name.casefold() not in known], last.strip())
    completed = [", ".join([*given, name.value]) for name in others]
    return suggest([text for text in completed if len(text) <= MAX_LABEL], "")


def _ask_if_meant(name: str, known: Iterable[str]) -> str:
    """Return how to take out a new name that was mistyped, or "" if it is unlike all others."""
    if meant := find_meant(name, known):
        sentence = phrase("{name} is new here. If you meant {meant}, remove {name} with {*remove}.")
        return f"-# {say(sentence, name=inline(name, 60), meant=inline(meant, 60))}"
    return ""


def format_cast(script: Script) -> str:
    """Return the cast of a script as a list."""
    if not script.cast and LOCK.of(script):
        return say("The cast is empty, so its lock does nothing. Add characters with {/cast}.")
    if not script.cast:
        return say("The cast is empty. Add characters with {/cast}.")
    rows = []
    for character in script.cast:
        row, player = inline(character, 60), script.players.get(character)
        if player is not None:
            row = say("{character}, played by {player}", character=row, player=f"<@{player}>")
        rows.append(f"- {row}")
    if LOCK.of(script):
        rows.append(f"-# {say('The voice writes only for the cast.')}")
    else:
        rows.append(f"-# {say('The voice may write for others, too.')}")
    return "\n".join(rows)
