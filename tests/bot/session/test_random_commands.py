"""Test random commands on a real room, store and file, beside a simple model of the tree.

After each step every script, its head and its lines agree with the model, and every stored state is
the one that reading the text from the start gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.arrays import States
from bot.errors import RequestError
from bot.inference.registry import ModelRegistry
from bot.inference.request import Request
from bot.screenplay.fountain import format_for_model
from bot.screenplay.free_text import parse_person_text
from bot.session.channel_session import ChannelSessions
from bot.session.turn import ContinueRequest, NewScript, Requester, ScriptPosition
from bot.settings import Settings
from bot.storage.schema import ERASED_ELEMENT, ERASED_PERSON, Line
from bot.storage.store import Store

CHANNEL, OWNER, OTHER = 1, 7, 8
WORDS = st.sampled_from(["Rain.", "MAYA: Hello.", "CUT TO:", "Wind.\n\nSnow.", "INT. ROOF - DAY"])
PARTS = st.floats(0, 1, exclude_max=True)
"""A position among the possible choices, as a share."""


@dataclass
class Sheet:
    """A line, as the model knows it."""

    parent: int | None
    text: str
    scripts: set[int]
    """The scripts whose heads may go to this line."""
    author: int | None
    copy_of: int | None = None
    removed: bool = False


@dataclass
class Copy:
    """A script, as the model knows it."""

    head: int | None = None
    ways: dict[int | None, int] = field(default_factory=dict)


@dataclass
class Offer:
    """Takes, as the model knows them."""

    script: int
    parent: int | None
    ends: list[int]
    """The last line of each take."""


@dataclass
class Tree:
    """All that people can know of the scripts, and nothing of the implementation."""

    lines: dict[int, Sheet] = field(default_factory=dict)
    scripts: dict[int, Copy] = field(default_factory=dict)
    running: int | None = None
    offers: dict[int, Offer] = field(default_factory=dict)
    """The offers of which no take was chosen."""

    def path(self, head: int | None) -> list[int]:
        ids: list[int] = []
        while head is not None:
            ids.append(head)
            head = self.lines[head].parent
        return ids[::-1]

    def go(self, script: int, head: int | None) -> None:
        steps = [None, *self.path(head)]
        self.scripts[script].ways.update(pairwise(steps))
        self.scripts[script].head = head

    def hang(self, script: int, lines: list[Line]) -> None:
        for line in lines:
            self.lines[line.id] = Sheet(
                line.parent, line.text, {script}, line.author, line.copy_of, line.removed
            )

    def add(self, script: int, lines: list[Line]) -> None:
        self.hang(script, lines)
        self.go(script, lines[-1].id)

    def of(self, script: int) -> list[int]:
        """Return the lines of a script, abandoned ones included."""
        return [line for line, sheet in self.lines.items() if script in sheet.scripts]

    def forget(self, person: int, text: bool) -> None:
        for sheet in self.lines.values():
            if sheet.author == person:
                sheet.author = ERASED_PERSON
                if text:
                    sheet.text, sheet.removed = ERASED_ELEMENT.text, True

    def delete(self, script: int) -> None:
        del self.scripts[script]
        self.offers = {one: of for one, of in self.offers.items() if of.script != script}
        for line, sheet in list(self.lines.items()):
            sheet.scripts.discard(script)
            if not sheet.scripts:
                del self.lines[line]


class Machine(RuleBasedStateMachine):
    """People and a voice at one script after the other."""

    chosen: Settings
    known: ClassVar[dict[str, States]] = {}
    """The voice's states after texts, as the test itself has read them."""
    scripts = Bundle("scripts")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = TemporaryDirectory()
        database = Path(self.folder.name) / "scripts.db"
        self.settings = self.chosen.model_copy(update={"database": database, "line_length": 40})
        self.deliveries = count()
        self.tree = Tree()
        self.voices = ModelRegistry(self.settings.models, 1, 8, 8)
        self.open()

    def open(self) -> None:
        self.store = self.run(Store.open(self.settings.database))
        self.session = ChannelSessions(self.store, self.voices, self.settings).get(CHANNEL)

    def run(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(act)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.voices.close()
        self.loop.close()
        self.folder.cleanup()

    @property
    def writer(self) -> Requester:
        return Requester(OWNER, "Ann", f"delivery {next(self.deliveries)}")

    @property
    def now(self) -> Copy:
        assert self.tree.running is not None
        return self.tree.scripts[self.tree.running]

    # Acts

    @initialize(target=scripts, lines=st.lists(WORDS, min_size=1, max_size=3))
    def begin(self, lines: list[str]) -> int:
        script = self.start()
        for text in lines:
            self.write(text)
        self.continue_script(1, 1)
        return script

    def several(self) -> bool:
        return len(self.tree.scripts) > 1

    @precondition(lambda self: not self.runs() or not self.several())
    @rule(target=scripts)
    def start(self) -> int:
        turn = self.run(self.session.library.begin(self.writer, NewScript(title="A script")))
        self.tree.scripts[turn.script.id] = Copy()
        self.tree.running = turn.script.id
        return turn.script.id

    def runs(self) -> bool:
        return self.tree.running is not None

    @precondition(runs)
    @rule(text=WORDS)
    def write(self, text: str) -> None:
        self.add(text, self.writer)

    @precondition(runs)
    @rule(text=WORDS)
    def write_as_another(self, text: str) -> None:
        self.add(text, Requester(OTHER, "Ben", f"delivery {next(self.deliveries)}"))

    def add(self, text: str, writer: Requester) -> None:
        turn = self.run(self.session.continuation.write(writer, text))
        assert turn.lines[0].parent == self.now.head
        self.tree.add(self.tree.running, turn.lines)

    @precondition(runs)
    @rule(seed=st.integers(0, 9), lines=st.integers(1, 2))
    def continue_script(self, seed: int, lines: int) -> None:
        turn = self.run(
            self.session.continuation.generate(self.writer, ContinueRequest(lines=lines, seed=seed))
        )
        assert [turn.lines[0].parent, len(turn.lines)] == [self.now.head, lines]
        self.tree.add(self.tree.running, turn.lines)

    @precondition(runs)
    @rule(seed=st.integers(0, 9), lines=st.integers(1, 2), vote=st.sampled_from([None, 60]))
    def offer(self, seed: int, lines: int, vote: int | None) -> None:
        wish = ContinueRequest(lines=lines, seed=seed, takes=2, vote=vote)
        ballot = self.run(self.session.continuation.generate(self.writer, wish)).poll
        takes = self.run(self.store.polls.load_takes(ballot))
        assert [(len(one), one[0].parent) for one in takes.values()] == [(lines, self.now.head)] * 2
        for one in takes.values():
            self.tree.hang(self.tree.running, one)
        ends = [one[-1].id for one in takes.values()]
        self.tree.offers[ballot.id] = Offer(self.tree.running, self.now.head, ends)

    def offered(self) -> bool:
        return bool(self.tree.offers)

    def ballot(self, part: float) -> int:
        return list(self.tree.offers)[int(part * len(self.tree.offers))]

    @precondition(offered)
    @rule(part=PARTS, take=st.integers(0, 1))
    def pick(self, part: float, take: int) -> None:
        ballot = self.ballot(part)
        offer = self.tree.offers[ballot]
        if self.tree.running != offer.script or self.now.head != offer.parent:
            self.refused(self.session.polls.pick(self.writer, ballot, take))
            return
        self.run(self.session.polls.pick(self.writer, ballot, take))
        del self.tree.offers[ballot]
        self.tree.go(offer.script, offer.ends[take])
        self.refused(self.session.polls.pick(self.writer, ballot, take))

    @precondition(offered)
    @rule(part=PARTS, votes=st.lists(st.integers(0, 1), max_size=3))
    def vote(self, part: float, votes: list[int]) -> None:
        ballot = self.ballot(part)
        offer = self.tree.offers.pop(ballot)
        for take in votes:
            self.run(self.session.polls.vote(self.writer, ballot, take))
        outcome = self.run(self.session.polls.close(ballot))
        assert outcome.winner == (votes[-1] if votes else 0)
        won = offer.ends[outcome.winner]
        if self.tree.running == offer.script and self.now.head == offer.parent:
            self.tree.go(offer.script, won)
        # Somebody may have gone on from the winner before.
        taken = won in self.tree.path(self.tree.scripts[offer.script].head)
        for _ in range(2):
            assert outcome.taken == taken
            outcome = self.run(self.session.polls.close(ballot))
        self.run(self.store.polls.mark_announced(ballot))
        assert self.run(self.session.polls.close(ballot)) is None

    @precondition(runs)
    @rule()
    def retry(self) -> None:
        last = self.run(self.session.library.load_lines())[-1:]
        if not last or last[0].author is not None:
            self.refused(self.session.continuation.retry(self.writer))
            return
        turn = self.run(self.session.continuation.retry(self.writer))
        assert turn.lines[0].parent == last[0].parent
        self.tree.add(self.tree.running, turn.lines)

    @precondition(runs)
    @rule()
    def undo(self) -> None:
        if self.now.head is None:
            self.refused(self.session.history.undo(self.writer))
            return
        self.run(self.session.history.undo(self.writer))
        self.tree.go(self.tree.running, self.tree.lines[self.now.head].parent)

    @precondition(runs)
    @rule()
    def redo(self) -> None:
        way = self.now.ways.get(self.now.head)
        if way is None:
            self.refused(self.session.history.redo(self.writer))
            return
        self.run(self.session.history.redo(self.writer))
        self.tree.go(self.tree.running, way)

    @precondition(runs)
    @rule(part=PARTS)
    def jump(self, part: float) -> None:
        lines = [None, *self.tree.lines]
        line = lines[int(part * len(lines))]
        jump = self.session.history.jump_to(
            self.writer, ScriptPosition(self.tree.running, line or 0)
        )
        reached = line is None or self.tree.running in self.tree.lines[line].scripts
        if line == self.now.head or not reached:
            self.refused(jump)
            return
        self.run(jump)
        self.tree.go(self.tree.running, line)

    @precondition(runs)
    @rule(target=scripts)
    def fork(self) -> int:
        head = self.now.head
        turn = self.run(self.session.history.fork(self.writer, "A fork"))
        fork = self.tree.running = turn.script.id
        self.tree.scripts[fork] = Copy()
        for line in self.tree.path(head):
            self.tree.lines[line].scripts.add(fork)
        self.tree.go(fork, head)
        return fork

    @precondition(runs)
    @rule(part=PARTS, text=WORDS)
    def edit(self, part: float, text: str) -> None:
        path = self.tree.path(self.now.head)
        if not path:
            return
        line = path[int(part * len(path))]
        followed = path[path.index(line) + 1 :]
        before = self.tree.lines[line]
        rewriting = self.session.history.rewrite(
            self.writer, ScriptPosition(self.tree.running, line), text
        )
        if [one.text for one in parse_person_text(text)] == [before.text]:
            self.refused(rewriting)
            return
        turn = self.run(rewriting)
        assert turn.lines[0].parent == before.parent
        assert [one.rewrite_of for one in turn.lines] == [line] * len(turn.lines)
        copies = self.run(self.session.library.load_lines())[-len(followed) :] if followed else []
        for old, copy in zip(followed, copies, strict=True):
            assert copy.text == self.tree.lines[old].text
            assert copy.copy_of == (self.tree.lines[old].copy_of or old)
        self.tree.add(self.tree.running, [*turn.lines, *copies])

    @rule(script=scripts)
    def switch(self, script: int) -> None:
        if script == self.tree.running:
            self.refused(self.session.library.switch(self.writer, script))
            return
        self.run(self.session.library.switch(self.writer, script))
        self.tree.running = script

    @precondition(several)
    @precondition(runs)
    @rule(script=scripts)
    def archive(self, script: int) -> None:
        self.run(self.session.library.archive(self.writer, script, True))
        if script == self.tree.running:
            self.tree.running = None

    @precondition(several)
    @precondition(runs)
    @rule(target=scripts, script=consumes(scripts))
    def delete(self, script: int) -> Any:
        leaving, _ = self.run(
            self.store.scripts.count_deletion(self.run(self.store.scripts.get_script(script)))
        )
        before = len(self.tree.lines)
        self.run(self.session.library.delete(self.writer, script))
        self.tree.delete(script)
        assert leaving == before - len(self.tree.lines)
        if script == self.tree.running:
            self.tree.running = None
        return multiple()

    def another_wrote(self) -> bool:
        return any(sheet.author == OTHER for sheet in self.tree.lines.values())

    @precondition(another_wrote)
    @rule(text=st.booleans())
    def forget(self, text: bool) -> None:
        self.run(self.store.people.erase_person(OTHER, text=text))
        self.tree.forget(OTHER, text)

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.open()

    def refused(self, act: Coroutine[Any, Any, Any]) -> None:
        with pytest.raises(RequestError):
            self.run(act)

    # Truths

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        self.run(self.check())

    async def check(self) -> None:
        shelf = {script.id: script for script in await self.session.library.list_scripts()}
        assert set(shelf) == set(self.tree.scripts)
        assert [one.id for one in shelf.values() if one.running] == (
            [self.tree.running] if self.tree.running else []
        )
        for script, known in self.tree.scripts.items():
            assert shelf[script].head == known.head
            lines = await self.store.lines.load_tree_lines(shelf[script], 0, 999)
            assert [line.id for line in lines] == sorted(self.tree.of(script))
            for line in lines:
                sheet = self.tree.lines[line.id]
                assert (line.parent, line.text) == (sheet.parent, sheet.text)
                assert (line.author, line.removed) == (sheet.author, sheet.removed)
            path = await self.store.lines.load_path(known.head)
            assert [line.id for line in path] == self.tree.path(known.head)
            assert await self.store.lines.find_redo_line(script, known.head) == known.ways.get(
                known.head
            )
            await self.check_states(path)

    async def check_states(self, path: list[Line]) -> None:
        """Check that each stored state is the one that the text up to its line gives."""
        if not path:
            return
        model = (await self.voices.engine(self.settings.model)).model
        kept = await self.store.states.find_state(path[-1].id, model.fingerprint)
        if kept is None:
            assert path[-1].copy_of is not None or any(line.removed for line in path)
            return
        assert kept.tobytes() == (await self.read([line.text for line in path])).tobytes()

    async def read(self, texts: list[str]) -> States:
        """Return the states of a voice after these lines; read no text twice."""
        engine = await self.voices.engine(self.settings.model)
        if not texts:
            return engine.model.start()
        so_far = "\n\n".join(texts)
        if so_far not in self.known:
            before = await self.read(texts[:-1])
            reply = await engine.run(
                Request(before, engine.model.encode(format_for_model(texts[-1])))
            )
            self.known[so_far] = reply.state
        return self.known[so_far]


def test_the_tree_is_what_people_made_of_it(chosen: Settings):
    Machine.chosen = chosen
    bounds = settings(
        max_examples=15,
        stateful_step_count=28,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=bounds)
