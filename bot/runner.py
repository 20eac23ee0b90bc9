"""The standalone bot: a client of its own, which knows no other commands."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import aiohttp
import discord
from discord import AppCommandOptionType, app_commands
from discord.ext import commands

from .answers import HEARD, answer
from .bounds import OutOfBounds
from .cog import OnBook
from .cog.commands import speaking_to
from .polls import Later
from .settings import RunnerSettings
from .translator import Names
from .views import COG, Interaction

log = logging.getLogger("onbook.runner")

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    attach_files=True,
)
"""Just what the bot needs: to see where it writes, to write, to open a thread for a fork, and to
attach a script as a file."""


class RunnerError(Exception):
    """One sentence about why the bot does not run, and what to do about it."""


class Tree(app_commands.CommandTree[discord.Client]):
    """The commands of a bot that is alone: what belongs to no command is answered here, too."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Refuses what is so far from any command that it cannot even be read."""
        data: Any = interaction.data or {}
        if all(map(_is_filled_in, _options(data))):
            return True
        await self._refuse(interaction)
        return False

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Answers what no command has answered: there is none of this name."""
        if HEARD not in interaction.extras:
            await self._refuse(interaction)

    async def _refuse(self, interaction: Interaction) -> None:
        with speaking_to(interaction):
            if interaction.type is discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
            else:
                await answer(interaction, OutOfBounds())


_PLAIN = {
    AppCommandOptionType.string.value,
    AppCommandOptionType.integer.value,
    AppCommandOptionType.boolean.value,
}
"""The kinds of options whose values discord.py passes on as they are."""

LONGEST_ID = 20
"""Digits."""


def _options(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The options that were filled in, of the command or of its subcommand."""
    for one in data.get("options") or ():
        if "options" in one:
            yield from _options(one)
        else:
            yield one


def _is_filled_in(option: dict[str, Any]) -> bool:
    """Whether discord.py can read it, which takes a number for one, and an id for all else."""
    kind, value = option.get("type"), option.get("value")
    if option.get("focused"):
        return isinstance(value, str | int | float)
    if kind == AppCommandOptionType.number.value:
        return isinstance(value, int | float)
    if kind in _PLAIN:
        return True
    return isinstance(value, str) and value.isdecimal() and len(value) <= LONGEST_ID


class Bot(commands.Bot):
    """A Discord client with On Book as its only extension. It reads no message and no member."""

    def __init__(self, chosen: RunnerSettings, *, always_sync: bool = False) -> None:
        # It speaks to nobody: no word about libraries for voice channels.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.onbook_settings = chosen
        self.onbook_later: Later | None = None
        self._always_sync = always_sync
        self._names = Names()

    async def setup_hook(self) -> None:
        """Loads the cog, and tells Discord of its commands if they or their names have changed."""
        await self.tree.set_translator(self._names)
        await self.load_extension(__package__ or "bot")
        await self._sync()

    async def _sync(self) -> None:
        """Syncs when the commands differ from those that were synced last; Discord limits it."""
        commands_now = [
            await command.get_translated_payload(self.tree, self._names)
            for command in self.tree.get_commands()
        ]
        described = json.dumps([self.application_id, commands_now], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()
        store = cast("OnBook", self.get_cog(COG)).store
        if not self._always_sync and await store.fact("synced commands") == digest:
            return
        await self.tree.sync()
        await store.note_fact("synced commands", digest)
        log.info("%d commands were synced", len(commands_now))

    async def on_ready(self) -> None:
        """Says where the bot can be invited from."""
        assert self.application_id is not None  # known once it is ready
        url = discord.utils.oauth_url(
            self.application_id,
            permissions=PERMISSIONS,
            scopes=("bot", "applications.commands"),
        )
        log.info("ready as %s; invite it with %s", self.user, url)


async def run(chosen: RunnerSettings) -> None:
    """Runs on Discord until SIGINT or SIGTERM; raises RunnerError, and what `Bot` raises."""
    token = chosen.discord_token
    if token is None or not token.get_secret_value().strip():
        raise RunnerError(
            "DISCORD_TOKEN is not set: put the bot's token into .env (see .env.example), or try "
            f"everything without one: python -m {__package__} --local."
        )
    spare_what_stays()
    async with Bot(chosen) as bot:
        running = asyncio.create_task(bot.start(token.get_secret_value().strip()))
        with stopped_by_signal(running):
            try:
                await running
            except asyncio.CancelledError:
                log.info("stopping: lines in hand are finished or given up")
                # Here, where a second signal cannot end it in the middle.
                await bot.close()
                log.info("stopped")
            except discord.LoginFailure:
                raise RunnerError(
                    "Discord refused DISCORD_TOKEN: copy it anew from the bot's page in the "
                    "developer portal."
                ) from None
            except (aiohttp.ClientError, discord.DiscordException, OSError) as error:
                if isinstance(error, commands.ExtensionError):
                    raise
                raise RunnerError(
                    f"Discord cannot be reached ({type(error).__name__}): check the network, and "
                    f"start again."
                ) from error


def spare_what_stays() -> None:
    """Lets the collector of garbage leave out what has been imported, which stays to the end.

    It would look through all of it again and again, and everything would wait: 150 ms each time.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def stopped_by_signal(task: asyncio.Task[None]) -> Iterator[None]:
    """Cancels the task on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    # Not the loop's own handlers, which Windows has not.
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(task.cancel))
        for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
