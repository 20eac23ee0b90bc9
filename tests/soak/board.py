"""``python -m tests.soak.board``: compare what a channel shows with what is stored.

Two people do one thing after another that moves a script or changes which one runs: they write,
let the voice write, take back, edit, jump, fork, switch, archive, end, delete, and the bot starts
anew. After each, every message in the channel is read: each line of the script that runs is shown
once, in order, and the one panel stands under the last of them. What is drawn at random is the same
for a seed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.settings import RunnerSettings
from bot.ui.looks import Look
from tests.bot.conftest import Stage, answer, fields, labels, opened, staged
from tests.bot.shown import Reader

SHELVE = "Pause it and start the new one"

ACTS = [
    *["write"] * 4,
    *["carry_on", "press", "press_late", "retry", "undo", "undo", "redo", "edit", "edit", "edit"],
    *["edit_there", "go_there", "jump", "jump", "fork", "switch", "switch", "start"],
    *["archive", "end_script", "delete", "restart"],
]
"""The acts of people, each as often as it is listed here."""

# What people do ---------------------------------------------------------------------------------


class Rehearsal:
    """Two people and a bot that do whatever comes to their minds."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.choose = random.Random(seed)
        self.reader = Reader()
        self.acts: list[str] = []
        """The acts so far, oldest first."""
        self._written = 0
        self._looks: list[dict[str, Any]] = []

    async def run(self, steps: int) -> list[str]:
        """Do so many acts, or fewer; return the faults that were shown after the last one."""
        await self.start()
        store, channel = self.stage.services.store, self.stage.channel.id
        while not (faults := await self.reader.faults(store, channel, self.stage.messages())):
            if len(self.acts) >= steps:
                break
            await self.act()
            store = self.stage.services.store  # of another bot after a restart
        return faults

    async def act(self) -> None:
        """Do one act that is possible now."""
        running = await self.stage.services.store.scripts.find_running_script(self.stage.channel.id)
        name = self.choose.choice(ACTS) if running else self.choose.choice(["start", "switch"])
        self.acts.append(name)
        await getattr(self, name)()

    def note(self, what: object) -> None:
        """Note a detail of the present act."""
        self.acts[-1] += f" {what}"

    @property
    def somebody(self) -> Any:
        """Return Ann, who begins most scripts and may do most, or Ben."""
        return self.choose.choice([self.stage.ann, self.stage.ann, self.stage.ann, self.stage.ben])

    async def slash(self, name: str, **options: Any) -> Any:
        """Use a command as either person."""
        return await self.somebody.slash(self.stage.channel, name, **options)

    def words(self, most: int = 3) -> str:
        """Return lines that nobody has written before."""
        made = []
        for _ in range(self.choose.randint(1, most)):
            self._written += 1
            form = self.choose.choice(["Word {} falls.", "MAYA: Word {}?", "INT. WORD {} - DAY"])
            made.append(form.format(self._written))
        return "\n\n".join(made)

    def title(self) -> str:
        self._written += 1
        return f"Title {self._written}"

    def end(self) -> Any:
        """Return the message with the script's buttons."""
        return self.stage.panel()

    def but_write(self, message: Any) -> str:
        """Choose a button of a message that acts at once."""
        return self.choose.choice([one for one in labels(message) if one not in ("Write", "More…")])

    async def write(self) -> None:
        self._looks.append(self.stage.look(self.end()))
        await self.slash("write", text=self.words())

    async def carry_on(self) -> None:
        await self.slash("continue", lines=self.choose.randint(1, 2))

    async def retry(self) -> None:
        await self.slash("script retry")

    async def undo(self) -> None:
        await self.slash("undo")

    async def redo(self) -> None:
        await self.slash("script redo")

    async def press(self) -> None:
        end = self.end()
        label = self.but_write(end)
        self.note(label)
        await self.somebody.click(end, label=label)

    async def press_late(self) -> None:
        """Press a button of an earlier look, and continue from there if the bot offers that."""
        if not self._looks:
            return
        who, look = self.somebody, self.choose.choice(self._looks)
        pressed = await self.stage.press_late(who, look, self.but_write(look))
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

    async def edit_there(self) -> None:
        await self.on_a_message("Rewrite this line")

    async def go_there(self) -> None:
        await self.on_a_message("Continue from here")

    async def on_a_message(self, name: str) -> None:
        """Use a command on any message, and choose one of its lines."""
        who, message = self.somebody, self.choose.choice(self.stage.messages())
        self.note(message.id)
        asked = await who.context_menu(self.stage.channel, name, message)
        await self.fill_in(who, asked)

    async def fill_in(self, who: Any, asked: Any) -> None:
        """Fill in a window with other words, if one opened."""
        if asked.modal:
            await who.submit_modal(asked, {fields(asked)["Text"]: self.words(2)})

    async def jump(self) -> None:
        """Go to any line in the history, also one on an abandoned path."""
        who = self.somebody
        shown = answer(await who.slash(self.stage.channel, "script history"))
        turned = [one for one in ("First page", "Previous page") if one in labels(shown)]
        if turned and self.choose.random() < 0.5:
            await who.click(shown, label=self.choose.choice(turned))
        if lines := options(shown):
            chosen = self.choose.choice(list(lines))
            self.note(chosen)
            await who.select(shown, [lines[chosen]])

    async def fork(self) -> None:
        await self.slash("script fork", title=self.title())

    async def start(self) -> None:
        who = self.somebody
        heading = {"heading": self.words(1)} if self.choose.random() < 0.5 else {}
        asked = await who.slash(self.stage.channel, "start", title=self.title(), **heading)
        if (offer := answer(asked)) and SHELVE in labels(offer):
            await who.click(offer, label=SHELVE)

    async def switch(self) -> None:
        await self.on_the_shelf("Continue it", "Reopen")

    async def archive(self) -> None:
        await self.on_the_shelf("Archive")

    async def end_script(self) -> None:
        who = self.somebody
        menu = answer(await who.click(self.end(), label="More…"))
        await who.click(menu, label="The end")

    async def delete(self) -> None:
        await self.on_the_shelf("Delete", "Delete for good")

    async def on_the_shelf(self, *presses: str) -> None:
        """Choose any script of the list, and press these buttons one after the other."""
        who = self.somebody
        shown = answer(await who.slash(self.stage.channel, "script list"))
        if not (scripts := options(shown)):
            return
        title = self.choose.choice(list(scripts))
        self.note(title)
        await who.select(shown, [scripts[title]])
        for label in presses:
            if label in labels(shown):
                await who.click(shown, label=label)

    async def restart(self) -> None:
        await self.stage.restart()


def options(shown: Any) -> dict[str, str]:
    """Return the options of a message's menu, values by labels; none without a menu."""
    menus = [one for row in shown.components for one in row["components"] if one["type"] == 3]
    return {one["label"]: one["value"] for menu in menus for one in menu["options"]}


# The command ------------------------------------------------------------------------------------


async def rehearsed(seed: int, steps: int, look: str) -> list[str]:
    """Rehearse with this seed; return the faults, and the acts before them."""
    with tempfile.TemporaryDirectory() as folder:
        settings = RunnerSettings(
            database=Path(folder) / "scripts.db",
            threads=1,
            line_length=40,
            quality="quick",
            person_limits="0 0 0",
            look=look,
        )
        async with opened(settings) as world:
            stage = await staged(world, settings)
            stage.permit(manage_webhooks=True)
            rehearsal = Rehearsal(stage, seed)
            faults = await rehearsal.run(steps)
    return [*faults, f"after {', '.join(rehearsal.acts)}"] if faults else []


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.board", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (%(default)s)")
    parser.add_argument("--steps", type=int, default=30, help="for each seed (%(default)s)")
    parser.add_argument("--look", choices=list(Look), help="(default: one after the other)")
    chosen = parser.parse_args()
    looks = [chosen.look] if chosen.look else list(Look)
    wrong = 0
    with suppress(KeyboardInterrupt):
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            faults = asyncio.run(rehearsed(seed, chosen.steps, looks[seed % len(looks)]))
            wrong += bool(faults)
            print(f"seed {seed}:", *(faults or ["all true"]), sep="\n  " if faults else " ")
        return int(wrong > 0)
    return 130


if __name__ == "__main__":
    sys.exit(main())
