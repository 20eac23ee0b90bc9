"""Test random commands on a real session, store and file, beside a simple model of the tree.

After each step the heads and the running script are the expected ones, and the state after its head
is the one that reading the text from the start gives. At the end, so is every script.
"""

import asyncio
import shutil
from collections.abc import Container, Coroutine
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import aiosqlite
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
from bot.screenplay.drafts import ERASED_PERSON
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import classify, format_for_model
from bot.screenplay.free_text import parse_person_text
from bot.session.channel_session import ChannelSessions
from bot.session.turn import ContinueRequest, NewScript, Requester, ScriptPosition
from bot.settings import Settings
from bot.storage.schema import ERASED_ELEMENT, ROOT_LINE, Line, Script
from bot.storage.store import Store
from tests.bot.conftest import execute_inline
from tests.bot.session_harness import load_tree

CHANNEL, OWNER, OTHER = 1, 7, 8
WORDS = st.sampled_from(["Rain.", "MAYA: Hello.", "CUT TO:", "Wind.\n\nSnow.", "INT. ROOF - DAY"])
PARTS = st.floats(0, 1, exclude_max=True)
"""A position among the possible choices, as a share."""


@dataclass
class ExpectedLine:
    """A line of the model."""

    parent: int | None
    text: str
    scripts: set[int]
    """The scripts whose heads may move to this line."""
    author: int | None
    copy_of: int | None = None
    removed: bool = False
    edit_of: int | None = None
    """The head before the edit that moved it to this line."""


@dataclass
class ExpectedScript:
    """A script of the model."""

    head: int | None = None
    redo: dict[int | None, int] = field(default_factory=dict)
    """The line to which redo moves the head, by line."""


@dataclass
class ExpectedPoll:
    """A poll of the model, while no take was chosen."""

    script: int
    parent: int | None
    ends: list[int]
    """The last line of each take."""


@dataclass
class ExpectedTree:
    """The model: all that people can know of the scripts, and nothing of the implementation."""

    lines: dict[int, ExpectedLine] = field(default_factory=dict)
    scripts: dict[int, ExpectedScript] = field(default_factory=dict)
    running: int | None = None
    polls: dict[int, ExpectedPoll] = field(default_factory=dict)

    def path(self, head: int | None) -> list[int]:
        ids: list[int] = []
        while head is not None:
            ids.append(head)
            head = self.lines[head].parent
        return ids[::-1]

    def move_head(self, script: int, head: int | None) -> None:
        steps = [None, *self.path(head)]
        self.scripts[script].redo.update(pairwise(steps))
        old = self.scripts[script].head
        if head and old in self.lines and self.lines[old].edit_of == head:
            self.scripts[script].redo[head] = old
        self.scripts[script].head = head

    def add(self, script: int, lines: list[Line]) -> None:
        for line in lines:
            self.lines[line.id] = ExpectedLine(
                line.parent, line.text, {script}, line.author, line.copy_of, line.removed
            )

    def append(self, script: int, lines: list[Line]) -> None:
        self.add(script, lines)
        self.move_head(script, lines[-1].id)

    def erase(self, person: int, text: bool) -> None:
        for line in self.lines.values():
            if line.author == person:
                line.author = ERASED_PERSON
                if text:
                    line.text, line.removed = ERASED_ELEMENT.text, True

    def delete(self, script: int) -> None:
        del self.scripts[script]
        self.polls = {number: poll for number, poll in self.polls.items() if poll.script != script}
        for number, line in list(self.lines.items()):
            line.scripts.discard(script)
            if not line.scripts:
                del self.lines[number]


class Machine(RuleBasedStateMachine):
    """People and a voice at one script after the other."""

    chosen: Settings
    loop: asyncio.Runner
    empty_database: Path
    models: ModelRegistry
    known: ClassVar[dict[str, States]] = {}
    """The voice's states after texts, as the test itself has read them."""
    forgotten: ClassVar[int] = 0
    """How often somebody was forgotten, which few random commands allow."""
    scripts = Bundle("scripts")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        database = Path(shutil.copy(self.empty_database, self.folder.name))
        self.settings = self.chosen.model_copy(update={"database": database, "line_length": 40})
        self.deliveries = count()
        self.tree = ExpectedTree()
        self.open()

    def open(self) -> None:
        self.store = self.run(Store.open(self.settings.database))
        self.session = ChannelSessions(self.store, self.models, self.settings).get(CHANNEL)

    def run(self, act: Coroutine[Any, Any, Any], *, allowed: bool = True) -> Any:
        """Run an act, or check that it is refused."""
        if allowed:
            return self.loop.run(act)
        with pytest.raises(RequestError):
            self.loop.run(act)
        return None

    def teardown(self) -> None:
        self.run(self.check(self.tree.scripts))
        self.run(self.store.close())
        self.folder.cleanup()

    @property
    def writer(self) -> Requester:
        delivery = f"delivery {next(self.deliveries)}"
        return Requester(OWNER, "Ann", delivery, ignores_vote=True)

    @property
    def script(self) -> ExpectedScript:
        assert self.tree.running is not None
        return self.tree.scripts[self.tree.running]

    # Rules

    @initialize(target=scripts, lines=st.lists(WORDS, min_size=1, max_size=3))
    def begin(self, lines: list[str]) -> int:
        script = self.start()
        for text in lines:
            self.write(text, OTHER)
        self.continue_script(1, 1)
        return script

    def has_several(self) -> bool:
        return len(self.tree.scripts) > 1

    def is_kept(self) -> bool:
        """Return whether the next script pauses the running one, instead of replacing it."""
        running = self.tree.running
        return running is None or any(running in line.scripts for line in self.tree.lines.values())

    @precondition(is_kept)
    @precondition(lambda self: not self.is_running() or not self.has_several())
    @rule(target=scripts)
    def start(self) -> int:
        turn = self.run(self.session.library.begin(self.writer, NewScript(title="A script")))
        self.tree.scripts[turn.script.id] = ExpectedScript()
        self.tree.running = turn.script.id
        return turn.script.id

    def is_running(self) -> bool:
        return self.tree.running is not None

    @precondition(is_running)
    @rule(text=WORDS, author=st.sampled_from([OWNER, OTHER]))
    def write(self, text: str, author: int = OWNER) -> None:
        writer = replace(self.writer, id=author)
        turn = self.run(self.session.continuation.write(writer, text))
        assert turn.lines[0].parent == self.script.head
        self.tree.append(self.tree.running, turn.lines)

    @precondition(is_running)
    @rule(seed=st.integers(0, 9), lines=st.integers(1, 2))
    def continue_script(self, seed: int, lines: int) -> None:
        request = ContinueRequest(lines=lines, seed=seed)
        turn = self.run(self.session.continuation.generate(self.writer, request))
        assert [turn.lines[0].parent, len(turn.lines)] == [self.script.head, lines]
        self.tree.append(self.tree.running, turn.lines)

    @precondition(is_running)
    @rule(seed=st.integers(0, 9), lines=st.integers(1, 2), vote=st.sampled_from([None, 60]))
    def open_poll(self, seed: int, lines: int, vote: int | None) -> None:
        request = ContinueRequest(lines=lines, seed=seed, takes=2, vote=vote)
        poll = self.run(self.session.continuation.generate(self.writer, request)).poll
        takes = self.run(self.store.polls.load_takes(poll))
        assert len(takes) == 2
        for take in takes.values():
            assert [len(take), take[0].parent] == [lines, self.script.head]
            self.tree.add(self.tree.running, take)
        ends = [take[-1].id for take in takes.values()]
        self.tree.polls[poll.id] = ExpectedPoll(self.tree.running, self.script.head, ends)

    def has_poll(self) -> bool:
        return bool(self.tree.polls)

    def choose_poll(self, part: float) -> int:
        return list(self.tree.polls)[int(part * len(self.tree.polls))]

    @precondition(has_poll)
    @rule(part=PARTS, take=st.integers(0, 1))
    def pick(self, part: float, take: int) -> None:
        poll = self.choose_poll(part)
        expected = self.tree.polls[poll]
        is_there = self.tree.running == expected.script and self.script.head == expected.parent
        self.run(self.session.polls.pick(self.writer, poll, take), allowed=is_there)
        if is_there:
            del self.tree.polls[poll]
            self.tree.move_head(expected.script, expected.ends[take])
            self.run(self.session.polls.pick(self.writer, poll, take), allowed=False)

    @precondition(has_poll)
    @rule(part=PARTS, votes=st.lists(st.integers(0, 1), max_size=3))
    def vote(self, part: float, votes: list[int]) -> None:
        poll = self.choose_poll(part)
        expected = self.tree.polls.pop(poll)
        for take in votes:
            self.run(self.session.polls.vote(self.writer, poll, take))
        outcome = self.run(self.session.polls.close(poll))
        assert outcome.winner == (votes[-1] if votes else 0)
        won = expected.ends[outcome.winner]
        if self.tree.running == expected.script and self.script.head == expected.parent:
            self.tree.move_head(expected.script, won)
        # Somebody may have gone on from the winner before.
        taken = won in self.tree.path(self.tree.scripts[expected.script].head)
        for _ in range(2):
            assert outcome.taken == taken
            outcome = self.run(self.session.polls.close(poll))
        self.run(self.store.polls.mark_announced(poll))
        assert self.run(self.session.polls.close(poll)) is None

    @precondition(is_running)
    @rule()
    def retry(self) -> None:
        last = self.run(self.session.library.load_lines())[-1:]
        is_generated = bool(last) and last[0].author is None
        try:
            turn = self.run(self.session.continuation.retry(self.writer), allowed=is_generated)
        except RequestError as refusal:  # now and then, the voice writes the same line
            assert "that is already there" in str(refusal)  # noqa: PT017 - most turns raise nothing
            return
        if turn:
            assert turn.lines[0].parent == last[0].parent
            self.tree.append(self.tree.running, turn.lines)

    @precondition(is_running)
    @rule()
    def undo(self) -> None:
        head = self.script.head
        self.run(self.session.history.undo(self.writer), allowed=head is not None)
        if head is not None:
            line = self.tree.lines[head]
            before = self.tree.lines.get(line.edit_of)
            is_edit = before is not None and self.tree.running in before.scripts
            self.tree.move_head(self.tree.running, line.edit_of if is_edit else line.parent)

    @precondition(is_running)
    @rule()
    def redo(self) -> None:
        line = self.script.redo.get(self.script.head)
        self.run(self.session.history.redo(self.writer), allowed=line is not None)
        if line is not None:
            self.tree.move_head(self.tree.running, line)

    @precondition(is_running)
    @rule(part=PARTS)
    def jump(self, part: float) -> None:
        lines = [None, *self.tree.lines]
        line = lines[int(part * len(lines))]
        position = ScriptPosition(self.tree.running, line or ROOT_LINE)
        is_in_tree = line is None or self.tree.running in self.tree.lines[line].scripts
        allowed = is_in_tree and line != self.script.head
        self.run(self.session.history.jump_to(self.writer, position), allowed=allowed)
        if allowed:
            self.tree.move_head(self.tree.running, line)

    @precondition(is_running)
    @precondition(is_kept)
    @rule(target=scripts)
    def fork(self) -> int:
        head = self.script.head
        turn = self.run(self.session.history.fork(self.writer, "A fork"))
        fork = self.tree.running = turn.script.id
        self.tree.scripts[fork] = ExpectedScript()
        for line in self.tree.path(head):
            self.tree.lines[line].scripts.add(fork)
        self.tree.move_head(fork, head)
        return fork

    @precondition(is_running)
    @rule(part=PARTS, text=WORDS | st.just(""))
    def rewrite(self, part: float, text: str) -> None:
        path = self.tree.path(self.script.head)
        if not path:
            return
        line = path[int(part * len(path))]
        following = path[path.index(line) + 1 :]
        before = self.tree.lines[line]
        position = ScriptPosition(self.tree.running, line)
        is_speech = classify(before.text) is Kind.DIALOGUE
        speaker = before.text.partition("\n")[0] if is_speech else None
        elements = parse_person_text(text, speaker=speaker) if text else []
        rewriting = self.session.history.rewrite(self.writer, position, text)
        turn = self.run(rewriting, allowed=[element.text for element in elements] != [before.text])
        if not turn:
            return
        if not text and not following:  # then the line was undone
            self.tree.move_head(self.tree.running, before.parent)
            return
        assert [new.parent for new in turn.lines[:1]] == ([before.parent] if text else [])
        assert {rewritten.rewrite_of for rewritten in turn.lines} == ({line} if text else set())
        lines = self.run(self.session.library.load_lines())
        copies = lines[len(lines) - len(following) :]
        assert [(copy.text, copy.copy_of) for copy in copies] == [
            (self.tree.lines[old].text, self.tree.lines[old].copy_of or old) for old in following
        ]
        head = self.script.head
        self.tree.append(self.tree.running, [*turn.lines, *copies])
        self.tree.lines[lines[-1].id].edit_of = head

    @rule(script=scripts)
    def switch(self, script: int) -> None:
        allowed = script != self.tree.running
        self.run(self.session.library.switch(self.writer, script), allowed=allowed)
        self.tree.running = script

    @precondition(has_several)
    @precondition(is_running)
    @rule(script=scripts)
    def archive(self, script: int) -> None:
        self.run(self.session.library.archive(self.writer, script))
        if script == self.tree.running:
            self.tree.running = None

    @precondition(has_several)
    @precondition(is_running)
    @rule(target=scripts, script=consumes(scripts))
    def delete(self, script: int) -> Any:
        self.run(self.session.library.delete(self.writer, script))
        self.tree.delete(script)
        if script == self.tree.running:
            self.tree.running = None
        return multiple()

    def has_line_by_another(self) -> bool:
        return any(line.author == OTHER for line in self.tree.lines.values())

    @precondition(has_line_by_another)
    @rule(text=st.booleans())
    def forget(self, text: bool) -> None:
        Machine.forgotten += 1
        self.run(self.store.people.erase_person(OTHER, text=text))
        self.tree.erase(OTHER, text)

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.open()

    # Invariants

    @invariant()
    def the_running_script_is_expected(self) -> None:
        self.run(self.check({self.tree.running}))

    async def check(self, fully: Container[int | None]) -> None:
        """Check which scripts there are and their heads, and some of the scripts ``fully``."""
        scripts = {script.id: script for script in await self.session.library.list_scripts()}
        assert {number: script.head for number, script in scripts.items()} == {
            number: expected.head for number, expected in self.tree.scripts.items()
        }
        running = [self.tree.running] if self.tree.running else []
        assert [number for number, script in scripts.items() if script.running] == running
        for number, script in scripts.items():
            if number in fully:
                await self.check_script(script)

    async def check_script(self, script: Script) -> None:
        expected = self.tree.scripts[script.id]
        lines = await load_tree(self.store, script)
        assert [(line.id, line.parent, line.text, line.author, line.removed) for line in lines] == [
            (number, line.parent, line.text, line.author, line.removed)
            for number, line in sorted(self.tree.lines.items())
            if script.id in line.scripts
        ]
        path = await self.store.lines.load_path(script.head)
        assert [line.id for line in path] == self.tree.path(script.head)
        redo = await self.store.lines.find_redo_line(script.id, script.head)
        assert redo == expected.redo.get(script.head)
        await self.check_state(path)

    async def check_state(self, path: list[Line]) -> None:
        """Check that the state after a path, if stored, is the one that its text gives."""
        if not path:
            return
        model = (await self.models.engine(self.settings.model)).model
        state = await self.store.states.find_state(path[-1].id, model.fingerprint)
        if state is None:
            assert path[-1].copy_of is not None or any(line.removed for line in path)
            return
        assert state.tobytes() == (await self.read([line.text for line in path])).tobytes()

    async def read(self, texts: list[str]) -> States:
        """Return the state of the voice after these lines; read no text twice."""
        engine = await self.models.engine(self.settings.model)
        if not texts:
            return engine.model.start()
        script = "\n\n".join(texts)
        if script not in self.known:
            before = await self.read(texts[:-1])
            tokens = engine.model.encode(format_for_model(texts[-1]))
            self.known[script] = (await engine.run(Request(before, tokens))).state
        return self.known[script]


def test_random_commands_agree_with_a_model(
    chosen: Settings, empty_database: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(aiosqlite.Connection, "_execute", execute_inline)
    Machine.chosen, Machine.empty_database = chosen, empty_database
    Machine.models = ModelRegistry(chosen.models, 1, 8)
    bounds = settings(
        max_examples=15,
        stateful_step_count=28,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    with asyncio.Runner() as Machine.loop:
        run_state_machine_as_test(Machine, settings=bounds)
    Machine.models.close()
    assert Machine.forgotten
