"""The standalone bot: a client of its own, which knows no other commands."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import aiohttp
import discord
from discord import AppCommandOptionType, app_commands
from discord.ext import commands
from sqlalchemy import URL

from ..cogs import OnBook
from ..cogs.bounds import OutOfBounds
from ..cogs.commands import speaking_to
from ..i18n.translator import Names
from ..inference.engine import Load
from ..settings import RunnerSettings, SettingsError
from ..sharding import Shards
from ..storage.postgres.leases import HELD, Alone, Lease
from ..telemetry import SILENT, Meter
from ..ui.components import COG, Interaction
from ..ui.polls import Later
from ..ui.responses import HEARD, answer
from .gateway import use_shards_that_resume

if TYPE_CHECKING:  # it may not be installed
    from .metrics import Metrics

log = logging.getLogger("onbook.runner")

PACKAGE = (__package__ or "bot.app").rpartition(".")[0]
"""The name under which the folder of the bot is imported."""

SYNCED = "synced commands"
"""The fact of which commands Discord was told last."""

TO_ANSWER = 1.0
"""Seconds within which a database answers that is well."""

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    attach_files=True,
)
"""Just what the bot needs: to see where it writes, to write, to open a thread for a fork, and to
attach a script as a file."""


UNDIVIDED = Shards.all_of(1)

FIRST = 0
"""The shard whose process does what is done once for all of them."""

TO_LEAVE = 1.0
"""Seconds in which the gateway says goodbye as well."""

REFUSED = "Discord refused DISCORD_TOKEN: copy it anew from the bot's page in the developer portal."

BAD_TOKEN = 4004
"""With this code Discord hangs up where the token is one no more."""

OTHER_SHARDS = {4010, 4011}
"""With these codes Discord hangs up where the servers must be divided otherwise."""

R = TypeVar("R")


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


class Bot(commands.AutoShardedBot):
    """A Discord client with On Book as its only extension. It reads no message and no member.

    It has the servers of its ``shards``; where there is a ``lease``, for as long as that is held.
    """

    def __init__(
        self,
        chosen: RunnerSettings,
        *,
        shards: Shards = UNDIVIDED,
        lease: Lease | None = None,
        always_sync: bool = False,
    ) -> None:
        # It speaks to nobody: no word about libraries for voice channels.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        self._metrics = self._counting() if chosen.metrics_port else None
        self.onbook_meter: Meter = self._metrics or SILENT
        use_shards_that_resume()
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            shard_ids=list(shards.ids),
            shard_count=shards.count,
        )
        self.http.http_trace = self.onbook_meter.http_trace  # as an option, it cannot be None
        self.onbook_settings = chosen
        self.onbook_guard = lease.guard if lease else None
        self._lease = lease
        self._alone = Alone()
        self._buckets: int | None = None
        self.onbook_later: Later | None = None
        self._always_sync = always_sync
        self._connected = set[int]()
        self._names = Names()

    async def setup_hook(self) -> None:
        """Loads the cog, and tells Discord of its commands if they or their names have changed."""
        await self.tree.set_translator(self._names)
        await self.load_extension(PACKAGE)
        await self._sync()

    async def _sync(self) -> None:
        """Syncs when the commands differ from those that were synced last; Discord limits it.

        Of several processes the one does it that has the first shard.
        """
        if FIRST not in Shards.of(self).ids:
            return
        commands_now = [
            await command.get_translated_payload(self.tree, self._names)
            for command in self.tree.get_commands()
        ]
        described = json.dumps([self.application_id, commands_now], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()
        store = cast("OnBook", self.get_cog(COG)).store
        if not self._always_sync and await store.facts.find(SYNCED) == digest:
            return
        await self.tree.sync()
        await store.facts.record(SYNCED, digest)
        log.info("%d commands were synced", len(commands_now))

    async def take_shards(self) -> None:
        """Waits until no other process has any of its shards, where several may have them."""
        if self._lease:
            await self._lease.take()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Waits until Discord lets a shard say who it is, also beside those of other processes."""
        if self._lease is None or shard_id is None:
            await self._alone.wait_to_identify()
            return
        if self._buckets is None:
            self._buckets = (await self.fetch_session_start_limits()).max_concurrency
        await self._lease.wait_to_identify(shard_id % self._buckets)

    async def leave(self) -> None:
        """Hears nothing more from Discord: what people ask is for whoever has the shards next."""
        parting = [asyncio.create_task(shard.disconnect()) for shard in self.shards.values()]
        if parting:
            await asyncio.wait(parting, timeout=TO_LEAVE)

    async def on_ready(self) -> None:
        """Says where the bot can be invited from."""
        assert self.application_id is not None  # known once it is ready
        url = discord.utils.oauth_url(
            self.application_id,
            permissions=PERMISSIONS,
            scopes=("bot", "applications.commands"),
        )
        log.info("ready as %s; invite it with %s", self.user, url)

    async def on_shard_connect(self, shard_id: int) -> None:
        """Notes that a session has begun."""
        self._connected.add(shard_id)
        self.onbook_meter.gateway("connected")

    async def on_shard_resumed(self, shard_id: int) -> None:
        """Notes that a session goes on."""
        self._connected.add(shard_id)
        self.onbook_meter.gateway("resumed")

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Notes that a connection is lost; discord.py also says so of each that is not made."""
        if shard_id in self._connected:
            self._connected.remove(shard_id)
            self.onbook_meter.gateway("lost")

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Says by HTTP how it is as long as this is entered, if a port is set for that.

        Raises SettingsError where the port cannot be had.
        """
        if self._metrics is None:
            yield
            return
        from .health import served  # a server, which most bots do not need

        chosen = self.onbook_settings
        async with served(chosen.metrics_host, chosen.metrics_port, self._metrics, self.missing):
            yield

    async def missing(self) -> str:
        """What it lacks to serve people, in one line; nothing where it lacks nothing."""
        cog = self._cog()
        if self._lease and (lack := self._lease.lack()):
            return lack
        if cog is None or not (self._connected >= {*self.shards} and self.is_ready()):
            return "Discord's gateway is not connected."
        voice = cog.settings.model
        if not cog.voices.works(voice):
            return f"The voice {voice} does not write."
        try:
            async with asyncio.timeout(TO_ANSWER):
                await cog.store.facts.find(SYNCED)
        except Exception:  # noqa: BLE001 - whatever it is, nobody is served
            return "The database does not answer."
        return ""

    def _counting(self) -> Metrics:
        try:
            from .metrics import Metrics
        except ModuleNotFoundError as error:
            if error.name != "prometheus_client":
                raise
            raise SettingsError(
                "ONBOOK_METRICS_PORT is set, but what counts is not installed: pip install "
                "prometheus-client, or leave the setting out."
            ) from error
        return Metrics(self._loads)

    def _loads(self) -> Mapping[str, Load]:
        cog = self._cog()
        return cog.voices.loads() if cog else {}

    def _cog(self) -> OnBook | None:
        return cast("OnBook | None", self.get_cog(COG))


async def run(chosen: RunnerSettings) -> None:
    """Runs on Discord until SIGINT or SIGTERM; raises RunnerError, and what `Bot` raises."""
    token = chosen.discord_token.get_secret_value().strip() if chosen.discord_token else ""
    if not token:
        raise RunnerError(
            "DISCORD_TOKEN is not set: put the bot's token into .env, or try everything without "
            f"one: python -m {PACKAGE} --local."
        )
    spare_what_stays()
    ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with stopped_by_signal(ending), _told_of_discord():
        shards = chosen.own_shards or await _unless(ending, _advised(token))
        if shards is None:
            return
        if not isinstance(chosen.where, URL):
            await _serve(Bot(chosen, shards=shards), token, ending)
            return
        async with Lease(chosen.where, shards, lambda: _end_without(shards, ending)) as lease:
            await _serve(Bot(chosen, shards=shards, lease=lease), token, ending)


async def _advised(token: str) -> Shards:
    """All of the shards into which Discord wishes the servers of a bot to be divided."""
    async with discord.Client(intents=discord.Intents(guilds=True)) as asking:
        await asking.login(token)
        count, _, _ = await asking.http.get_bot_gateway()
    return Shards.all_of(count)


async def _serve(bot: Bot, token: str, ending: asyncio.Future[None]) -> None:
    """Runs a bot, once it has its shards, until it is to end; raises why, unless that was a signal.

    It says how it is from the beginning: whoever waits for shards lives, and is not ready.
    """
    async with bot, bot.telling():
        await _unless(ending, bot.take_shards())
        if ending.cancelled():
            return
        running = asyncio.create_task(bot.start(token))
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            await running
            return
        log.info("stopping: lines in hand are finished or given up")
        await bot.leave()
        running.cancel()
        # Here, where a second signal cannot end it in the middle.
        await bot.close()
        # Now also where discord.py was connecting anew, and did not hear of the cancelling.
        await asyncio.gather(running, return_exceptions=True)
        log.info("stopped")
    if not ending.cancelled():
        ending.result()


async def _unless(ending: asyncio.Future[None], act: Coroutine[Any, Any, R]) -> R | None:
    """What comes of an act; None where the process is to end before anything does."""
    task = asyncio.create_task(act)
    either: set[asyncio.Future[Any]] = {task, ending}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return await task
    task.cancel()
    await asyncio.wait({task})
    return None


def _end_without(shards: Shards, ending: asyncio.Future[None]) -> None:
    """Ends a process that has lost its shards."""
    if not ending.done():
        ending.set_exception(
            RunnerError(
                f"This process has lost {shards}: it was stopped, or did not reach the database, "
                f"for {HELD:.0f} seconds. Start it again, and it takes them back, or waits for "
                f"whoever has them now."
            )
        )


@contextmanager
def _told_of_discord() -> Iterator[None]:
    """Raises RunnerError where Discord does not let the bot in, or cannot be reached."""
    try:
        yield
    except discord.LoginFailure:
        raise RunnerError(REFUSED) from None
    except discord.ConnectionClosed as error:
        if error.code == BAD_TOKEN:
            raise RunnerError(REFUSED) from None
        if error.code not in OTHER_SHARDS:
            raise RunnerError(
                f"Discord has hung up ({error.code}): look at its status, and start again."
            ) from error
        raise RunnerError(
            "Discord wants the bot's servers in more shards than there are: leave ONBOOK_SHARDS "
            "out, or give each process its part of a larger number, such as 0-3/16."
        ) from None
    except (aiohttp.ClientError, discord.DiscordException, OSError) as error:
        if isinstance(error, commands.ExtensionError):
            raise
        raise RunnerError(
            f"Discord cannot be reached ({type(error).__name__}): check the network, and start "
            f"again."
        ) from error


def spare_what_stays() -> None:
    """Lets the collector of garbage leave out what has been imported, which stays to the end.

    It would look through all of it again and again, and everything would wait: 150 ms each time.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def stopped_by_signal(task: asyncio.Future[None]) -> Iterator[None]:
    """Cancels a task, or whatever is waited for, on SIGINT and SIGTERM."""
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
