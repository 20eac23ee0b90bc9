"""Act as people in the fake Discord, and follow what Discord shows them as it changes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from unicodedata import normalize

import aiohttp
import discord

from . import client, rules, state
from .faults import HELD, Kind
from .rest import BASE
from .state import Json, NotPossible, Version

T = TypeVar("T")

ANYTHING = 0
"""Stands for the id of any object that changes."""

PATIENCE = 60.0
"""Seconds after which a wait fails."""

WRITERS_MAY = discord.Permissions.text().value | discord.Permissions(view_channel=True).value
"""A person's permissions by default."""

BOT_MAY = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
    add_reactions=True,
).value
"""The bot's permissions by default."""

LOOK_ALIKES = str.maketrans(
    "\N{CYRILLIC CAPITAL LETTER IE}\N{CYRILLIC CAPITAL LETTER O}",
    "EO",
    "\N{MODIFIER LETTER GRAVE ACCENT}",
)
"""Letters that the bot writes instead of others, and those for which people take them, if any."""


class Look(Version):
    """A version of a message as people see it."""

    @property
    def buttons(self) -> dict[str, str]:
        """Return the ids of the enabled buttons, by their labels."""
        found = rules.interactive(self.components)
        pressable = (item for item in found if "label" in item and not item.get("disabled"))
        return {item["label"]: item["custom_id"] for item in pressable}

    @property
    def text(self) -> str:
        """Return all text of the message, including its components."""
        return rules.find_text({"content": self.content, "components": self.components})


def letters(text: str) -> str:
    """Return the letters and digits of a text as people see them.

    Layout, escapes, width and look-alikes do not change them.
    """
    seen = normalize("NFKC", text).upper().translate(LOOK_ALIKES)
    return "".join(filter(str.isalnum, seen))


class Message(state.Message):
    """A message as people see it. It changes when the bot edits it."""

    versions: list[Look]

    @property
    def text(self) -> str:
        return self.versions[-1].text

    @property
    def content(self) -> str:
        return self.versions[-1].content

    @property
    def buttons(self) -> dict[str, str]:
        return self.versions[-1].buttons

    def find_button(self, beginning: str) -> str:
        """Return the label of the only button whose label begins with this text."""
        [found] = [label for label in self.labels if label.startswith(beginning)]
        return found

    @property
    def menus(self) -> list[str]:
        """Return the ids of the message's menus."""
        found = rules.interactive(self.versions[-1].components)
        return [component["custom_id"] for component in found if component["type"] == rules.SELECT]

    @property
    def labels(self) -> list[str]:
        """Return the labels of the enabled buttons."""
        return list(self.buttons)

    @property
    def is_panel(self) -> bool:
        """Return whether the message has the buttons of a script."""
        return bool({"Write", "Schreiben"} & set(self.labels))

    @property
    def is_line(self) -> bool:
        """Return whether the message shows a line, in any look."""
        is_card = any(part["type"] == rules.CONTAINER for part in self.versions[-1].components)
        is_block = self.content.startswith("```") and not self.labels
        # The closing message of a script is also a card, and has files.
        return self.webhook is not None or (is_card and not self.attachments) or is_block

    def reads(self, line: str) -> bool:
        """Return whether the message shows a line, given as Fountain."""
        return letters(line) in (letters(self.text), letters(self.author + self.text))

    @property
    def attachments(self) -> list[Json]:
        return self.versions[-1].attachments


@dataclass
class Asked(state.Act):
    """A person's request to the bot, and its outcome so far."""

    discord: Discord = field(kw_only=True)

    def answers(self) -> list[Message]:
        """Return the answering messages that still exist."""
        found = (self.discord.messages[message] for message in self.messages)
        return [message for message in found if not message.deleted]

    def results(self) -> list[Message]:
        """Return the messages that are new or have changed since the request.

        They are those of the channel, and the one whose button was pressed.
        """
        seen = Channel(self.discord, self.channel).messages() if self.channel else []
        if (pressed := self.discord.messages.get(self.source or 0)) and not pressed.deleted:
            seen.append(pressed)
        return [post for post in seen if post.id > self.id or post.versions[-1].at > self.began]

    async def shows(self, *texts: str) -> Message:
        """Wait for an answer or a result that contains one of these texts."""

        def find() -> Message | None:
            shown = (*self.answers(), *self.results())
            found = (post for post in shown if any(text in post.text for text in texts))
            return next(found, None)

        return await self.discord.until(find, lambda: f"{texts} in {self}")

    async def is_done(self) -> Message:
        """Wait until the bot no longer thinks; return the panel, or the message with the takes."""

        def find() -> Message | None:
            if self.seen is None or any(answer.thinking for answer in self.answers()):
                return None
            messages = Channel(self.discord, self.channel).messages()
            panels = [message for message in messages if message.is_panel]
            # During a vote, only the takes have buttons.
            with_buttons = panels or [message for message in messages if message.buttons]
            return with_buttons[-1] if len(panels) <= 1 and with_buttons else None

        return await self.discord.until(find, lambda: f"the end of {self}")

    async def shows_modal(self) -> Json:
        return await self.discord.until(lambda: self.modal, lambda: f"a modal in {self}", [self.id])

    async def is_refused(self, code: int) -> None:
        """Wait until Discord has refused a request of the bot about this request."""
        await self.discord.until(lambda: code in self.refused, lambda: f"{code} in {self}")

    def __str__(self) -> str:
        shown = [(answer.text, answer.labels) for answer in self.answers()]
        return f"an answer ({self.how}, refused {self.refused}) that shows {shown}"


@dataclass
class Channel:
    """A text channel or a private channel."""

    discord: Discord
    id: int

    async def deny(self, **permissions: bool) -> None:
        """Deny everybody, including the bot, these permissions and no others."""
        denied = discord.Permissions(**permissions).value
        await self.discord.do("deny", channel=self.id, permissions=denied)

    async def delete(self) -> None:
        """Delete the channel as a moderator."""
        await self.discord.do("delete_channel", channel=self.id)

    def timeline(self) -> list[Message]:
        """Return all public messages of the channel, oldest first, including deleted ones."""
        return [post for post in self.discord.messages_in(self.id) if post.only_for is None]

    def shown(self) -> list[tuple[str, str]]:
        """Return the author and the text of each public message, oldest first."""
        return [(message.author, message.text) for message in self.messages()]

    async def shows(self, *expected: tuple[str, str]) -> None:
        """Wait until the channel shows exactly these authors and texts."""
        await self.discord.until(
            lambda: self.shown() == list(expected), lambda: f"{expected} in {self.shown()}"
        )

    def messages(self) -> list[Message]:
        """Return the public messages of the channel, oldest first."""
        return [message for message in self.timeline() if not message.deleted]

    def panel(self) -> Message:
        """Return the only message with the buttons of a script."""
        [panel] = [message for message in self.messages() if message.is_panel]
        return panel

    def tells(self, lines: Sequence[str]) -> bool:
        """Return whether the channel shows the lines of a script once, in order, above a panel.

        If a script was not shown before, its last ten lines are enough.
        """
        shown = [message for message in self.messages() if message.is_line]
        panels = [message for message in self.messages() if message.is_panel]
        return (
            min(len(lines), 10) <= len(shown) <= len(lines)
            and all(map(Message.reads, reversed(shown), reversed(lines)))
            and len(panels) == 1
            and all(message.id < panels[0].id for message in shown)
        )


@dataclass
class Guild:
    """A server."""

    discord: Discord
    id: int

    async def channel(self, name: str) -> Channel:
        [made] = await self.channels(name)
        return made

    async def channels(self, *names: str) -> list[Channel]:
        made = await self.discord.do("make_channels", guild=self.id, names=names)
        return [Channel(self.discord, number) for number in made["ids"]]

    async def person(self, name: str, may: int = WRITERS_MAY, locale: str = "en-US") -> Person:
        options = {"guild": self.id, "name": name, "may": may, "locale": locale}
        return Person(self.discord, await self.discord.make("make_person", **options), name)


@dataclass
class Person:
    """A person who writes. The methods send a request and return at once.

    ``times`` is the number of deliveries to the bot: 2 for a duplicate, 0 for a lost request.
    """

    discord: Discord
    id: int
    name: str

    async def install(self) -> None:
        """Install the bot for this person, who can then use it everywhere."""
        await self.discord.do("install", user=self.id)

    async def dm(self) -> Channel:
        """Open a direct message to the bot."""
        return await self.discord.private(self)

    async def webhook(self, channel: Channel, name: str) -> int:
        """Make a webhook that is not the bot's; return its id."""
        options = {"user": self.id, "channel": channel.id, "name": name}
        return await self.discord.make("make_webhook", **options)

    async def slash(
        self, channel: Channel, command: str, *, times: int = 1, late: float = 0.0, **options: Any
    ) -> Asked:
        """Use a slash command. An option may be a file as (name, bytes).

        The delivery comes ``late`` seconds late.
        """
        return await self._use(channel, command, options, times=times, late=late)

    async def _use(
        self, channel: Channel, command: str, options: Mapping[str, Any], **how: Any
    ) -> Asked:
        given = {name: _value(value) for name, value in options.items()}
        return await self._ask(
            "use_command", channel=channel.id, name=command, options=given, **how
        )

    async def write(
        self,
        channel: Channel,
        content: str,
        *,
        reply_to: Message | None = None,
        pings: bool = True,
        files: Mapping[str, bytes] | None = None,
    ) -> int:
        """Write a message, perhaps as a reply, which pings by default; return the message's id."""
        encoded = {name: base64.b64encode(file).decode() for name, file in (files or {}).items()}
        options = {"user": self.id, "channel": channel.id, "content": content, "pings": pings}
        replied = reply_to.id if reply_to else None
        return await self.discord.make("write", reply_to=replied, files=encoded, **options)

    async def react(self, message: Message, emoji: str) -> None:
        await self.discord.do("react", user=self.id, message=message.id, emoji=emoji)

    async def unreact(self, message: Message, emoji: str) -> None:
        await self.discord.do("unreact", user=self.id, message=message.id, emoji=emoji)

    async def refuse_messages(self) -> None:
        """Take no direct messages from the bot."""
        await self.discord.do("refuse_messages", user=self.id)

    async def menu(self, message: Message, command: str) -> Asked:
        """Use a command from a message's context menu."""
        there = Channel(self.discord, message.channel)
        return await self._use(there, command, {}, target=message.id)

    async def type(
        self, channel: Channel, command: str, option: str, typed: str, **others: Any
    ) -> Asked:
        """Type into an option with autocompletion."""
        return await self._use(channel, command, others | {option: typed}, typed=option)

    async def autocomplete(
        self, channel: Channel, command: str, option: str, typed: str, **others: Any
    ) -> list[str]:
        """Return the suggestions for a partly typed option."""
        asked = await self.type(channel, command, option, typed, **others)
        await self.discord.until(
            lambda: asked.choices is not None, lambda: f"choices of {asked}", [asked.id]
        )
        return [choice["value"] for choice in asked.choices or []]

    async def click(
        self, message: Message, label: str, *, custom_id: str | None = None, times: int = 1
    ) -> Asked:
        """Press a button; ``custom_id`` names one that the message had earlier."""
        if custom_id is None and label not in message.buttons:
            raise NotPossible(f"no button {label!r} among {message.labels}")
        pressed = custom_id or message.buttons[label]
        return await self._ask("press", message=message.id, custom_id=pressed, times=times)

    async def choose(self, message: Message, custom_id: str, *values: str) -> Asked:
        """Choose from a menu under a message."""
        return await self._ask("press", message=message.id, custom_id=custom_id, values=values)

    async def submit_modal(self, asked: Asked, values: dict[str, str]) -> Asked:
        """Submit the modal that answered a request, with texts by the labels of its inputs."""
        await asked.shows_modal()
        return await self._ask("submit", interaction=asked.id, values=values)

    def sees(self, channel: Channel) -> list[Message]:
        """Return the messages of a channel that this person sees, including ephemeral ones."""
        found = self.discord.messages_in(channel.id)
        return [post for post in found if not post.deleted and post.only_for in (None, self.id)]

    async def send_raw(self, channel: Channel, **interaction: Any) -> Asked:
        """Send what no client of Discord would send; see `Control.send_raw`."""
        return await self._ask("send_raw", channel=channel.id, **interaction)

    async def press_forged(
        self, under: Message, custom_id: str, kind: int = rules.BUTTON, values: object = ()
    ) -> Asked:
        """Press a button, or choose values from a menu, that a message does not have."""
        return await self.send_raw(
            Channel(self.discord, under.channel),
            kind=state.Kind.COMPONENT,
            data={"custom_id": custom_id, "component_type": kind, "values": values},
            message=under.id,
            components=client.forge(kind, custom_id),
        )

    async def _ask(self, action: str, **options: Any) -> Asked:
        return self.discord.asked(await self.discord.make(action, user=self.id, **options))


class Discord:
    """A test's connection to the fake Discord at an address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.messages: dict[int, Message] = {}
        self.refusals: list[str] = []
        """Requests of the bot that were refused since this connection began."""
        self.pings: list[str] = []
        """Texts since this connection began that could have pinged somebody."""
        self.typing: list[int] = []
        """The channels in which the bot has begun to type."""
        self.held = 0
        """The number of the bot's requests that the last `holding` held."""
        self.faults: list[list[str]] = []
        """The kind, the method and the path of each of the bot's requests that failed."""
        self.bot_is_there = False
        """True if the bot receives events."""
        self._asked: dict[int, Asked] = {}
        self._in_channel: dict[int, dict[int, Message]] = {}
        self._waiting: dict[int, set[asyncio.Event]] = {}
        """Events of the coroutines that wait for a change, by the id of the changing object."""
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

    async def guild(self, name: str, bot_may: int = BOT_MAY, *, has_bot: bool = True) -> Guild:
        """Make a server, usually with the bot as a member."""
        options = {"name": name, "bot_may": bot_may, "has_bot": has_bot}
        return Guild(self, await self.make("make_guild", **options))

    async def private(self, *people: Person) -> Channel:
        """Open the direct messages of two people, or of one and the bot."""
        there = [person.id for person in people]
        return Channel(self, await self.make("open_private", people=there))

    async def bot_is_ready(self) -> None:
        """Wait until the bot receives events; its commands are registered by then."""
        await self.until(lambda: self.bot_is_there, lambda: "the bot to connect")

    async def bot_is_gone(self) -> None:
        """Wait until the bot has disconnected."""
        await self.until(lambda: not self.bot_is_there, lambda: "the bot to disconnect")

    async def delete(self, message: Message) -> None:
        """Delete a message as a moderator."""
        await self.do("delete", message=message.id)

    async def edit(self, message: int, content: str) -> None:
        """Edit a person's message."""
        await self.do("edit", message=message, content=content)

    async def tell_again(self, message: int) -> None:
        """Tell the bot of a message a second time."""
        await self.do("tell_again", message=message)

    async def clear_reactions(self, message: Message, emoji: str | None = None) -> None:
        """Take all reactions of a message away as a moderator, or those with an emoji."""
        await self.do("clear_reactions", message=message.id, emoji=emoji)

    async def delete_webhook(self, webhook: int) -> None:
        """Delete a webhook as a moderator."""
        await self.do("delete_webhook", webhook=webhook)

    async def move_webhook(self, webhook: int, channel: Channel) -> None:
        """Let a webhook post in another channel, as a moderator."""
        await self.do("move_webhook", webhook=webhook, channel=channel.id)

    async def deliver_again(self, asked: Asked) -> None:
        """Deliver an interaction to the bot a second time."""
        await self.do("deliver_again", interaction=asked.id)

    async def answer(self, asked: Asked, response: Json) -> None:
        """Answer an interaction as another process of the bot would."""
        payload = await self.do("payload", interaction=asked.id)
        path = f"{BASE}/interactions/{asked.id}/{payload['token']}/callback"
        async with self._session.post(path, json=response) as answered:
            answered.raise_for_status()

    async def let_time_pass(self, seconds: float) -> None:
        """Put Discord's clock forward."""
        await self.do("let_time_pass", seconds=seconds)

    @asynccontextmanager
    async def holding(
        self, method: str, path: str, most: int | None = None, kind: Kind = Kind.HOLD
    ) -> AsyncIterator[None]:
        """Hold the bot's next requests with this method and path within the context.

        ``kind`` is one of `faults.HELD`.
        """
        self.held = 0
        await self.fail(kind, method, path, most)
        try:
            yield
        finally:
            await self.do("mend", kind=kind)

    async def fail(
        self, kind: Kind, method: str, path: str, most: int | None = 1, **how: Any
    ) -> None:
        """Make the bot's next requests with this method and path fail."""
        await self.do("fail", kind=kind, method=method, path=path, most=most, **how)

    async def mend(self) -> None:
        """Cancel all faults that have not happened yet."""
        await self.do("mend")

    async def conditions(
        self, least: float = 0.0, most: float = 0.0, *, limited: bool = False, seed: int = 0
    ) -> None:
        """Set the range of latencies [s] of events, and of requests with their answers.

        If ``limited``, Discord's rate limits apply to the bot.
        """
        await self.do("set_conditions", least=least, most=most, limited=limited, seed=seed)

    async def counts(self) -> dict[str, int]:
        """Return the counts of the bot's requests and of their outcomes."""
        return dict((await self.do("counts"))["counts"])

    async def process(self) -> int:
        """Return the process id of the server."""
        return int((await self.do("counts"))["process"])

    async def reconnect(self) -> None:
        """Ask the bot to reconnect, as Discord does."""
        await self._disconnect("reconnect")

    async def invalidate(self, *, resumable: bool) -> None:
        """Tell the bot that its session is invalid, and whether it can be resumed."""
        await self._disconnect("invalidate", resumable=resumable)

    async def read(self, attachment: Json) -> str:
        """Return an attached file as text."""
        async with self._session.get(attachment["url"]) as response:
            return await response.text()

    async def drop(self, *, politely: bool = True) -> None:
        """Drop the bot's connection; a bot that resumes receives the events that it missed.

        If ``politely``, Discord closes with a code; otherwise the network breaks.
        """
        await self._disconnect("drop", politely=politely)

    async def _disconnect(self, action: str, **options: Any) -> None:
        # The server reports it over another connection, perhaps a moment later.
        self.bot_is_there = False
        await self.do(action, **options)

    async def commands(self) -> dict[str, Json]:
        """Return the registered commands by their names."""
        return {command["name"]: command for command in (await self.do("commands"))["commands"]}

    async def do(self, action: str, **options: Any) -> Json:
        """Do an action of `Control`; raise NotPossible if Discord's client does not offer it."""
        async with self._session.post(f"/control/{action}", json=options) as response:
            if response.status == 400:
                raise NotPossible(await response.text())
            response.raise_for_status()
            return dict(await response.json())

    async def make(self, action: str, **options: Any) -> int:
        """Do an action of `Control`, and return the id of what it makes."""
        return int((await self.do(action, **options))["id"])

    async def see(self, message: int) -> Message:
        """Wait until people see a message, and return it."""
        return await self.until(lambda: self.messages.get(message), lambda: f"message {message}")

    def messages_in(self, channel: int) -> list[Message]:
        """Return all messages of a channel, oldest first, including deleted ones."""
        return [message for _, message in sorted(self._in_channel.get(channel, {}).items())]

    def asked(self, interaction: int) -> Asked:
        """Return a person's request by its interaction's id."""
        return self._asked.setdefault(interaction, Asked(interaction, discord=self))

    async def until(
        self,
        find: Callable[[], T],
        what: Callable[[], str] = str,
        about: Sequence[int] = (ANYTHING,),
    ) -> T:
        """Wait until ``find`` returns a true value, and return the value.

        ``find`` is called again when an object in ``about`` changes, by default any object. The ids
        are those of messages, and of requests, which change with their answers too. Raises
        TimeoutError, whose text is ``what``.
        """
        news = asyncio.Event()
        for event in about:
            self._waiting.setdefault(event, set()).add(news)
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := find()):
                    news.clear()
                    await news.wait()
                return found
        except TimeoutError:
            raise TimeoutError(f"Timed out waiting for {what()}") from None
        finally:
            for event in about:
                self._waiting[event].discard(news)
                if not self._waiting[event]:
                    del self._waiting[event]

    async def _watch(self) -> None:
        async for frame in self._sight:
            what, it = frame.json()
            self._see(what, it)
            changed = (it["id"], it.get("interaction")) if isinstance(it, dict) else ()
            for event in (ANYTHING, *changed):
                for news in self._waiting.get(event, ()):
                    news.set()

    def _see(self, what: str, it: Any) -> None:
        match what:
            case "message" | "reactions":
                it["versions"] = [Look(**version) for version in it["versions"]]
                seen = self.messages.setdefault(it["id"], Message(**it))
                _update(seen, it)
                self._in_channel.setdefault(seen.channel, {})[seen.id] = seen
            case "interaction":
                _update(self.asked(it["id"]), it)
            case "refusal":
                self.refusals.append(it)
            case "ping":
                self.pings.append(it)
            case "typing":
                self.typing.append(it)
            case "bot":
                self.bot_is_there = it
            case "fault":
                self.faults.append(it)
                self.held += it[0] in HELD


def _update(seen: object, now: Json) -> None:
    for name, value in now.items():
        setattr(seen, name, value)


def _value(value: Any) -> Any:
    """Return an option's value as it is sent."""
    if isinstance(value, tuple):
        name, content = value
        return {"name": name, "content": base64.b64encode(content).decode()}
    return value
