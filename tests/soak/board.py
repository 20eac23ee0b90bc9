"""Compare what a channel shows with what is stored: ``python -m tests.soak.board``.

Two people act at random: they write by commands and messages, let the voice write, undo, edit,
jump, fork, star, switch, archive, end and delete scripts, and the bot restarts. After each act, the
program reads every message of the channel: the running script's lines must be shown once, in order,
above one panel. A message for the bot must have become the last line, and a star must count. The
acts are the same for the same seed.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import tyro

from bot.cogs.star_reactions import STAR
from bot.settings import Look, RunnerSettings
from tests.bot.channel_check import Reader
from tests.bot.conftest import Stage, answer, fields, labels, opened, staged
from tests.bot.playing import menu_options, open_window

PAUSE = "Pause it and start the new one"


class Rehearsal:
    """Two people who act at random, and a bot."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.choose = random.Random(seed)
        self.reader = Reader()
        self.acts: list[str] = []
        """The acts so far, oldest first."""
        self.lost: list[str] = []
        """The messages that did not become lines, and the reactions that did not become stars."""
        self._written = 0
        self._looks: list[dict[str, Any]] = []

    async def run(self, steps: int) -> list[str]:
        """Act until a fault is shown, or for a number of steps; return the faults."""
        await self.start()
        channel = self.stage.channel.id
        while True:
            faults = await self.reader.faults(self.stage.store, channel, self.stage.messages())
            if faults or self.lost or len(self.acts) >= steps:
                return faults + self.lost
            await self.act()

    async def act(self) -> None:
        """Do one possible act."""
        names = list(ACTS) if await self.stage.script() else ["start", "switch"]
        [name] = self.choose.choices(names, [ACTS[name][0] for name in names])
        self.acts.append(name)
        await ACTS[name][1](self)

    def note(self, what: object) -> None:
        """Add a detail to the record of the current act."""
        self.acts[-1] += f" {what}"

    @property
    def somebody(self) -> Any:
        """Return Ann, who begins most scripts and has most permissions, or Ben."""
        return self.choose.choice([self.stage.ann, self.stage.ann, self.stage.ann, self.stage.ben])

    async def slash(self, name: str, **options: Any) -> Any:
        """Use a command as either person."""
        return await self.somebody.slash(self.stage.channel, name, **options)

    def words(self, most: int = 3) -> str:
        """Return new lines."""
        made = []
        for _ in range(self.choose.randint(1, most)):
            self._written += 1
            form = self.choose.choice(["Word {} falls.", "MAYA: Word {}?", "INT. WORD {} - DAY"])
            made.append(form.format(self._written))
        return "\n\n".join(made)

    def title(self) -> str:
        self._written += 1
        return f"Title {self._written}"

    def choose_button(self, message: Any) -> str:
        """Choose a button of a message that opens nothing."""
        return self.choose.choice(
            [label for label in labels(message) if label not in ("Write", "More…")]
        )

    async def write(self) -> None:
        self._looks.append(self.stage.look(self.stage.panel()))
        await self.slash("write", text=self.words())

    async def say(self) -> None:
        """Write by a message that mentions the bot, perhaps in a reply to anything."""
        replied = self.choose.choice([None, *self.stage.messages()])
        await self._send(f"<@{self.stage.world.bot.user.id}> {self.words(2)}", replied)

    async def reply(self) -> None:
        """Write by a reply to the panel."""
        await self._send(self.words(2), self.stage.panel())

    async def add(self) -> None:
        """Add a message to the script that was not meant for it."""
        said = await self.somebody.send(self.stage.channel, self.words(1))
        await self.somebody.context_menu(self.stage.channel, "Add to the script", said)
        await self._find_written()

    async def _send(self, text: str, replied: Any) -> None:
        await self.somebody.send(self.stage.channel, text, reply_to=replied)
        await self.stage.world.settle()
        await self._find_written()

    async def _find_written(self) -> None:
        """Check that the last words are in the last line."""
        last = (await self.stage.lines())[-1:]
        if f"word {self._written}" not in "".join(last).lower():
            self.lost.append(f"the last line is {last}, without word {self._written}")

    async def star(self) -> None:
        """React to a message, or take the reaction away."""
        who, message = self.somebody, self.choose.choice(self.stage.messages())
        reacted = self.choose.random() < 0.7
        self.note(f"{message.id} {reacted}")
        await who.set_reaction(message, STAR, reacted=reacted)
        await self.stage.world.settle()
        store = self.stage.store
        people = (await store.stars.load_reactions([message.id])).get(message.id, set())
        shows_line = await store.messages.find_post(message.id) is not None
        if (who.id in people) is not (reacted and shows_line):
            self.lost.append(f"the stars of {message.id} are {people}")

    async def press(self) -> None:
        panel = self.stage.panel()
        label = self.choose_button(panel)
        self.note(label)
        await self.somebody.click(panel, label=label)

    async def press_if_offered(self, label: str) -> None:
        """Press a button of the panel if the panel has it."""
        panel = self.stage.panel()
        if label in labels(panel):
            await self.somebody.click(panel, label=label)

    async def press_late(self) -> None:
        """Press a button that the panel had earlier, and continue from there if offered."""
        if not self._looks:
            return
        who, look = self.somebody, self.choose.choice(self._looks)
        pressed = await self.stage.press_late(who, look, self.choose_button(look))
        for offered in filter(None, [pressed.response, *pressed.followups]):
            if "Continue from here" in labels(offered):
                await who.click(offered, label="Continue from here")

    async def edit(self) -> None:
        shown = await self.stage.ann.autocomplete(self.stage.channel, "script edit", "line", "")
        if shown:
            line = self.choose.choice(shown)["value"]
            self.note(line)
            who = self.somebody
            await self.fill_in(who, await who.slash(self.stage.channel, "script edit", line=line))

    async def on_a_message(self, name: str) -> None:
        """Use a command on a message, and fill in the modal."""
        who, message = self.somebody, self.choose.choice(self.stage.messages())
        self.note(message.id)
        asked = await who.context_menu(self.stage.channel, name, message)
        await self.fill_in(who, asked)

    async def fill_in(self, who: Any, asked: Any) -> None:
        """Fill in the modal with new words, if one opened."""
        asked = await open_window(who, asked)
        if asked.modal:
            await who.submit_modal(asked, {fields(asked)["Text"]: self.words(2)})

    async def jump(self) -> None:
        """Jump to a line of the history, which may be on an abandoned path."""
        who = self.somebody
        shown = answer(await who.slash(self.stage.channel, "script history"))
        turned = [label for label in ("First", "Previous") if label in labels(shown)]
        if turned and self.choose.random() < 0.5:
            await who.click(shown, label=self.choose.choice(turned))
        if lines := menu_options(shown):
            chosen = self.choose.choice(list(lines))
            self.note(chosen)
            await who.select(shown, [lines[chosen]])

    async def start(self) -> None:
        who = self.somebody
        heading = {"heading": self.words(1)} if self.choose.random() < 0.5 else {}
        asked = await who.slash(self.stage.channel, "start", title=self.title(), **heading)
        if (offer := answer(asked)) and PAUSE in labels(offer):
            await who.click(offer, label=PAUSE)

    async def end_script(self) -> None:
        who = self.somebody
        menu = answer(await who.click(self.stage.panel(), label="More…"))
        if "The end" not in labels(menu):
            return
        asked = answer(await who.click(menu, label="The end"))
        if "End it" in labels(asked):
            await who.click(asked, label="End it")

    async def in_the_list(self, *presses: str) -> None:
        """Choose a script from the list, and press these buttons one after the other."""
        who = self.somebody
        shown = answer(await who.slash(self.stage.channel, "script list"))
        if not (scripts := menu_options(shown)):
            return
        title = self.choose.choice(list(scripts))
        self.note(title)
        await who.select(shown, [scripts[title]])
        for label in presses:
            if label in labels(shown):
                await who.click(shown, label=label)


Act = Callable[[Rehearsal], Awaitable[object]]

ACTS: dict[str, tuple[int, Act]] = {
    "write": (4, Rehearsal.write),
    "say": (2, Rehearsal.say),
    "reply": (1, Rehearsal.reply),
    "add": (1, Rehearsal.add),
    "star": (2, Rehearsal.star),
    "carry_on": (1, lambda it: it.slash("continue", lines=it.choose.randint(1, 2))),
    "press": (1, Rehearsal.press),
    "press_late": (1, Rehearsal.press_late),
    "take_anew": (1, lambda it: it.press_if_offered("Another take")),
    "undo": (2, lambda it: it.slash("undo")),
    "redo": (1, lambda it: it.press_if_offered("Redo")),
    "edit": (3, Rehearsal.edit),
    "edit_there": (1, lambda it: it.on_a_message("Rewrite this line")),
    "go_there": (1, lambda it: it.on_a_message("Continue from here")),
    "jump": (2, Rehearsal.jump),
    "fork": (1, lambda it: it.slash("script fork", title=it.title())),
    "switch": (2, lambda it: it.in_the_list("Continue it", "Reopen")),
    "start": (1, Rehearsal.start),
    "archive": (1, lambda it: it.in_the_list("Archive")),
    "end_script": (1, Rehearsal.end_script),
    "delete": (1, lambda it: it.in_the_list("Delete", "Delete for good")),
    "restart": (1, lambda it: it.stage.restart()),
}
"""The acts of people, with their shares."""


async def rehearse(settings: RunnerSettings, seed: int, steps: int) -> list[str]:
    """Act at random with this seed; return the faults, and the acts before them."""
    async with opened(settings) as world:
        stage = await staged(world, settings)
        stage.permit(manage_webhooks=True)
        rehearsal = Rehearsal(stage, seed)
        faults = await rehearsal.run(steps)
    return [*faults, f"after {', '.join(rehearsal.acts)}"] if faults else []


def main(
    seeds: int = 20, first: int = 0, steps: int = 30, looks: tuple[Look, ...] = tuple(Look)
) -> int:
    """Act at random with several seeds; return the exit code: 1 if anything was wrong.

    Args:
        seeds: The number of seeds.
        first: The first seed.
        steps: The acts for each seed.
        looks: How lines look, in turn.
    """
    wrong = 0
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as folder:
            settings = RunnerSettings(
                database=Path(folder) / "scripts.db",
                threads=1,
                line_length=40,
                quality="quick",
                person_limits="0 0 0",
                look=looks[seed % len(looks)],
            )
            faults = asyncio.run(rehearse(settings, seed, steps))
        wrong += bool(faults)
        print(f"seed {seed}:", *(faults or ["correct"]), sep="\n  " if faults else " ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak.board", description=__doc__))
