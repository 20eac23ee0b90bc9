"""Remember everything that happens in the fake Discord, independently of HTTP."""

import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from enum import IntEnum
from typing import Any

from simcord.backend.errors import BackendError

from .conditions import Conditions

Json = dict[str, Any]

Refused = BackendError
"""A refusal by Discord, with an HTTP status and a JSON error code."""

EPOCH = 1_420_070_400.0
"""Discord's epoch, as a Unix time."""

TIME_TO_ANSWER = 3.0
"""Seconds in which a bot must answer an interaction."""

TOKEN_LIFE = 15 * 60.0
"""Seconds for which an interaction's token is valid."""

EPHEMERAL = 1 << 6
"""The flag of a message that only one person sees."""

COMPONENTS_V2 = 1 << 15
"""The flag of a message that consists of components; once set, it stays."""

ADD_REACTIONS, VIEW_CHANNEL, MANAGE_MESSAGES = 1 << 6, 1 << 10, 1 << 13
READ_MESSAGE_HISTORY, MANAGE_WEBHOOKS = 1 << 16, 1 << 29

BOT = "On Book"
"""The bot's name."""

TOKEN = "fake.bot.token"  # noqa: S105 - it opens nothing
"""The only bot token that is accepted."""


class Kind(IntEnum):
    """The type of an interaction."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Answer(IntEnum):
    """The type of a first answer to an interaction, of those that the bot gives."""

    MESSAGE = 4
    THINKING = 5
    SILENCE = 6
    CHOICES = 8
    MODAL = 9


class Context(IntEnum):
    """The kind of place in which a person uses the bot."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2
    """Direct messages without the bot."""


class Install(IntEnum):
    """The type of an installation of the bot: in a server, or for one person everywhere."""

    GUILD = 0
    USER = 1


class NotPossible(Exception):
    """An action that Discord's own client would not let a person do."""


@dataclass
class User:
    """A person, or the bot."""

    id: int
    name: str
    may: int = 0
    """The person's permissions in every server."""
    locale: str = "en-US"
    """The language of the person's client."""
    has_installed: bool = False
    """True if the person has installed the bot for themselves."""
    takes_messages: bool = True
    """True if the person accepts direct messages from the bot."""


@dataclass
class Guild:
    """A server, usually with the bot in it."""

    id: int
    name: str
    bot_may: int
    """The bot's permissions, unless a channel denies some."""
    members: list[int] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    has_bot: bool = True


@dataclass
class Channel:
    """A text channel or a private channel."""

    id: int
    guild: int
    """The server; 0 for a private channel."""
    name: str
    people: list[int] = field(default_factory=list)
    """The members of a private channel, perhaps with the bot."""
    denied: int = 0
    """Permissions that are denied to everybody in this channel."""
    deleted: bool = False


@dataclass
class Webhook:
    """A webhook of a channel. Its token is enough to post in the channel."""

    id: int
    channel: int
    name: str
    by: int
    """The user who made the webhook."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(51))


@dataclass
class Version:
    """A version of a message: it looks like this from a moment until the next version."""

    at: float
    content: str = ""
    components: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    is_v2: bool = False
    """True if the message consists of components."""


@dataclass
class Message:
    """A message of the bot, a webhook or a person, with all its versions; the last is current."""

    id: int
    channel: int
    thinking: bool
    versions: list[Version]
    author: str
    """The displayed name of the author."""
    only_for: int | None = None
    """The only person who sees the message; None for everybody."""
    interaction: int | None = None
    avatar: str | None = None
    """The address of the author's picture; None for the default one."""
    webhook: int | None = None
    """The webhook that posted the message; None for other messages."""
    by: int | None = None
    """The person who wrote the message; None for a message of the bot or of a webhook."""
    reply_to: int | None = None
    """The message to which this one replies."""
    pings_author: bool = False
    """True if the author of that message is mentioned."""
    reactions: dict[str, list[int]] = field(default_factory=dict)
    """The users who reacted, by emoji, the first one first."""
    deleted_at: float | None = None

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None


@dataclass
class Act:
    """An act of a person, and its outcome so far. Times are the world's, in seconds."""

    id: int
    kind: Kind = Kind.COMMAND
    user: int = 0
    channel: int = 0
    source: int | None = None
    """The message whose button was pressed."""
    began: float = 0.0
    how: Answer | None = None
    """The type of the first answer."""
    answered: float | None = None
    """The time of the first answer."""
    seen: float | None = None
    """The time at which the person saw the first answer; "thinking" counts."""
    original: int | None = None
    messages: list[int] = field(default_factory=list)
    """The answering messages, the original first."""
    modal: Json | None = None
    choices: list[Json] | None = None
    refused: list[int] = field(default_factory=list)
    """The error codes of Discord for the bot's requests about this act."""


@dataclass
class Interaction(Act):
    """An act, and all that Discord and the bot know of it."""

    payload: Json = field(default_factory=dict)
    """The interaction as delivered, for a second delivery."""
    token: str = ""
    owners: dict[Install, int] = field(default_factory=dict)
    """The server and the person that have installed the bot for this interaction."""
    follow_ups: int = 0

    def __post_init__(self) -> None:
        # In the form of Discord's tokens, which the bot's log filter must recognise.
        secret = f"interaction:{self.id}:{secrets.token_urlsafe(32)}"
        self.token = base64.urlsafe_b64encode(secret.encode()).decode()


@dataclass(eq=False, repr=False)
class World:
    """One Discord. It notifies its watchers of each message and interaction that changes."""

    time_to_answer: float = TIME_TO_ANSWER
    shards: int = 1
    """The recommended number of shards."""
    guilds_a_shard: int = 2500
    """The most guilds in a shard; a bot in more guilds needs more shards."""
    may_read_content: bool = False
    """True if the bot was granted the privileged intent for the content of messages."""
    concurrency: InitVar[int] = 16
    identify_every: InitVar[float] = 0.0
    ahead: float = 0.0
    """Seconds by which the world's clock is ahead of the real clock."""
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    interactions: dict[int, Interaction] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    emojis: dict[str, int] = field(default_factory=dict)
    """The ids of the application's emojis, by name."""
    commands: dict[tuple[int, str], Json] = field(default_factory=dict)
    """The registered commands, by type and name."""
    nonces: dict[tuple[int, str], int] = field(default_factory=dict)
    """Messages by channel and nonce; Discord remembers nonces for a few minutes."""
    watchers: list[Callable[[str, Any], None]] = field(default_factory=list)
    address: str = ""

    def __post_init__(self, concurrency: int, identify_every: float) -> None:
        self.conditions = Conditions(concurrency, identify_every)
        self._clock = time.time() - time.perf_counter()
        self._last_id = 0
        self._by_token: dict[str, Interaction] = {}
        self.bot = self.add_user(BOT)

    def now(self) -> float:
        """Return the world's Unix time [s]."""
        return self._clock + time.perf_counter() + self.ahead

    def new_id(self) -> int:
        """Return a new snowflake: the milliseconds of Discord's clock, and a number."""
        milliseconds = int((self.now() - EPOCH) * 1000)
        self._last_id = max(self._last_id + 1, milliseconds << 22)
        return self._last_id

    def add_user(self, name: str, may: int = 0, locale: str = "en-US") -> User:
        user = User(self.new_id(), name, may, locale)
        self.users[user.id] = user
        return user

    def add_interaction(self, interaction: Interaction) -> None:
        self.interactions[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        self.tell("interaction", interaction)

    def add_file(self, name: str, content: bytes) -> Json:
        """Keep a file, and return Discord's description of it."""
        file = self.new_id()
        self.files[file] = content
        url = f"{self.address}/files/{file}/{name}"
        return {
            "id": str(file),
            "filename": name,
            "size": len(content),
            "url": url,
            "proxy_url": url,
            "content_type": "application/octet-stream",
        }

    def tell(self, what: str, it: Any) -> None:
        """Notify the watchers of a change."""
        for watcher in self.watchers:
            watcher(what, it)

    def find_message(self, message: int) -> Message:
        """Find a message that exists; raise Refused otherwise."""
        found = self.messages.get(message)
        if found is None or found.deleted:
            raise Refused(404, 10008, "Unknown Message")
        return found

    def post(
        self,
        channel: int,
        version: Version | None,
        author: str = BOT,
        interaction: Interaction | None = None,
        **details: Any,
    ) -> Message:
        """Post a message, with details as in `Message`; "thinking" has no version."""
        versions = [version or Version(self.now())]
        message = Message(self.new_id(), channel, version is None, versions, author, **details)
        self.messages[message.id] = message
        if interaction:
            message.interaction = interaction.id
        self.tell("message", message)
        if interaction:
            interaction.messages.append(message.id)
            self._is_seen(interaction)
        return message

    def edit(
        self, message: Message, version: Version, interaction: Interaction | None = None
    ) -> None:
        """Give a message a new version."""
        message.versions.append(version)
        message.thinking = False
        self.tell("message", message)
        if interaction:
            self._is_seen(interaction)

    def delete(self, message: Message) -> None:
        message.deleted_at = self.now()
        self.tell("message", message)

    # Places

    def channel(self, channel: int) -> Channel:
        """Find a channel that the bot sees; raise Refused otherwise."""
        found = self.channels.get(channel)
        if found is None or found.deleted:
            raise Refused(404, 10003, "Unknown Channel")
        if not self.bot_sees(found):
            raise Refused(403, 50001, "Missing Access")
        return found

    def has_bot(self, channel: Channel) -> bool:
        """Return whether the bot is a member of the place."""
        if channel.guild:
            return self.guilds[channel.guild].has_bot
        return self.bot.id in channel.people

    def bot_sees(self, channel: Channel) -> bool:
        """Return whether the bot is a member of the place and sees the channel."""
        may = self.bot_may(channel) & VIEW_CHANNEL if channel.guild else VIEW_CHANNEL
        return self.has_bot(channel) and bool(may)

    def bot_may(self, channel: Channel) -> int:
        """Return the bot's permissions in a channel of a server that it has joined."""
        return self.guilds[channel.guild].bot_may & ~channel.denied

    def require(self, channel: Channel, permission: int) -> None:
        """Raise Refused unless the bot has a permission."""
        if not self.bot_may(channel) & permission:
            raise Refused(403, 50013, "Missing Permissions")

    def context(self, channel: Channel) -> Context:
        """Return the kind of place of a channel, from the bot's view."""
        if channel.guild:
            return Context.GUILD
        return Context.BOT_DM if self.bot.id in channel.people else Context.PRIVATE_CHANNEL

    def find_private(self, *people: int) -> Channel:
        """Return the direct messages of two, or of one and the bot, which begin if necessary."""
        there = [*people] if len(people) > 1 else [*people, self.bot.id]
        found = (channel for channel in self.channels.values() if channel.people == there)
        channel = next(found, None) or Channel(self.new_id(), 0, "", there)
        return self.channels.setdefault(channel.id, channel)

    def _is_seen(self, interaction: Interaction) -> None:
        if interaction.seen is None:
            interaction.seen = self.now()
        self.tell("interaction", interaction)

    # Answers to interactions

    def by_token(self, token: str) -> Interaction:
        """Return the answered interaction with a valid token; raise Refused otherwise."""
        found = self.with_token(token)
        if found is None or found.how is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if self.channels[found.channel].deleted:
            raise Refused(404, 10003, "Unknown Channel")
        if self.now() > found.began + TOKEN_LIFE:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return found

    def with_token(self, token: str | None) -> Interaction | None:
        """Return the interaction with a token, answered or not, or None."""
        return self._by_token.get(token or "")

    def unanswered(self, interaction: int, token: str) -> Interaction:
        """Return an interaction that can still be answered; raise Refused otherwise."""
        found = self.interactions.get(interaction)
        if found is None or found.token != token:
            raise Refused(404, 10062, "Unknown interaction")
        if self.channels[found.channel].deleted:
            raise Refused(404, 10003, "Unknown Channel")
        if found.how is not None:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        if self.now() > found.began + self.time_to_answer:
            raise Refused(404, 10062, "Unknown interaction")
        return found

    def original(self, interaction: Interaction) -> Message:
        """Return the message of the first answer, or the one with the pressed button."""
        return self.find_message(interaction.original or 0)
