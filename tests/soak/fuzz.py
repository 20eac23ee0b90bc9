"""Send the real bot input that no client sends: ``python -m tests.soak.fuzz --inputs 10000``.

Several people at once send every option of every command, partly typed options, commands on
messages, buttons and menus with altered ids or under other messages, and modals. They write
messages that mention the bot or reply to anything, and react. Texts use all of Unicode, numbers
are out of range, and types are wrong; only the envelope is always valid. The fake Discord holds the
bot to Discord's rules.
"""

import asyncio
import base64
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tyro
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from simcord.enums import AppCommandType, OptionType
from simcord.interactions import command_leaves

from bot.cogs.star_reactions import STAR
from bot.ui.components import CUSTOM_ID_PREFIX
from tests.bot.cogs.test_response_time import BUTTONS, MENUS
from tests.fake_discord import rules
from tests.fake_discord.client import forge, nest
from tests.fake_discord.people import (
    BOT_MAY,
    PATIENCE,
    WRITERS_MAY,
    Channel,
    Discord,
    Person,
)
from tests.fake_discord.processes import UNLIMITED, fake_discord, running_bot
from tests.fake_discord.state import MANAGE_WEBHOOKS, Json, Kind, NotPossible

from .kills.crowd import is_answered

MODERATORS_MAY = WRITERS_MAY | 0x2000 | 0x20 | 0x10  # to manage messages, server and channels

AT_ONCE, CHANNELS = 12, 16

SCRIPT = "INT. DINER - NIGHT\n\nMAYA\nHello.\n"

FRAGMENTS = [
    *["@everyone", "@here", "<@1>", "<@&1>", "```", "`", "~~", "||", "\u202e", "\u200d", "\u200b"],
    *["\x00", "\ud800", "\uffff", "z\u0335\u0336\u0337\u0338", "\u1fef" * 3, "👩\u200d🚀", "\n\n"],
    *["MAYA: ", "INT. ", "CUT TO:", "(softly) ", "word ", "x" * 300, "茂" * 300, "{0}", "{title}"],
    *["%s", "../../etc/passwd", "' OR 1=1 --", "\ufb2c" * 60, "\\", ", ", "It was night. " * 40],
]
wild = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join),
    st.sampled_from(FRAGMENTS).map(lambda fragment: fragment * 40),
    st.sampled_from(
        ["MAYA", "MAYA, JONAS", "Rain on the window.", "MAYA: You came.", "1", "stage"]
    ),
)
numbers = st.one_of(
    st.integers(-3, 30), st.integers(), st.integers(min_value=2**63, max_value=2**70)
)
reals = st.one_of(st.floats(-1, 3), st.floats(allow_nan=False, allow_infinity=False))
ids = st.one_of(st.integers(0, 60), st.integers(0, 10**20)).map(str)


@dataclass
class Input:
    """One input of a person. Its indices count the objects that exist when it is sent."""

    kind: Kind
    data: Json
    user: int
    channel: int
    message: int | None = None
    """The index of the channel's message that the input comes from or is about."""
    under_message: bool = True
    """Whether the payload shows the pressed component under the message."""


@dataclass
class Said:
    """A person's message, or a reaction. The indices are as in `Input`."""

    text: str
    """The text, or the emoji."""
    user: int
    channel: int
    message: int
    """The message that it is about."""
    how: Literal["mention", "reply", "react", "unreact"]


@dataclass
class Report:
    """The outcome of all inputs."""

    inputs: Counter[str] = field(default_factory=Counter)
    unanswered: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    """The beginnings of the messages that followed an input, in answer or in the channel."""
    seconds: float = 0.0

    @property
    def fine(self) -> bool:
        """Return whether nothing went wrong.

        Refusals are allowed, because a message may already be deleted.
        """
        return not (self.unanswered or self.pings or self.tracebacks)

    def __str__(self) -> str:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in self.inputs.most_common())
        lines = [
            f"inputs: {self.inputs.total():,} in {self.seconds:.0f} s ({kinds})",
            f"unanswered: {len(self.unanswered)}",
            f"tracebacks in the log: {len(self.tracebacks)}",
            f"pings: {len(self.pings)}",
            f"answers that Discord refused: {len(self.refusals)}",
            f"different answers: {len(self.answers):,}",
        ]
        wrong = [*self.unanswered, *self.tracebacks, *self.pings, *self.refusals]
        return "\n".join([*lines, *(f"  {line[:2000]}" for line in wrong[:20])])


# What is sent -----------------------------------------------------------------------------------


def inputs(commands: Sequence[Json]) -> st.SearchStrategy[Input | Said]:
    """Return a strategy for inputs, given the registered commands."""
    menus = [item for item in commands if item["type"] == AppCommandType.MESSAGE]
    slashes = [item for item in commands if item not in menus]
    leaves = [
        (words, leaf.get("options") or [])
        for item in slashes
        for words, leaf in command_leaves(item)
    ]
    somewhere = {"user": st.integers(0, 3), "channel": st.integers(0, CHANNELS - 1)}
    where = somewhere | {"message": st.integers(0, 30)}
    slash = st.sampled_from(leaves).flatmap(
        lambda leaf: st.builds(Input, st.just(Kind.COMMAND), _filled(*leaf), **somewhere)
    )
    typed = [(path, option) for path, options in leaves for option in options]
    suggested = st.sampled_from([pair for pair in typed if pair[1].get("autocomplete")])
    typing = suggested.flatmap(
        lambda leaf: st.builds(Input, st.just(Kind.AUTOCOMPLETE), _typed(*leaf), **somewhere)
    )
    menu = st.builds(Input, st.just(Kind.COMMAND), st.sampled_from(menus).map(_on_message), **where)
    press = st.builds(
        Input, st.just(Kind.COMPONENT), _pressed(), under_message=st.booleans(), **where
    )
    window = st.builds(Input, st.just(Kind.MODAL), _window(), **where)
    said = st.builds(
        Said, wild.map(lambda text: text[:4000]), how=st.sampled_from(["mention", "reply"]), **where
    )
    emojis = st.sampled_from([STAR, "\N{WHITE HEAVY CHECK MARK}", "x:1"])
    reacted = st.builds(Said, emojis, how=st.sampled_from(["react", "react", "unreact"]), **where)
    return st.one_of(slash, slash, slash, typing, menu, press, press, window, said, reacted)


def _filled(path: Sequence[str], options: Sequence[Json]) -> st.SearchStrategy[Json]:
    needed = [option for option in options if option.get("required")]
    others = st.lists(st.sampled_from(options), max_size=4, unique_by=lambda option: option["name"])
    chosen = others if options else st.just([])
    return st.one_of(chosen.map(lambda some: [*needed, *some]), chosen).flatmap(
        lambda some: st.tuples(*map(_option, {item["name"]: item for item in some}.values())).map(
            lambda filled: nest("1", path, list(filled))
        )
    )


def _option(option: Json) -> st.SearchStrategy[Json]:
    """Return a strategy for an option's value, which is often valid."""
    fits = _fitting(option)
    value = st.one_of(
        fits, fits, fits, _of_kind(option["type"]), wild, numbers, reals, st.booleans()
    )
    return value.map(lambda value: {"name": option["name"], "type": option["type"], "value": value})


def _fitting(option: Json) -> st.SearchStrategy[Any]:
    if choices := option.get("choices"):
        return st.sampled_from([each["value"] for each in choices])
    least, most = option.get("min_value"), option.get("max_value")
    match option["type"]:
        case OptionType.INTEGER:
            return st.integers(least or 0, min(20 if most is None else most, 2**31))
        case OptionType.NUMBER:
            return st.floats(least or 0.0, 1.0 if most is None else most)
        case OptionType.STRING:
            return wild.map(lambda text: text[: option.get("max_length", 6000)] or "x")
        case kind:
            return _of_kind(kind)


def _of_kind(kind: int) -> st.SearchStrategy[Any]:
    kinds: dict[int, st.SearchStrategy[Any]] = {
        OptionType.STRING: wild,
        OptionType.INTEGER: numbers,
        OptionType.NUMBER: reals,
        OptionType.BOOLEAN: st.booleans(),
        OptionType.USER: ids,
        OptionType.ROLE: ids,
        OptionType.ATTACHMENT: st.sampled_from(["file", "file", "1"]),
    }
    return kinds[kind]


def _typed(path: Sequence[str], given: Json) -> st.SearchStrategy[Json]:
    option = {"name": given["name"], "type": given["type"], "focused": True}
    return st.one_of(wild, numbers).map(lambda value: nest("1", path, [option | {"value": value}]))


def _on_message(menu: Json) -> Json:
    return {"id": menu["id"], "name": menu["name"], "type": menu["type"]}


CUSTOM_IDS = [
    *(
        CUSTOM_ID_PREFIX + re.sub(r"SCRIPT|\d+", "{}", custom_id.replace("POSITION", "1:1"))
        for custom_id in (*BUTTONS, *dict(MENUS), "stop:1:replay")
    ),
    *("onbook:{text}", "{text}"),
]
"""The ids of buttons and menus, with braces for numbers."""


def _pressed() -> st.SearchStrategy[Json]:
    """Return a strategy for a press or choice; without an id, of an existing component."""
    number = st.one_of(st.integers(0, 40), st.integers(0, 10**22)).map(str)
    made = st.builds(str.format, st.sampled_from(CUSTOM_IDS), number, number, text=wild)
    values = st.lists(st.one_of(number, wild.map(lambda text: text[:100])), max_size=3)
    return st.fixed_dictionaries(
        {"component_type": st.sampled_from([rules.BUTTON, rules.SELECT])},
        optional={
            "custom_id": made.map(lambda text: text[:100] or "x"),
            "values": values,
            "nth": st.integers(0, 9),
        },
    )


def _window() -> st.SearchStrategy[Json]:
    """Return a strategy for a submitted modal, opened or not, with texts of any length."""
    return st.fixed_dictionaries(
        {"nth": st.integers(0, 20), "texts": st.lists(wild, min_size=3, max_size=3)},
        optional={"custom_id": wild.map(lambda text: f"onbook:{text}"[:100])},
    )


def draw_inputs(commands: Sequence[Json], number: int, seeded: int) -> list[Input | Said]:
    """Return a number of inputs, the same for the same seed."""
    found: list[Input | Said] = []

    @seed(seeded)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(commands))
    def collect(item: Input | Said) -> None:
        found.append(item)

    while len(found) < number:
        collect()
    return found[:number]


# How it is sent ---------------------------------------------------------------------------------


@dataclass
class Sender:
    """A sender of inputs to a bot, with a report of their outcomes."""

    discord: Discord
    channels: list[Channel]
    people: list[Person]
    bot: str
    """The bot's id."""
    report: Report = field(default_factory=Report)
    windows: list[Json] = field(default_factory=list)

    async def send_all(self, found: Sequence[Input | Said]) -> None:
        """Send all inputs, `AT_ONCE` of them at the same time."""
        todo = iter(found)
        await asyncio.gather(*(self._send_some(todo) for _ in range(AT_ONCE)))

    async def _send_some(self, todo: Iterator[Input | Said]) -> None:
        for item in todo:
            if isinstance(item, Said):
                await self._say(item)
            else:
                await self._send(item)

    async def _say(self, said: Said) -> None:
        """Write a message or react, which the bot need not answer."""
        user, channel = self.people[said.user], self.channels[said.channel]
        there = [message for message in user.sees(channel) if not message.thinking]
        about = there[-1 - said.message % len(there)] if there else None
        self.report.inputs[said.how] += 1
        with suppress(NotPossible):  # the message was deleted at this moment
            match said.how:
                case "react" if about:
                    await user.react(about, said.text)
                case "unreact" if about:
                    await user.unreact(about, said.text)
                case "reply" if about:
                    await user.write(channel, said.text, reply_to=about)
                case _:
                    await user.write(channel, f"<@{self.bot}> {said.text}")

    async def _send(self, item: Input) -> None:
        user, channel = self.people[item.user], self.channels[item.channel]
        message, components = self._resolve(item, channel)
        if item.kind is Kind.COMMAND:
            await self._attach(item.data)
        asked = await user.send_raw(
            channel,
            kind=item.kind,
            data=item.data,
            message=message,
            components=components,
        )
        self.report.inputs[item.kind.name.lower()] += 1
        try:
            await self.discord.until(lambda: is_answered(asked))
        except TimeoutError:
            self.report.unanswered.append(f"{asked} to {item}")
            return
        if asked.modal:
            self.windows.append(asked.modal)
        for seen in (*asked.answers(), *asked.results()):
            self.report.answers[seen.text[:60]] += 1

    def _resolve(self, item: Input, channel: Channel) -> tuple[int | None, list[Json] | None]:
        """Resolve an input's message, and the components under it, among those that exist now."""
        if item.message is None:
            return None, None
        there = [post for post in self.discord.messages_in(channel.id) if not post.thinking]
        message = there[-1 - item.message % len(there)]
        data = item.data
        if item.kind is Kind.COMPONENT:
            components = message.versions[-1].components
            return message.id, _pressed_on(data, components, item.under_message)
        if item.kind is Kind.MODAL:
            _fill_in(data, self.windows)
        return message.id, None

    async def _attach(self, data: Json) -> None:
        """Attach a file to each option that takes one."""
        todo = list(data.get("options") or [])
        while todo:
            option = todo.pop()
            todo += option.get("options") or []
            if option["type"] == OptionType.ATTACHMENT and option.get("value") == "file":
                content = base64.b64encode(SCRIPT.encode()).decode()
                file = await self.discord.do("add_file", name="a.fountain", content=content)
                data.setdefault("resolved", {}).setdefault("attachments", {})[file["id"]] = file
                option["value"] = file["id"]


def _pressed_on(data: Json, components: list[Json], under_message: bool) -> list[Json]:
    """Complete the data of a press, and return the components to show under its message."""
    real = [component for component in rules.interactive(components) if component.get("custom_id")]
    nth = data.pop("nth", 0)
    if "custom_id" not in data and real:
        chosen = real[nth % len(real)]
        data["custom_id"], data["component_type"] = chosen["custom_id"], chosen["type"]
        if chosen["type"] == rules.SELECT and nth % 2:
            data["values"] = [chosen["options"][nth % len(chosen["options"])]["value"]]
        return components
    data.setdefault("custom_id", "onbook:continue:1:1")
    data.setdefault("values", [])
    if not under_message:
        return components
    return forge(data["component_type"], data["custom_id"])


def _fill_in(data: Json, windows: Sequence[Json]) -> None:
    """Fill in one of the opened modals, or an unknown one."""
    texts, nth = data.pop("texts"), data.pop("nth")
    kinds = dict.fromkeys("abc", rules.INPUT_LINE)
    if windows:
        window = windows[-1 - nth % len(windows)]
        kinds = {field["custom_id"]: field["type"] for _, field in rules.inputs(window)}
        data.setdefault("custom_id", window["custom_id"])
    data.setdefault("custom_id", "onbook:write:0")
    data["components"] = [
        {"type": 18, "component": {"type": 3, "custom_id": name, "values": [text]}}
        if kind == rules.SELECT
        else {"type": 1, "components": [{"type": 4, "custom_id": name, "value": text}]}
        for (name, kind), text in zip(kinds.items(), texts, strict=False)
    ]


async def fuzz(address: str, number: int, seeded: int) -> Report:
    """Send a number of inputs to the bot at this address."""
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        guild = await discord.guild("The Playhouse", BOT_MAY | MANAGE_WEBHOOKS)
        channels = [await guild.channel(f"stage-{number}") for number in range(CHANNELS)]
        people = [await guild.person(name) for name in ("Ann", "Ben ` @everyone \u202e")]
        people += [await guild.person("\u200b"), await guild.person("Mo", MODERATORS_MAY)]
        commands = list((await discord.commands()).values())
        found = await asyncio.to_thread(draw_inputs, commands, number, seeded)
        sender = Sender(discord, channels, people, commands[0]["application_id"])
        for channel in channels:
            await (await people[0].slash(channel, "start", heading="Roof")).is_done()
        began = time.perf_counter()
        await sender.send_all(found)
        sender.report.seconds = time.perf_counter() - began
        sender.report.refusals = list(discord.refusals)
        sender.report.pings = list(discord.pings)
        return sender.report


def run(number: int, seeded: int = 0, **options: object) -> Report:
    """Start a fake Discord and the bot with these settings, and send a number of inputs."""
    chosen = {"line_length": 40} | UNLIMITED | options
    with tempfile.TemporaryDirectory() as name:
        folder, log = Path(name), Path(name) / "bot.log"
        with fake_discord(PATIENCE) as address, running_bot(address, folder, log, **chosen):
            report = asyncio.run(fuzz(address, number, seeded))
        said = log.read_text(encoding="utf-8", errors="replace")
    # Keep the log after each traceback, too, because it may say more.
    report.tracebacks = [f"Traceback{text}" for text in said.split("Traceback")[1:]]
    return report


def main(inputs: int = 10_000, seed: int = 0) -> int:
    """Send inputs; return the exit code: 1 if anything was wrong.

    Args:
        inputs: The number of inputs.
        seed: The seed of the inputs.
    """
    report = run(inputs, seed)
    print(report)
    return not report.fine


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak.fuzz", description=__doc__))
