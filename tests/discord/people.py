"""People: the test's side. They act, and see what Discord shows them, as it changes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import aiohttp
import discord

from . import rules
from .faults import Kind
from .state import Json, NotPossible, Version

T = TypeVar("T")

ANYTHING = 0
"""Stands for the id of whatever changes."""

PATIENCE = 60.0
"""Seconds after which what was waited for will not come."""

WRITERS_MAY = discord.Permissions.text().value | discord.Permissions(view_channel=True).value
"""What a person may do, if nothing else is said."""

BOT_MAY = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, attach_files=True
).value
"""What the bot may do, if nothing else is said."""


class Look(Version):
    """How a message looks from some moment on, to people."""

    @property
    def buttons(self) -> dict[str, str]:
        """The ids of its buttons that can be pressed, by their labels."""
        found = rules.bearing(self.components)
        pressable = (one for one in found if "label" in one and not one.get("disabled"))
        return {one["label"]: one["custom_id"] for one in pressable}


@dataclass
class Message:
    """A message as people see it; it changes when the bot changes it."""

    id: int
    channel: int = 0
    only_for: int | None = None
    """The one person who sees it; None for everybody."""
    interaction: int | None = None
    thinking: bool = False
    deleted: bool = False
    versions: list[Look] = field(default_factory=list)
    """All that it ever looked like; the last is what it looks like now."""

    @property
    def content(self) -> str:
        """Its text."""
        return self.versions[-1].content

    @property
    def buttons(self) -> dict[str, str]:
        """The ids of its buttons that can be pressed, by their labels."""
        return self.versions[-1].buttons

    @property
    def menus(self) -> list[str]:
        """The ids of its menus."""
        found = rules.bearing(self.versions[-1].components)
        return [one["custom_id"] for one in found if one["type"] == rules.SELECT]

    @property
    def labels(self) -> list[str]:
        """The labels of its buttons."""
        return list(self.buttons)

    @property
    def attachments(self) -> list[Json]:
        """What is attached to it."""
        return self.versions[-1].attachments

    def when(self, text: str) -> float | None:
        """The moment from which this text stood in it."""
        return next((one.at for one in self.versions if text in one.content), None)


@dataclass
class Asked:
    """What somebody asked of the bot, and what came of it so far."""

    discord: Discord
    id: int
    user: int = 0
    kind: int = 0
    channel: int = 0
    source: int | None = None
    original: int | None = None
    began: float = 0.0
    how: int | None = None
    """The kind of the first answer."""
    answered: float | None = None
    """When it came."""
    answered_travelled: float = 0.0
    """Seconds of Discord's own latencies until then."""
    travelled: float = 0.0
    """The same until now."""
    seen: float | None = None
    """When it was seen; "thinking" counts."""
    messages: list[int] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None
    refused: list[int] = field(default_factory=list)
    """The codes of what Discord refused to the bot about it."""

    def answers(self) -> list[Message]:
        """The messages that answer it and are there."""
        found = (self.discord.messages[one] for one in self.messages)
        return [message for message in found if not message.deleted]

    async def shows(self, *texts: str) -> Message:
        """Waits for a message that answers it, and in which one of these texts stands."""

        def find() -> Message | None:
            for message in self.answers():
                if any(text in message.content for text in texts):
                    return message
            return None

        return await self.discord.until(find, lambda: f"{texts} in {self}", [self.id])

    async def shows_modal(self) -> Json:
        """Waits for a modal window."""
        return await self.discord.until(lambda: self.modal, lambda: f"a modal in {self}", [self.id])

    async def is_refused(self, code: int) -> None:
        """Waits until Discord has refused something about it to the bot."""
        await self.discord.until(lambda: code in self.refused, lambda: f"{code} in {self}")

    def __str__(self) -> str:
        shown = [(one.content, one.labels) for one in self.answers()]
        return f"an answer ({self.how}, refused {self.refused}) that shows {shown}"


@dataclass
class Channel:
    """A text channel."""

    discord: Discord
    id: int

    def messages(self) -> list[Message]:
        """What everybody sees in it, oldest first."""
        found = self.discord.messages_in(self.id)
        return [one for one in found if not one.deleted and one.only_for is None]

    def with_buttons(self) -> list[Message]:
        """The messages among them that have buttons."""
        return [message for message in self.messages() if message.buttons]


@dataclass
class Guild:
    """A server."""

    discord: Discord
    id: int

    async def channel(self, name: str) -> Channel:
        """Makes a text channel."""
        made = await self.discord.do("channel", guild=self.id, name=name)
        return Channel(self.discord, made["id"])

    async def channels(self, count: int, first: int | None = None) -> list[Channel]:
        """Makes so many, before the bot is there; with ids from ``first`` on, or new ones."""
        made = await self.discord.do("channels", guild=self.id, count=count, first=first)
        return [Channel(self.discord, one) for one in made["ids"]]

    async def person(self, name: str, may: int = WRITERS_MAY, locale: str = "en-US") -> Person:
        """Makes a member, with these permissions everywhere, who sees Discord in a language."""
        made = await self.discord.do("person", guild=self.id, name=name, may=may, locale=locale)
        return Person(self.discord, made["id"], name)


@dataclass
class Person:
    """Somebody who writes. What they ask for is under way when a method returns.

    ``times`` is how often the bot hears of it: 2 for a delivery that is doubled, 0 for a lost one.
    """

    discord: Discord
    id: int
    name: str

    async def slash(
        self, channel: Channel, command: str, *, times: int = 1, late: float = 0.0, **options: Any
    ) -> Asked:
        """Uses a slash command. A person is an option's value as such, a file is (name, bytes).

        The bot hears of it ``late``, by so many seconds.
        """
        given = {name: _value(value) for name, value in options.items()}
        return await self._ask(
            "command", channel=channel.id, name=command, options=given, times=times, late=late
        )

    async def write(self, channel: Channel, content: str) -> int:
        """Writes a message, as to a bot that has commands with a prefix; its id."""
        made = await self.discord.do("write", user=self.id, channel=channel.id, content=content)
        return int(made["id"])

    async def menu(self, message: Message, command: str) -> Asked:
        """Uses a command on a message's menu."""
        return await self._ask(
            "command", channel=message.channel, name=command, options={}, target=message.id
        )

    async def type(
        self, channel: Channel, command: str, option: str, typed: str, **others: Any
    ) -> Asked:
        """Types into an option, for which something may be suggested."""
        given = {name: _value(value) for name, value in others.items()} | {option: typed}
        return await self._ask(
            "command", channel=channel.id, name=command, options=given, typed=option
        )

    async def autocomplete(
        self, channel: Channel, command: str, option: str, typed: str, **others: Any
    ) -> list[str]:
        """What is suggested for an option while it is typed."""
        asked = await self.type(channel, command, option, typed, **others)
        await self.discord.until(
            lambda: asked.choices is not None, lambda: f"choices of {asked}", [asked.id]
        )
        return [one["value"] for one in asked.choices or []]

    async def click(
        self, message: Message, label: str, *, custom_id: str | None = None, times: int = 1
    ) -> Asked:
        """Presses a button; with a ``custom_id`` one that the message had earlier."""
        if custom_id is None and label not in message.buttons:
            raise NotPossible(f"no button {label!r} among {message.labels}")
        pressed = custom_id or message.buttons[label]
        return await self._ask("press", message=message.id, custom_id=pressed, times=times)

    async def choose(self, message: Message, custom_id: str, *values: str) -> Asked:
        """Chooses from a menu under a message."""
        return await self._ask("press", message=message.id, custom_id=custom_id, values=values)

    async def submit_modal(self, asked: Asked, values: dict[str, str], *, times: int = 1) -> Asked:
        """Fills in the modal that answers what was asked: texts by the labels of its inputs."""
        await asked.shows_modal()
        return await self._ask("submit", interaction=asked.id, values=values, times=times)

    def sees(self, channel: Channel) -> list[Message]:
        """All messages of a channel that this person sees, those for them alone too."""
        found = self.discord.messages_in(channel.id)
        return [one for one in found if not one.deleted and one.only_for in (None, self.id)]

    async def _ask(self, deed: str, **options: Any) -> Asked:
        made = await self.discord.do(deed, user=self.id, **options)
        return self.discord.asked(made["id"])


class Discord:
    """A fake Discord at its address, as the test sees it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.messages: dict[int, Message] = {}
        self.refusals: list[str] = []
        """All that Discord refused to the bot, since this was opened."""
        self.pings: list[str] = []
        """All contents with which the bot could have pinged somebody, since this was opened."""
        self.held = 0
        """How many requests of the bot were held back."""
        self.faults: list[list[str]] = []
        """What has happened to requests of the bot: the kind of fault, the method and the path."""
        self._asked: dict[int, Asked] = {}
        self._in_channel: dict[int, dict[int, Message]] = {}
        self._bot_ready = False
        self._waiting: dict[int, set[asyncio.Event]] = {}
        """What wakes those who wait, by the id of what they wait for."""
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(self.address, connector=connector)
        self._sight = await self._session.ws_connect("/control/sight", max_msg_size=0)
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.wait([self._watching])
        await self._sight.close()
        await self._session.close()

    async def guild(self, name: str, bot_may: int = BOT_MAY, locale: str = "en-US") -> Guild:
        """Makes a server in a language, with the bot in it, who has these permissions."""
        made = await self.do("guild", name=name, bot_may=bot_may, locale=locale)
        return Guild(self, made["id"])

    @property
    def bot_is_there(self) -> bool:
        """Whether the bot hears what happens now."""
        return self._bot_ready

    async def bot_is_ready(self) -> None:
        """Waits until the bot hears what happens; its commands are registered by then."""
        await self.until(lambda: self._bot_ready, lambda: "a bot that is connected")

    async def bot_is_gone(self) -> None:
        """Waits until it is not connected any more."""
        await self.until(lambda: not self._bot_ready, lambda: "no bot that is connected")

    async def delete(self, message: Message) -> None:
        """A moderator deletes a message."""
        await self.do("delete", message=message.id)

    async def deliver_again(self, asked: Asked) -> None:
        """The bot hears a second time of what it heard of before."""
        await self.do("again", interaction=asked.id)

    async def let_time_pass(self, seconds: float) -> None:
        """Puts Discord's clock forward."""
        await self.do("pass", seconds=seconds)

    @asynccontextmanager
    async def holding(self, method: str, path: str, most: int | None = None) -> AsyncIterator[None]:
        """Keeps the bot's next requests of this method and pattern on the server for a while."""
        self.held = 0
        await self.do("hold", method=method, path=path, most=most)
        try:
            yield
        finally:
            await self.do("release")

    async def fail(self, kind: Kind, method: str, path: str, most: int = 1, **how: Any) -> None:
        """Lets a fault happen to the bot's next requests of this method and pattern."""
        await self.do("fail", kind=kind, method=method, path=path, most=most, **how)

    async def mend(self) -> None:
        """Lets no fault happen any more."""
        await self.do("mend")

    async def conditions(
        self, least: float = 0.0, most: float = 0.0, *, limited: bool = False, seed: int = 0
    ) -> None:
        """From now on an event, and a request with its answer, take so many seconds at random.

        Where it is ``limited``, the bot meets with Discord's limits.
        """
        await self.do("conditions", least=least, most=most, limited=limited, seed=seed)

    async def counts(self) -> dict[str, int]:
        """What the bot has asked for so far, and what became of it."""
        return dict((await self.do("counts"))["counts"])

    async def process(self) -> int:
        """The process of the server."""
        return int((await self.do("counts"))["process"])

    async def reconnect(self) -> None:
        """Discord asks the bot to connect anew."""
        await self._part("reconnect")

    async def invalidate(self, *, resumable: bool) -> None:
        """Discord tells the bot that its session is not valid, and whether it can be resumed."""
        await self._part("invalidate", resumable=resumable)

    async def read(self, attachment: Json) -> str:
        """A file that is attached to a message, as text."""
        async with self._session.get(attachment["url"]) as response:
            return await response.text()

    async def drop(self, *, politely: bool = True) -> None:
        """The bot's connection is lost; it may come back, and hears what it missed.

        Discord says so before, or the network breaks.
        """
        await self._part("drop", politely=politely)

    async def _part(self, deed: str, **options: Any) -> None:
        # What it is told over another connection may come a moment later.
        self._bot_ready = False
        await self.do(deed, **options)

    async def commands(self) -> dict[str, Json]:
        """The commands as they are registered, by their names."""
        return {one["name"]: one for one in (await self.do("commands"))["commands"]}

    async def do(self, deed: str, **options: Any) -> Json:
        """Has something done; raises NotPossible for what Discord's client does not do."""
        async with self._session.post(f"/control/{deed}", json=options) as response:
            if response.status == 400:
                raise NotPossible(await response.text())
            response.raise_for_status()
            return dict(await response.json())

    def messages_in(self, channel: int) -> list[Message]:
        """All messages of a channel, oldest first, those that are gone too."""
        return [one for _, one in sorted(self._in_channel.get(channel, {}).items())]

    def all_asked(self) -> list[Asked]:
        """Everything that anybody asked."""
        return list(self._asked.values())

    def asked(self, interaction: int) -> Asked:
        """What somebody asked, by its id."""
        return self._asked.setdefault(interaction, Asked(self, interaction))

    async def until(
        self,
        find: Callable[[], T],
        what: Callable[[], str] = str,
        about: Sequence[int] = (ANYTHING,),
    ) -> T:
        """Waits for something that is true, and returns it; raises TimeoutError with ``what``.

        It is looked for when anything changes, or only what it is ``about``: messages, and what
        was asked with its answers, by their ids.
        """
        news = asyncio.Event()
        for one in about:
            self._waiting.setdefault(one, set()).add(news)
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := find()):
                    news.clear()
                    await news.wait()
                return found
        except TimeoutError:
            raise TimeoutError(f"waited in vain for {what()}") from None
        finally:
            for one in about:
                self._waiting[one].discard(news)
                if not self._waiting[one]:
                    del self._waiting[one]

    async def _watch(self) -> None:
        async for frame in self._sight:
            what, it = frame.json()
            self._see(what, it)
            changed = (it["id"], it.get("interaction")) if isinstance(it, dict) else ()
            for one in (ANYTHING, *changed):
                for news in self._waiting.get(one, ()):
                    news.set()

    def _see(self, what: str, it: Any) -> None:
        match what:
            case "message":
                it["versions"] = [Look(**one) for one in it["versions"]]
                seen = self.messages.setdefault(it["id"], Message(it["id"]))
                _update(seen, it)
                self._in_channel.setdefault(seen.channel, {})[seen.id] = seen
            case "interaction":
                _update(self.asked(it["id"]), it)
            case "refusal":
                self.refusals.append(it)
            case "ping":
                self.pings.append(it)
            case "bot":
                self._bot_ready = it
            case "held":
                self.held = it
            case "fault":
                self.faults.append(it)


def _update(seen: object, now: Json) -> None:
    for name, value in now.items():
        setattr(seen, name, value)


def _value(value: Any) -> Any:
    """An option's value as it is sent."""
    if isinstance(value, Person):
        return value.id
    if isinstance(value, tuple):
        name, content = value
        return {"name": name, "content": base64.b64encode(content).decode()}
    return value
