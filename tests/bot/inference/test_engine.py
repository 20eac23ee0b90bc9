"""Test that what the engine writes depends on the request alone, and that only `close` ends it."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from unittest.mock import Mock, create_autospec

import numpy as np
import pytest

from bot.errors import EngineClosed, NoContinuation, NonFiniteOutput, StepFailed
from bot.generation.generator import build_automaton
from bot.inference import batch
from bot.inference import engine as engine_module
from bot.inference.automaton import BARRED, FREE, Automaton
from bot.inference.batch import Batch
from bot.inference.engine import Engine
from bot.inference.model import Model, StepBuffers
from bot.inference.processors.base import Processor
from bot.inference.request import WORD_OVERRUN, Completion, Request
from bot.inference.sampling import LARGEST_SEED, Sampling
from bot.inference.word_filter import build_word_filter, find_banned_word
from bot.screenplay.elements import Kind

from .requests import CUE, are_same, make_endless_request, make_request

OpenEngine = Callable[..., Engine]


@pytest.fixture
def open_engine(model: Model) -> Iterator[OpenEngine]:
    """Yield a function that opens engines, which are closed after the test."""
    with ExitStack() as stack:
        yield lambda **rows: stack.enter_context(closing(Engine(model, **rows)))


async def queue(engine: Engine, *requests: Request, waiting: int = 0) -> list[asyncio.Future]:
    """Send requests to an engine, and return when all but ``waiting`` of them run."""
    lines = [engine.run(request) for request in requests]
    while engine.load.waiting > waiting:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.001)
    return lines


def draw_request(model: Model, chance: random.Random) -> Request:
    """Return a request for a line with random controls."""
    kind = chance.choice([None, Kind.ACTION, Kind.HEADING, Kind.DIALOGUE])
    cast = chance.choice([(), ("LEONATO", "HERO")])
    opening = "\n" if kind else chance.choice(["\n", CUE, f"{CUE}(aside)\n"])
    speaking = opening != "\n" and chance.random() < 0.5
    banned = ("the", "of the", "my lord", "and", "a", "king")[: chance.randrange(7)]
    return Request(
        model.start(),
        model.encode(opening),
        Sampling(
            chance.randrange(LARGEST_SEED),
            temperature=chance.uniform(0.1, 2.0),
            top_p=chance.choice([1.0, chance.uniform(0.05, 1.0)]),
            min_p=chance.choice([0.0, chance.uniform(0.0, 0.3)]),
            repetition=chance.choice([0.0, chance.uniform(0.0, 2.0)]),
            company=chance.choice([0.0, chance.uniform(0.1, 2.0)]),
            length=chance.choice([0, chance.randrange(1, 120)]),
        ),
        limit=chance.randrange(1, 200),
        context=model.encode("\nHERO\nGood morrow, my lord.\n" * chance.randrange(4)),
        automaton=build_automaton(model.vocabulary, kind, cast, speaking),
        banned=build_word_filter(model.vocabulary, banned) if banned else None,
        bars_words=chance.random() < 0.9,
        present=tuple(model.encode(f"{name}\n") for name in cast),
        lock=kind is Kind.DIALOGUE and bool(cast),
        owner=chance.randrange(8),
    )


async def test_a_line_is_the_same_alone_and_beside_others(model: Model, open_engine: OpenEngine):
    chance = random.Random(1)
    requests = [draw_request(model, chance) for _ in range(64)]

    async def write(rows: int) -> list[object]:
        run = map(open_engine(rows=rows).run, requests)
        replies = await asyncio.gather(*run, return_exceptions=True)
        return [
            (reply.written, reply.state.tobytes(), reply.surprisal.tobytes())
            if isinstance(reply, Completion)
            else type(reply)
            for reply in replies
        ]

    alone = await write(rows=1)
    assert await write(rows=3) == await write(rows=64) == alone
    # Few have said a banned word, or had nothing left to say.
    assert NoContinuation in alone
    assert len(set(map(str, alone))) > 50


async def test_a_line_ends_at_a_blank_line_or_at_its_limit(engine: Engine):
    requests = [make_request(engine.model, seed, limit=200) for seed in range(32)]
    replies = await asyncio.gather(*map(engine.run, requests))
    written = [engine.model.decode(reply.written) for reply in replies]
    for text in written:
        assert not text.startswith("\n")
        assert text.index("\n\n") == len(text) - 2
        assert len(text) <= 200 + WORD_OVERRUN + 2
        # A cut is at the end of a word: the next character would have begun another word.
        assert len(text) < 200 + WORD_OVERRUN or " " not in text[200:]
    # Both ends occur: some lines end by themselves, and others at the limit.
    assert min(map(len, written)) < 200 <= max(map(len, written))


async def test_the_state_is_that_of_the_text_without_its_last_character(engine: Engine):
    request = make_request(engine.model, 1)
    reply = await engine.run(request)
    read = np.array([*request.prompt, *reply.written[:-1]])
    for cut in (1, 10, len(read) - 1):  # reading in two requests is reading in one
        before = await engine.run(Request(request.state, read[:cut]))
        after = await engine.run(Request(before.state, read[cut:]))
        assert after.state.tobytes() == reply.state.tobytes()
        assert after.written == []
    assert not request.state.any()


async def test_the_engine_goes_on_when_every_line_was_cancelled(
    model: Model, open_engine: OpenEngine, caplog: pytest.LogCaptureFixture
):
    engine = open_engine(rows=1)
    for task in await queue(engine, *[make_endless_request(model)] * 3, waiting=2):
        task.cancel()
    while engine.load.rows:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.001)
    assert (await engine.run(make_request(model, 3))).written
    assert not caplog.records


async def test_closing_fails_all_lines_and_further_ones(model: Model, open_engine: OpenEngine):
    engine = open_engine(rows=1)
    lines = await queue(engine, *[make_endless_request(model)] * 3, waiting=2)
    engine.close()
    assert not engine.works
    outcomes = await asyncio.gather(*lines, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [EngineClosed] * 3
    with pytest.raises(EngineClosed):
        await engine.run(make_request(model, 1))
    engine.close()


async def test_every_line_fails_when_the_thread_does(
    model: Model,
    open_engine: OpenEngine,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    # The thread ends when a line is cancelled.
    monkeypatch.setattr(Batch, "remove", Mock(side_effect=RuntimeError("the batch is broken")))
    engine, request = open_engine(rows=1), make_request(model, 1)
    running, waiting = await queue(engine, make_endless_request(model), request, waiting=1)
    running.cancel()
    with pytest.raises(EngineClosed):
        await waiting
    with pytest.raises(EngineClosed):
        await engine.run(request)
    assert "engine of model tiny failed and has ended" in caplog.text


async def test_the_event_loop_goes_first_unless_it_hangs(
    model: Model, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine_module, "STINT", 0.0)
    monkeypatch.setattr(engine_module, "PATIENCE", 60.0)
    steps = create_autospec(Batch.step, side_effect=Batch.step)
    monkeypatch.setattr(Batch, "step", steps)
    [line] = await queue(open_engine(), make_endless_request(model))
    while steps.call_count < 5:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.001)
    before = steps.call_count
    time.sleep(0.5)  # noqa: ASYNC251 - the event loop must have work to do
    assert steps.call_count <= before + 1
    monkeypatch.setattr(engine_module, "PATIENCE", 0.001)
    await asyncio.sleep(0)
    before = steps.call_count
    while steps.call_count < before + 5:
        time.sleep(0.001)  # noqa: ASYNC251 - the event loop must hang
    line.cancel()
    await asyncio.wait([line])


UNREADABLE = 3


@pytest.mark.parametrize(
    ("cause", "error"),
    [("step", AssertionError), ("beginning", IndexError), ("state", NonFiniteOutput)],
)
async def test_a_row_that_fails_fails_alone(
    model: Model,
    open_engine: OpenEngine,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    cause: str,
    error: type[Exception],
):
    step_rows, step_batch = Model.step, StepBuffers.step

    def step(model, tokens, states):
        assert UNREADABLE not in tokens
        return step_rows(model, tokens, states)

    def step_buffers(buffers, count):
        assert UNREADABLE not in buffers.tokens[:count]
        step_batch(buffers, count)

    monkeypatch.setattr(Model, "step", step)
    monkeypatch.setattr(StepBuffers, "step", step_buffers)
    wanted = replace(make_request(model, 5), context=model.encode("\nA room.\n"))
    bad = {
        "step": Request(model.start(), np.array([*model.encode("Some text "), UNREADABLE, 5])),
        "beginning": replace(
            wanted,
            context=np.array([len(model.vocabulary) + 1]),
            sampling=replace(wanted.sampling, repetition=1.0),
        ),
        "state": Request(np.full(model.state_size, np.nan, np.float32), model.encode("\n")),
    }[cause]
    alone = await open_engine().run(wanted)
    assert UNREADABLE not in [*wanted.prompt, *alone.written]
    engine = open_engine()
    beside = await queue(engine, *[wanted] * 3)
    for _ in range(2):
        with pytest.raises(error):
            await engine.run(bad)
    for reply in await asyncio.gather(*beside):
        assert are_same(reply, alone)
    assert ("step of model tiny failed" in caplog.text) == (cause == "step")


class FaultyProcessor(Processor):
    """A processor that fails at its first step."""

    def begin(self, row, sampling):
        self.active[row.index] = True

    def apply(self, logits):
        raise LookupError("no such character")


async def test_a_step_that_fails_for_no_single_row_blames_no_file(
    model: Model, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as faulty:
        faulty.setattr(batch, "PROCESSORS", (FaultyProcessor,))
        engine = open_engine(rows=2)
        tasks = await queue(engine, *[make_request(model, 1)] * 2)
    for task in tasks:
        with pytest.raises(StepFailed):
            await task


async def test_an_impossible_request_is_refused(engine: Engine):
    model = engine.model
    start, newline, sampling = model.start(), model.encode("\n"), Sampling(1)
    for what, request in (
        ("prompt", Request(start, model.encode(""))),
        ("prompt", Request(start, np.array([0, len(model.vocabulary)]))),
        ("prompt", Request(start, newline[None])),
        ("state", Request(start[1:], newline)),
        ("state", Request(start.astype(np.float64), newline)),
        ("limit", Request(start, newline, sampling)),
        ("seed", Request(start, newline, Sampling(-1), 10)),
    ):
        with pytest.raises(ValueError, match=f"the {what} must be"):
            await engine.run(request)
    assert (await engine.run(make_request(model, 1))).written


async def test_an_owner_of_many_lines_does_not_keep_another_waiting(
    model: Model, open_engine: OpenEngine
):
    engine = open_engine(rows=4)
    finished: list[str] = []

    async def write(owner: str, seed: int) -> None:
        await engine.run(replace(make_request(model, seed), owner=owner))
        finished.append(owner)

    many = [asyncio.create_task(write("many", seed)) for seed in range(24)]
    await asyncio.sleep(0)
    await asyncio.create_task(write("one", 99))
    assert finished.count("many") < 12
    await asyncio.gather(*many)


async def test_a_line_that_says_a_banned_word_fails_or_does_not_end_the_word(engine: Engine):
    model = engine.model
    request = replace(make_request(model, 5, limit=200), context=model.encode("\nA room.\n"))
    free = await engine.run(request)
    text = model.decode(free.written)
    word = text.split()[3]
    assert find_banned_word(text, [word])
    request = replace(request, banned=build_word_filter(model.vocabulary, [word]))
    with pytest.raises(NoContinuation):
        await engine.run(request)
    barred = model.decode((await engine.run(replace(request, bars_words=True))).written)
    assert not find_banned_word(barred, [word])
    end = text.index(word) + len(word)
    assert barred[:end] == text[:end]
    unsaid = replace(request, banned=build_word_filter(model.vocabulary, ["xyzzy"]))
    assert are_same(await engine.run(unsaid), free)


async def test_a_line_that_could_say_nothing_fails(engine: Engine):
    model = engine.model
    everything = build_word_filter(model.vocabulary, [c for c in model.vocabulary if c.isalnum()])
    # The automaton asks for one letter and the end of the word, and every letter is a banned word.
    free = [FREE] * len(model.vocabulary)
    letter = [2 if c.isalpha() else BARRED for c in model.vocabulary]
    end = [BARRED if c.isalnum() else 1 for c in model.vocabulary]
    automaton = Automaton(1, np.array([free, letter, end], np.int32))
    with pytest.raises(NoContinuation):
        await engine.run(
            replace(make_request(model, 1), automaton=automaton, banned=everything, bars_words=True)
        )


async def write_lines(
    engine: Engine, count: int, limit: int, *how: float, prompt: str = CUE, **options: float
):
    """Return lines of Leonato or below another prompt, at a temperature and with these options."""
    start, cue = engine.model.start(), engine.model.encode(prompt)
    requests = [Request(start, cue, Sampling(n, *how, **options), limit) for n in range(count)]
    replies = await asyncio.gather(*map(engine.run, requests))
    return [engine.model.decode(reply.written) for reply in replies]


async def test_the_length_option_ends_lines_sooner(engine: Engine):
    short, free = [await write_lines(engine, 30, 200, 0.8, length=length) for length in (10, 0)]
    assert sum(map(len, short)) < 0.8 * sum(map(len, free))


async def test_the_length_option_ends_no_speech_behind_its_cue(engine: Engine):
    prompt = f"{CUE}Hello.\n\n"
    short, free = [
        [text for text in texts if text.isupper() and text.count("\n") == 2]
        for length in (1, 0)
        if (texts := await write_lines(engine, 30, 200, 0.8, prompt=prompt, length=length))
    ]
    # This small voice writes bare names of its own accord.
    assert short == free


async def test_the_repetition_option_keeps_a_cold_voice_from_loops(engine: Engine):
    def share_repeated(text: str) -> float:
        """Return the share of 12-grams that occurred before in their line."""
        grams = [text[i : i + 12] for i in range(len(text) - 12)]
        return 1 - len(set(grams)) / len(grams) if grams else 0

    repeated = [
        sum(map(share_repeated, await write_lines(engine, 8, 250, 0.1, repetition=strength)))
        for strength in (1.0, 0.0)
    ]
    assert repeated[0] < 0.5 * repeated[1]


async def test_the_repetition_option_looks_back_at_the_context(engine: Engine):
    model = engine.model
    free = Request(model.start(), model.encode(CUE), Sampling(1, 0.1), 100)
    first = (await engine.run(free)).written
    context = model.encode(CUE + model.decode(first)[:-1])
    again = replace(free, sampling=replace(free.sampling, repetition=2.0), context=context)
    other = (await engine.run(again)).written
    assert other != first
    assert other[:10] == first[:10]
