"""Run the bot in a simulated Discord in a browser, without an account or a token."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from time import monotonic  # bound here, because the simulation replaces the module's function

import discord
import simcord
from simcord._clock import Clock
from simcord.preview import Preview

from ..cogs.help import format_help
from ..cogs.message_menus import MessageMenus
from ..errors import RunnerError
from ..i18n.catalogue import phrase, say
from ..interactions.services import CogServices
from ..settings import RunnerSettings
from ..storage.repositories.key_value_repository import SYNCED_COMMANDS
from ..ui.components import make_start_buttons, make_view
from ..ui.delivery.sending import post_message
from ..ui.lines.looks import format_earlier_lines
from ..ui.markdown import LIMIT
from . import LOCAL_GUILD
from .client import Bot
from .local_faces import Characters
from .runner import cancel_on_signal

log = logging.getLogger("onbook.local")

BOT_NAME, GUILD_NAME, CHANNEL_NAME = "On Book", "The Playhouse", "stage"
MODERATOR_NAME, WRITER_NAME = "Ann", "Ben"
MODERATOR_PERMISSIONS = discord.Permissions(
    manage_messages=True, manage_channels=True, manage_guild=True
)
"""All permissions that the bot asks moderators for; the other person has none of them."""

LIMITS = phrase(
    "-# This page imitates Discord. Under **Viewing as**, choose to be {moderator}, who "
    "moderates, or {writer}, who does not. As on Discord, the bot reads only messages that begin "
    "with {name} or reply to its panel, unless a script has *plain messages* on. For the entries "
    "that Discord shows when you right-click a message, use `/apps`. A long import shows only "
    "“Completing action…” at the top until it is finished."
)
"""The first message on the page."""

TOO_LONG = phrase(
    "A Discord message can have at most 2,000 characters, and a mention of the bot counts as "
    "{length}. Shorten the message."
)
"""The answer to a message that Discord's clients would not send."""


class LocalBot(Bot):
    """Run On Book in a simulated Discord."""

    characters: Characters
    channel: int
    """Both attributes are set before the bot starts; the simulation needs an existing bot."""

    async def create_application_emoji(self, *, name: str, image: bytes) -> discord.Emoji:
        emoji = await super().create_application_emoji(name=name, image=image)
        self.characters.keep_emoji(emoji, image)
        return emoji

    def _check_guilds(self, known: Sequence[int]) -> None:
        if {*known} - {LOCAL_GUILD}:
            raise RunnerError(
                "This database belongs to a bot on Discord. Name another file with --database."
            )

    async def _sync_commands(self, services: CogServices) -> None:
        """Add the command that stands in for the menus of messages, and sync all commands.

        Then post what the page lacks, before anything that is due is shown.
        """
        await self.add_cog(MessageMenus(services))
        store, library = services.sessions.store, services.sessions.get(self.channel).library
        # Each simulated Discord begins without commands, whatever was synced with the last one.
        await store.key_values.save_value(SYNCED_COMMANDS, "")
        await super()._sync_commands(services)
        # The messages of the last run are gone.
        await store.messages.delete_all_messages()
        rows = [say(LIMITS, moderator=MODERATOR_NAME, writer=WRITER_NAME, name=f"`@{BOT_NAME}`")]
        if running := await library.find_running():
            rows += format_earlier_lines(await library.count_lines(running.head))
        await post_message(self.get_partial_messageable(self.channel), "\n".join(rows))

    async def on_ready(self) -> None:
        """Log no link, because nobody can invite the bot to a simulated Discord."""


class RealClock(Clock):
    """Tell the real time, because the simulation's own clock stands still unless it is advanced."""

    @property
    def elapsed(self) -> float:
        return monotonic()

    @elapsed.setter
    def elapsed(self, _: float) -> None:
        """Ignore an advance, for which the simulation then waits."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)


class Writer(simcord.MemberActor):
    """A person on the page."""

    async def send(
        self,
        channel: simcord.ChannelHandle,
        content: str = "",
        *,
        reply_to: discord.Message | simcord.ResponseMessage | None = None,
        attachments: Sequence[tuple[str, bytes]] = (),
    ) -> discord.Message:
        """Send a message, in which a typed `@On Book` mentions the bot, as Discord's clients do.

        Return the message, or the channel's last one if the bot has replaced it with a line,
        because the page reports a message that is gone as a failure. After a failure, the page
        accepts no more messages, so a message that the mention makes too long is sent as typed.
        """
        bot = self._env.backend.bot_user.id
        mention = f"<@{bot}>"
        text = re.sub(rf"@{BOT_NAME}\b", mention, content, flags=re.IGNORECASE)
        if len(text) > LIMIT:
            sent = await super().send(channel, content, attachments=attachments)
            self._env.backend.create_message(channel.id, bot, say(TOO_LONG, length=len(mention)))
            return sent
        sent = await super().send(channel, text, reply_to=reply_to, attachments=attachments)
        history = channel.history()
        return sent if sent in history else history[-1]


async def run_locally(settings: RunnerSettings, port: int) -> None:
    """Serve the page until Ctrl-C or the page ends its session; raise RunnerError.

    Scripts are stored in the database of the settings, so that the next run goes on with them. A
    bot on Discord must have another database, because all records of messages are deleted in this
    one.
    """
    # Only a bot on Discord serves metrics, so the page does not need their package.
    settings = settings.model_copy(update={"metrics_port": 0})
    is_due = threading.Event()
    bot = LocalBot(settings, call_later=partial(_call_later, is_due))
    # The page reports that a command is stuck after ten minutes.
    world = simcord.Env(bot, check_errors=False, settle_timeout=600.0)
    bot.characters = Characters(world)
    bot.add_listener(bot.characters.claim, "on_message")
    try:
        channel, writers = _create_world(world, bot.characters)
        bot.channel = channel.id
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Ctrl-C waits for these steps, because it would cancel a database statement.
        with cancel_on_signal(end):
            await world.start()
            with world.time_context():
                await _post_last_end(bot)
        if end.cancelled():
            return
        with world.time_context():
            await world.settle()
            await _serve_page(world, channel, writers, port, is_due)
    except simcord.SetupError as error:
        if isinstance(error.__cause__, OSError):
            raise RunnerError(
                f"Port {port} cannot be opened. Name another one with --port; 0 takes any."
            ) from error
        raise RunnerError(f"The page cannot be shown: {error}.") from error
    finally:
        await world.shutdown()
        await bot.close()


def _call_later(
    is_due: threading.Event, seconds: float, function: Callable[[], None]
) -> threading.Timer:
    """Start a timer in a thread, which sets the event and calls the function on the event loop.

    A timer of the event loop would not do, because the simulation shows nothing while one runs. As
    with such a timer, the function runs in the current context, because that holds the adapter with
    which discord.py sends as a webhook, and the simulation replaces the adapter.
    """
    loop = asyncio.get_running_loop()
    context = copy_context()

    def act() -> None:
        is_due.set()
        loop.call_soon_threadsafe(function, context=context)

    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def _create_world(
    world: simcord.Env, characters: Characters
) -> tuple[simcord.ChannelHandle, list[Writer]]:
    """Create a guild, a channel and its writers; the channel's id is the same in every run."""
    world.backend.bot_user.name = BOT_NAME
    world.backend.bot_user.avatar = characters.draw_avatar(BOT_NAME)
    guild = world.create_guild(GUILD_NAME)
    channel = guild.create_text_channel(CHANNEL_NAME)
    # After the channel, because ids count up and the channel must keep its own.
    role = guild.create_role("Moderators", permissions=MODERATOR_PERMISSIONS)
    people = [
        world.create_user(name, avatar=characters.draw_avatar(name))
        for name in (MODERATOR_NAME, WRITER_NAME)
    ]
    members = [guild.add_member(people[0], roles=[role]), guild.add_member(people[1])]
    writers = [Writer(world, guild, member.user) for member in members]
    # The first clock starts at the same moment in every run, and ids are made from it. With that
    # clock, new interactions would get the ids of interactions that the last run has stored.
    world.backend.clock = RealClock()
    # The page shows no direct messages, so the bot must answer in the channel.
    world.inject_error("POST", "/users/@me/channels", status=403, code=50007, times=None)
    return channel, writers


async def _post_last_end(bot: LocalBot) -> None:
    """Post the end of the script that the last run left, with buttons, or how to begin."""
    services = bot.services
    assert services is not None  # since the client has started
    text_channel = bot.get_channel(bot.channel)
    assert isinstance(text_channel, discord.TextChannel)  # as created by `_create_world`
    session = services.sessions.get(bot.channel)
    if await session.library.find_running():
        await services.messages.sync(text_channel, session)
    else:
        content = format_help(hears=True, is_direct=False)
        has_scripts = await session.library.find_latest() is not None
        view = make_view(*make_start_buttons(has_scripts=has_scripts))
        await post_message(text_channel, content, view=view)


async def _serve_page(
    world: simcord.Env,
    channel: simcord.ChannelHandle,
    writers: list[Writer],
    port: int,
    is_due: threading.Event,
) -> None:
    async with world.preview(channel, viewers=writers, layout="channel", port=port) as page:
        print(page.url, flush=True)
        log.info("open the address above to write; Ctrl-C stops the bot and keeps the script")
        closed = asyncio.create_task(page.wait_closed())
        updates = asyncio.create_task(_update_page(page, is_due))
        with cancel_on_signal(closed):
            await asyncio.wait([closed])
        updates.cancel()
    log.info("the bot has stopped, and its page with it; the next start continues the script")


async def _update_page(page: Preview, is_due: threading.Event) -> None:
    """Keep the page's clock right, and show what came due, such as the end of a vote."""
    while True:
        if was_due := is_due.is_set():
            is_due.clear()
        # Give the bot a second to act: while the page waits for the bot, it refuses what people do.
        await asyncio.sleep(1.0)
        page.capture_time = dt.datetime.now(dt.UTC)
        if was_due:
            try:
                await page.refresh()
            except simcord.SetupError:  # since an action is in progress, which may show nothing
                is_due.set()
