"""Make the standalone bot: a Discord client whose only cogs are On Book's."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from ..cogs import add_cogs
from ..errors import RunnerError, SettingsError
from ..i18n.catalogue import remember_commands
from ..i18n.translator import Names
from ..interactions.services import CogServices
from ..settings import RunnerSettings
from ..sharding import Shards
from ..storage.postgres.leases import Lease, LocalIdentifyLimiter
from ..storage.repositories.key_value_repository import SYNCED_COMMANDS
from ..telemetry import GATEWAY_EVENTS, NULL_METER, Meter
from ..ui.background.timers import CallLater
from . import LOCAL_GUILD
from .command_tree import CommandTree
from .gateway import install_resuming_shards

if TYPE_CHECKING:  # because prometheus-client may not be installed
    from .metrics import Metrics

log = logging.getLogger("onbook.runner")

METRICS_MISSING = (
    "ONBOOK_METRICS_PORT needs prometheus-client. Run pip install prometheus-client, or unset the "
    "setting."
)

INVITE_PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    attach_files=True,
    manage_messages=True,
    manage_webhooks=True,
    read_message_history=True,
    add_reactions=True,
)
"""The permissions that the bot needs.

With them the bot can see and post messages, open threads for forks, attach scripts as files, let
characters speak under their names, delete what they said when their webhook is gone, find messages
that an earlier process could not record, and tick messages that have become lines.
"""

SINGLE_SHARD = Shards.all_of(1)


class Bot(commands.AutoShardedBot):
    """A Discord client that reads no members, and few messages unless its owner allows more.

    It serves the servers of its shards, which ``lease`` holds against other processes.
    ``call_later`` is the timer of votes, or None for the event loop's timer.
    """

    def __init__(
        self,
        settings: RunnerSettings,
        *,
        shards: Shards = SINGLE_SHARD,
        lease: Lease | None = None,
        call_later: CallLater | None = None,
    ) -> None:
        self._metrics = self._make_metrics() if settings.metrics_port else None
        self.meter: Meter = self._metrics or NULL_METER
        install_resuming_shards()
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=CommandTree,
            # Without the last one, which is privileged, Discord sends the text of a message only
            # if the message mentions the bot, and in direct messages.
            intents=discord.Intents(
                guilds=True,
                webhooks=True,
                messages=True,
                reactions=True,
                message_content=settings.message_content,
            ),
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            shard_ids=list(shards.ids),
            shard_count=shards.count,
        )
        self.http.http_trace = self.meter.http_trace  # the client's option cannot be None
        self.settings = settings
        self.services: CogServices | None = None
        """The services that the cogs share, or None until the cogs are loaded."""
        self._lease = lease
        self._own_limiter = LocalIdentifyLimiter()
        self._buckets: int | None = None
        self._later = call_later
        self._connected = set[int]()
        self._names = Names()

    async def setup_hook(self) -> None:
        """Load the cogs, and sync their commands if they have changed."""
        await self.tree.set_translator(self._names)
        guard = self._lease.guard if self._lease else None
        self.services = await add_cogs(
            self, self.settings, meter=self.meter, guard=guard, call_later=self._later
        )
        self._check_guilds(await self.services.sessions.store.guilds.list_guilds())
        await self._sync_commands(self.services)

    def _check_guilds(self, known: Sequence[int]) -> None:
        """Raise RunnerError if the database, which knows these servers, is the local page's.

        The bot would delete the page's scripts, because it is not in the page's server.
        """
        if LOCAL_GUILD in known:
            raise RunnerError(
                "This database belongs to the local page. Name another file with ONBOOK_DATABASE."
            )

    async def _sync_commands(self, services: CogServices) -> None:
        """Sync the commands if they differ from the last ones, because Discord limits syncs.

        If there are several processes, the one that has the first shard syncs them.
        """
        if 0 not in Shards.of(self).ids:
            await self._fetch_command_ids()
            return
        commands_now = [
            await command.get_translated_payload(self.tree, self._names)
            for command in self.tree.get_commands()
        ]
        description = json.dumps([self.application_id, commands_now], sort_keys=True)
        digest = hashlib.sha256(description.encode()).hexdigest()
        store = services.sessions.store
        if await store.key_values.find_value(SYNCED_COMMANDS) == digest:
            await self._fetch_command_ids()
            return
        _remember_commands(await self.tree.sync())
        await store.key_values.save_value(SYNCED_COMMANDS, digest)
        log.info("%d commands were synced", len(commands_now))

    async def _fetch_command_ids(self) -> None:
        """Ask Discord for the ids of the commands, without which sentences mention only names."""
        with suppress(discord.HTTPException, aiohttp.ClientError, OSError):
            _remember_commands(await self.tree.fetch_commands())

    async def take_shards(self) -> None:
        """Wait until no other process has any of this process's shards."""
        if self._lease:
            await self._lease.acquire()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until Discord lets a shard identify, alongside the shards of other processes."""
        if self._lease is None or shard_id is None:
            await self._own_limiter.wait_to_identify()
            return
        if self._buckets is None:
            self._buckets = (await self.fetch_session_start_limits()).max_concurrency
        await self._lease.wait_to_identify(shard_id % self._buckets)

    async def disconnect(self) -> None:
        """Close the gateway connections, so that Discord sends interactions to the next process."""
        disconnecting = [asyncio.create_task(shard.disconnect()) for shard in self.shards.values()]
        if disconnecting:
            await asyncio.wait(disconnecting, timeout=1.0)

    async def on_ready(self) -> None:
        assert self.application_id is not None  # known once it is ready
        log.info("ready as %s; invite it with %s", self.user, make_invite_link(self.application_id))

    async def on_message(self, message: discord.Message, /) -> None:
        """Run no commands for mentions, because a cog reads mentions."""

    async def on_shard_connect(self, shard_id: int) -> None:
        self._connected.add(shard_id)
        self.meter.count(GATEWAY_EVENTS, "connected")

    async def on_shard_resumed(self, shard_id: int) -> None:
        self._connected.add(shard_id)
        self.meter.count(GATEWAY_EVENTS, "resumed")

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Count a connection that was lost, but not a failed attempt, which also comes here."""
        if shard_id in self._connected:
            self._connected.remove(shard_id)
            self.meter.count(GATEWAY_EVENTS, "lost")

    def serve_metrics(self) -> AbstractAsyncContextManager[None]:
        """Serve metrics and health by HTTP until the context exits, if a port is set.

        Raises SettingsError if the port is taken.
        """
        if self._metrics is None:
            return nullcontext()
        from .health import serve_pages  # here, because most bots serve no pages

        host, port = self.settings.metrics_host, self.settings.metrics_port
        return serve_pages(host, port, self._metrics, self.explain_unready)

    async def explain_unready(self) -> str:
        """Return why the bot is not ready, in one line, or ""."""
        services = self.services
        if self._lease and (reason := self._lease.explain_missing()):
            return reason
        if services is None or not (self._connected >= {*self.shards} and self.is_ready()):
            return "Not connected to Discord's gateway."
        model = services.settings.model
        if not services.models.works(model):
            return f"The voice {model} is not running."
        try:
            async with asyncio.timeout(1.0):
                await services.sessions.store.key_values.find_value(SYNCED_COMMANDS)
        except Exception:  # noqa: BLE001 - any error means that people are not served
            return "The database does not answer."
        return ""

    def _make_metrics(self) -> Metrics:
        if find_spec("prometheus_client") is None:
            raise SettingsError(METRICS_MISSING)
        from .metrics import Metrics

        return Metrics(lambda: self.services.models.loads() if self.services else {})


def make_invite_link(application_id: int) -> str:
    """Return the link that invites a bot with the permissions that it needs."""
    return discord.utils.oauth_url(
        application_id, permissions=INVITE_PERMISSIONS, scopes=("bot", "applications.commands")
    )


def _remember_commands(synced: Sequence[app_commands.AppCommand]) -> None:
    remember_commands({command.name: command.id for command in synced})
