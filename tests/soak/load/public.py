"""Simulate people who come to many channels at random moments."""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tests.fake_discord.people import BOT_MAY, Asked, Channel, Discord, Message, Person
from tests.fake_discord.state import MANAGE_WEBHOOKS, Answer, NotPossible
from tests.soak.kills.crowd import Crowd, is_end, make_places

GO_ON, TAKE, UNDO, WRITE = "Continue", "Another take", "Undo", "Write"
"""The labels of the buttons under a script's last line."""

MIX = {
    "/continue": 28,
    f"button {GO_ON}": 14,
    "/write": 18,
    f"button {WRITE}": 3,
    f"button {TAKE}": 8,
    "/undo": 4,
    f"button {UNDO}": 3,
    "suggestions": 14,
    "/script show": 6,
    "/scripts": 2,
}
"""People's acts and their shares in per cent. A person who finds no button uses /continue."""

TITLE = "The Night"

BUSY = "The bot is very busy."
"""How the bot refuses what it cannot do in time."""

PRIVATE = "/script show", "/scripts"
"""Commands with private answers, which name the title unless they are refusals."""


@dataclass
class MeasuredAct:
    """An act of a person whose times are measured."""

    what: str
    asked: Asked
    under: Message | None = None
    """The message whose button was pressed."""

    def ended(self) -> float | None:
        """Return when the result, or the sentence of a refusal, was shown."""
        asked = self.asked
        if asked.how in (Answer.CHOICES, Answer.MODAL):
            return asked.answered
        answers = [asked.discord.messages[message] for message in asked.messages]
        if answers and all(answer.deleted for answer in answers):  # the lines are in the channel
            return max(answer.deleted_at or 0.0 for answer in answers)
        looks = (look for answer in answers for look in answer.versions)
        return min((look.at for look in looks if is_end(look)), default=None)

    def seconds_until(self, moment: float | None) -> float:
        """Return the seconds from the request to a moment; infinity if there was no such moment."""
        return math.inf if moment is None else moment - self.asked.began

    @property
    def is_refused_as_busy(self) -> bool:
        """Return whether the bot had too much else to do."""
        return (self.refusal() or "").startswith(BUSY)

    def refusal(self) -> str | None:
        """Return the sentence of a refusal, if there was one."""
        for answer in self.asked.answers():
            said = answer.content
            alone = answer.only_for is not None and is_end(answer.versions[-1])
            if alone and not (self.what in PRIVATE and TITLE in said):
                return said.splitlines()[0]
        return None


@dataclass
class Public(Crowd):
    """A person in each of many channels, who may come again before the answer."""

    measured: dict[int, MeasuredAct] = field(default_factory=dict)
    """All measured acts, by the ids of their requests."""
    late: list[float] = field(default_factory=list)
    """Delays of arrivals [s] that arose because this process was busy."""
    chance: random.Random = field(default_factory=random.Random)
    voices: Sequence[str] = ()
    """The voices of the scripts in turn, instead of the measured one."""

    async def begin_script(self, person: Person, channel: Channel) -> None:
        """Begin a script with a heading, without measuring it."""
        # A heading with INT. would choose the voice for films instead of the measured one.
        given = {"title": TITLE, "heading": f"{self._token()} at night"}
        if self.voices:
            given["voice"] = self.voices[len(self.asked) % len(self.voices)]
        asked = await person.slash(channel, "start", **given)
        self.asked[asked.id] = asked, 1
        await asked.is_done()

    async def come(self, rate: float, seconds: float) -> None:
        """Let people come at random moments, at a mean rate [1/s], and wait for the last."""
        clock = asyncio.get_running_loop().time
        due = clock()
        end = due + seconds
        came = set[asyncio.Task[None]]()
        while (due := due + self.chance.expovariate(rate)) < end:
            await self._at(due)
            came.add(asyncio.create_task(self._come(*self.chance.choice(self.people))))
        await asyncio.gather(*came)

    async def continue_within(self, seconds: float) -> None:
        """Let everybody use /continue, each at a random moment within a number of seconds."""
        began = asyncio.get_running_loop().time()
        moments = sorted(self.chance.uniform(0, seconds) for _ in self.people)
        came = list[asyncio.Task[None]]()
        for moment, who in zip(moments, self.people, strict=True):
            await self._at(began + moment)
            came.append(asyncio.create_task(self._wait(await self._do("/continue", *who))))
        await asyncio.gather(*came)

    async def _at(self, due: float) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, due - clock()))
        self.late.append(clock() - due)

    async def _come(self, person: Person, channel: Channel) -> None:
        """Act once at random, and fill in the modal if one opens."""
        [what] = self.chance.choices(list(MIX), list(MIX.values()))
        act = await self._do(what, person, channel)
        await self._wait(act)
        if act.asked.modal:
            values = {"Text": self._text()}
            asked = await person.submit_modal(act.asked, values)
            await self._wait(self._done("window", asked, 1))

    async def _wait(self, act: MeasuredAct) -> None:
        """Wait until the act has ended, or the wait times out."""
        about = [act.asked.id, *([act.under.id] if act.under else [])]
        with suppress(TimeoutError):  # the act counts as one without an end
            await self.discord.until(act.ended, lambda: act.what, about)

    async def _do(self, what: str, person: Person, channel: Channel) -> MeasuredAct:
        if what.startswith("button"):
            try:
                return await self._press(what, person, channel)
            except NotPossible:  # the button is gone
                what = "/continue"
        act, lines = self._acts()[what]
        return self._done(what, await act(person, channel), lines)

    async def _press(self, what: str, person: Person, channel: Channel) -> MeasuredAct:
        label = what.removeprefix("button ")
        under = next((message for message in channel.messages() if message.is_panel), None)
        if under is None:
            raise NotPossible("no message here has a button")
        asked = await person.click(under, label)
        return self._done(what, asked, int(label in (GO_ON, TAKE)), under)

    def _acts(self) -> dict[str, tuple[Callable[[Person, Channel], Awaitable[Asked]], int]]:
        """Return the acts by name, each with the number of lines that it should add."""
        return {
            "/continue": (lambda who, place: who.slash(place, "continue"), 1),
            "/write": (lambda who, place: who.slash(place, "write", text=self._text()), 1),
            "/undo": (lambda who, place: who.slash(place, "undo"), 0),
            "suggestions": (lambda who, place: who.type(place, "continue", "character", "a"), 0),
            "/script show": (lambda who, place: who.slash(place, "script show"), 0),
            "/scripts": (lambda who, place: who.slash(place, "script list"), 0),
        }

    def _done(
        self, what: str, asked: Asked, lines: int, under: Message | None = None
    ) -> MeasuredAct:
        act = self.measured[asked.id] = MeasuredAct(what, asked, under)
        self.asked[asked.id] = asked, lines
        return act

    def _token(self) -> str:
        return f"{self.chance.getrandbits(60):X}"

    def _text(self) -> str:
        """Return a unique line."""
        return f"{self._token()} it rains on the roof of the diner."

    def has_end(self, asked: Asked) -> bool:
        act = self.measured.get(asked.id)
        return act.ended() is not None if act else super().has_end(asked)

    # Results

    def times(self) -> dict[str, dict[str, list[float]]]:
        """Return the times until acts were acknowledged and finished, by what was done [s]."""
        found: dict[str, dict[str, list[float]]] = {"acknowledged": {}, "finished": {}}
        for act in self.measured.values():
            for name, moment in (("acknowledged", act.asked.answered), ("finished", act.ended())):
                if moment is not None:
                    found[name].setdefault(act.what, []).append(act.seconds_until(moment))
        return found

    def refusals(self) -> Counter[str]:
        return Counter(refusal for act in self.measured.values() if (refusal := act.refusal()))


async def spread_places(
    discord: Discord, guilds: int, channels: int
) -> list[tuple[Person, Channel]]:
    """Make channels with a person in each, spread over servers."""
    found: list[tuple[Person, Channel]] = []
    for number in range(guilds):
        guild = await discord.guild(f"House {number}", BOT_MAY | MANAGE_WEBHOOKS)
        found += await make_places(guild, channels // guilds + (number < channels % guilds))
    return found
