"""Test that what the engine writes depends on the request alone, and that only `close` ends it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Iterator
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pytest

from bot.errors import EngineBusy, EngineClosed, NoContinuation, NonFiniteOutput
from bot.inference.automaton import BARRED, FREE, Automaton
from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.model import Model, StepBuffers
from bot.inference.request import WORD_OVERRUN, Completion, Request
from bot.inference.sampling import Sampling
from bot.inference.word_filter import BannedWordFilter, find_banned_word
from bot.screenplay.elements import Kind

BLANK_LINE = "\n\n"

T = TypeVar("T")


@pytest.fixture
def engine_of() -> Iterator[Callable[..., Engine]]:
    """Yield a maker of engines that are closed after the test."""
    engines = []

    def make(*args: object, **kwargs: object) -> Engine:
        engines.append(Engine(*args, **kwargs))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def a_line(model: Model, seed: int, prompt: str = "\nLEONATO\n", limit: int = 60) -> Request:
    sampling = Sampling(seed, temperature=0.5 + seed % 5 / 5, top_p=0.99)
    return Request(model.start(), model.encode(prompt), sampling, limit)


def endless(model: Model) -> Request:
    """Return a request that outlasts the test."""
    return Request(model.start(), np.full(10_000_000, model.newline))


async def until_so_many_wait(engine: Engine, count: int) -> None:
    def waiting() -> int:
        with engine._thread._wake:
            return engine._thread._count_waiting()

    while waiting() > count:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.001)


async def soon(answer: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """Return the answer; fail where none would ever come."""
    return await asyncio.wait_for(answer, 60)


def same(one: Completion, other: Completion) -> bool:
    return (
        one.written == other.written
        and one.state.tobytes() == other.state.tobytes()
        and one.surprise.tobytes() == other.surprise.tobytes()
    )


async def test_lines_that_waited_for_a_row_are_the_same_too(
    model: Model, engine_of: Callable[..., Engine]
):
    requests = [a_line(model, seed) for seed in range(12)]
    wide, narrow = engine_of(model, rows=12), engine_of(model, rows=2)
    at_once = await asyncio.gather(*map(wide.run, requests))
    two_by_two = await asyncio.gather(*map(narrow.run, requests))
    assert all(map(same, at_once, two_by_two))
    assert len({tuple(reply.written) for reply in at_once}) == 12


async def test_a_line_ends_at_a_blank_line_or_at_its_limit(engine: Engine):
    model = engine.model
    requests = [a_line(model, seed, limit=200) for seed in range(64)]
    replies = await asyncio.gather(*map(engine.run, requests))
    written = [model.decode(reply.written) for reply in replies]
    for text in written:
        assert not text.startswith("\n")
        assert text.index(BLANK_LINE) == len(text) - 2
        assert len(text) <= 200 + WORD_OVERRUN + 2
        # A cut is at the end of a word: the next character would have begun another word.
        assert len(text) < 200 + WORD_OVERRUN or " " not in text[200:]
    # Both ends occur: some lines end by themselves, and others at the limit.
    assert min(map(len, written)) < 200 <= max(map(len, written))


async def test_the_state_remembers_the_prompt_and_all_but_the_last_character(engine: Engine):
    for seed in range(3):
        request = a_line(engine.model, seed, limit=200)
        reply = await engine.run(request)
        read = np.array([*request.prompt, *reply.written[:-1]])
        again = await engine.run(Request(request.state, read))
        assert again.state.tobytes() == reply.state.tobytes()
        assert again.written == []


async def test_text_that_is_read_in_two_requests_is_read_as_in_one(engine: Engine):
    start, text = engine.model.start(), engine.model.encode("\nLEONATO\nWhat news, good cousin?\n")
    whole = await engine.run(Request(start, text))
    for cut in (1, 10, len(text) - 1):
        before = await engine.run(Request(start, text[:cut]))
        after = await engine.run(Request(before.state, text[cut:]))
        assert after.state.tobytes() == whole.state.tobytes()
    assert not start.any()


async def test_a_cancelled_line_frees_its_row_and_the_others_go_on(
    model: Model, engine_of: Callable[..., Engine]
):
    engine = engine_of(model, rows=2)
    alone = await engine.run(a_line(model, 3))
    given_up = asyncio.create_task(engine.run(endless(model)))
    beside = asyncio.create_task(engine.run(endless(model)))
    waiting = asyncio.create_task(engine.run(a_line(model, 3)))
    await asyncio.sleep(0)
    given_up.cancel()
    assert same(await soon(waiting), alone)
    assert not beside.done()
    beside.cancel()
    await asyncio.wait([given_up, beside])


async def test_when_all_who_waited_have_gone_the_engine_waits_on(
    engine: Engine, caplog: pytest.LogCaptureFixture
):
    for _ in range(50):
        task = asyncio.create_task(engine.run(a_line(engine.model, 3)))
        await asyncio.sleep(0)
        task.cancel()
    assert (await soon(engine.run(a_line(engine.model, 3)))).written
    assert not caplog.records


async def test_more_lines_than_may_wait_are_refused(model: Model, engine_of: Callable[..., Engine]):
    engine = engine_of(model, rows=1, queue=2)
    tasks = [asyncio.create_task(engine.run(endless(model)))]
    await asyncio.sleep(0)
    await until_so_many_wait(engine, 0)
    tasks += [asyncio.create_task(engine.run(a_line(model, seed))) for seed in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(EngineBusy):
        await soon(engine.run(a_line(model, 3)))
    tasks[0].cancel()
    assert all(reply.written for reply in await soon(asyncio.gather(*tasks[1:])))
    assert (await engine.run(a_line(model, 3))).written


async def test_closing_gives_up_the_lines_in_hand_and_those_that_wait(
    model: Model, engine_of: Callable[..., Engine]
):
    engine = engine_of(model, rows=1)
    tasks = [asyncio.create_task(engine.run(endless(model))) for _ in range(3)]
    await asyncio.sleep(0)
    await until_so_many_wait(engine, 2)
    engine.close()
    assert not engine._thread.is_alive()
    outcomes = await soon(asyncio.gather(*tasks, return_exceptions=True))
    assert [type(outcome) for outcome in outcomes] == [EngineClosed] * 3


async def test_a_closed_engine_takes_no_more_lines(engine: Engine):
    engine.close()
    with pytest.raises(EngineClosed):
        await soon(engine.run(a_line(engine.model, 1)))
    engine.close()


class Flawed(Model):
    """A voice that cannot read one of its characters."""

    def step(self, tokens, states):
        if UNREADABLE in tokens:
            raise RuntimeError("this character is missing")
        return super().step(tokens, states)

    def make_buffers(self, capacity):
        return FlawedSlots(self.session, capacity, len(self.vocabulary), self.state_size)


class FlawedSlots(StepBuffers):
    """Slots that fail where a character is read."""

    def step(self, count):
        if UNREADABLE in self.tokens[:count]:
            raise RuntimeError("this character is missing")
        super().step(count)


UNREADABLE = 3


async def test_a_row_whose_step_fails_fails_alone(
    model: Model, engine_of: Callable[..., Engine], caplog: pytest.LogCaptureFixture
):
    wanted = a_line(model, 5, limit=150)
    alone = await engine_of(model).run(wanted)
    assert UNREADABLE not in [*wanted.prompt, *alone.written]
    flawed = engine_of(Flawed(**vars_of(model)))
    beside = [asyncio.create_task(flawed.run(wanted)) for _ in range(3)]
    text = np.array([*model.encode("Some text before "), UNREADABLE, *model.encode(" and after")])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="this character is missing"):
            await soon(flawed.run(Request(model.start(), text)))
    for reply in await soon(asyncio.gather(*beside)):
        assert same(reply, alone)
    assert "step of model tiny failed" in caplog.text


async def test_a_row_that_cannot_begin_fails_alone_and_the_engine_goes_on(engine: Engine):
    model = engine.model
    wanted = dataclasses.replace(a_line(model, 5), context=model.encode("\nA room.\n"))
    alone = await engine.run(wanted)
    no_such_character = np.array([len(model.vocabulary) + 1])
    repeating = dataclasses.replace(wanted.sampling, repetition=1.0)
    bad = dataclasses.replace(wanted, context=no_such_character, sampling=repeating)
    beside = [asyncio.create_task(engine.run(wanted)) for _ in range(3)]
    with pytest.raises(IndexError):
        await soon(engine.run(bad))
    for reply in await soon(asyncio.gather(*beside)):
        assert same(reply, alone)
    assert same(await soon(engine.run(wanted)), alone)


async def test_those_who_wait_are_told_when_the_thread_ends(
    model: Model, engine_of: Callable[..., Engine], caplog: pytest.LogCaptureFixture
):
    engine = engine_of(model, rows=1)
    running = asyncio.create_task(engine.run(endless(model)))
    waiting = asyncio.create_task(engine.run(a_line(model, 1)))
    await asyncio.sleep(0)
    await until_so_many_wait(engine, 1)
    engine._thread._next = None  # the thread calls this when it admits a request
    running.cancel()
    with pytest.raises(EngineClosed):
        await soon(waiting)
    with pytest.raises(EngineClosed):
        await soon(engine.run(a_line(model, 1)))
    assert "engine of model tiny failed and has ended" in caplog.text


async def test_those_who_have_gone_do_not_fill_the_queue(
    model: Model, engine_of: Callable[..., Engine]
):
    engine = engine_of(model, rows=1, queue=2)
    running = asyncio.create_task(engine.run(endless(model)))
    await asyncio.sleep(0)
    await until_so_many_wait(engine, 0)
    gone = [asyncio.create_task(engine.run(a_line(model, seed))) for seed in range(2)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.wait(gone)
    last = asyncio.create_task(engine.run(a_line(model, 3)))
    await asyncio.sleep(0)
    running.cancel()
    assert (await soon(last)).written


def vars_of(model: Model) -> dict[str, Any]:
    return {one.name: getattr(model, one.name) for one in dataclasses.fields(model)}


async def test_a_request_that_no_step_could_take_is_refused_at_the_door(engine: Engine):
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
            await soon(engine.run(request))
    assert (await soon(engine.run(a_line(model, 1)))).written


async def test_an_owner_with_many_lines_does_not_keep_another_waiting(
    model: Model, engine_of: Callable[..., Engine]
):
    engine = engine_of(model, rows=4)
    finished: list[str] = []

    async def line(owner: str, seed: int) -> None:
        await engine.run(dataclasses.replace(a_line(model, seed), owner=owner))
        finished.append(owner)

    many = [asyncio.create_task(line("many", seed)) for seed in range(50)]
    await asyncio.sleep(0)
    await soon(asyncio.create_task(line("one", 99)))
    assert finished.count("many") < 20
    await soon(asyncio.gather(*many))
    assert len(finished) == 51


async def test_a_row_without_numbers_fails_alone(engine: Engine):
    model = engine.model
    wanted = a_line(model, 5, limit=150)
    alone = await engine.run(wanted)
    no_number = Request(np.full(model.state_size, np.nan, np.float32), model.encode("\n"))
    beside = [asyncio.create_task(engine.run(wanted)) for _ in range(3)]
    with pytest.raises(NonFiniteOutput):
        await soon(engine.run(no_number))
    for reply in await soon(asyncio.gather(*beside)):
        assert same(reply, alone)


async def test_what_must_not_be_said_is_not_said_and_the_rest_is_as_it_was(engine: Engine):
    model = engine.model
    request = dataclasses.replace(a_line(model, 5, limit=200), context=model.encode("\nA room.\n"))
    free = model.decode((await engine.run(request)).written)
    word = free.split()[3]
    banned = BannedWordFilter.of(model.vocabulary, [word])
    reply = await engine.run(dataclasses.replace(request, banned=banned))
    text = model.decode(reply.written)
    assert find_banned_word(free, [word])
    assert not find_banned_word(text, [word])
    # The engine went back to the start of that word alone.
    before = free.index(f"{word}")
    assert text[:before] == free[:before]
    # The state remembers the written text, not what the engine took back.
    read = np.array([*request.prompt, *reply.written[:-1]])
    again = await engine.run(Request(request.state, read))
    assert again.state.tobytes() == reply.state.tobytes()
    assert len(reply.surprise) == len(request.prompt) - 1 + len(reply.written)
    np.testing.assert_allclose(reply.surprise[:-1], again.surprise, rtol=1e-4, atol=1e-4)


async def test_a_phrase_is_not_said_across_two_lines(engine: Engine):
    model = engine.model
    requests = [a_line(model, seed, limit=200) for seed in range(40)]
    texts = [
        model.decode(reply.written) for reply in await asyncio.gather(*map(engine.run, requests))
    ]
    pairs = [
        (i, f"{one.split()[-1]} {other.split()[0]}")
        for i, text in enumerate(texts)
        for one, other in pairwise(text.strip().split("\n"))
        if one.split() and other.split()
    ]
    assert pairs
    for i, phrase in pairs[:5]:
        banned = BannedWordFilter.of(model.vocabulary, [phrase])
        reply = await engine.run(dataclasses.replace(requests[i], banned=banned))
        assert find_banned_word(texts[i], [phrase])
        assert not find_banned_word(model.decode(reply.written), [phrase])


async def test_a_line_that_could_say_nothing_is_given_up(engine: Engine):
    model = engine.model
    everything = BannedWordFilter.of(model.vocabulary, [c for c in model.vocabulary if c.isalnum()])
    # The automaton asks for one letter and the end of the word, and every letter is a banned word.
    free = [FREE] * len(model.vocabulary)
    letter = [2 if c.isalpha() else BARRED for c in model.vocabulary]
    end = [BARRED if c.isalnum() else 1 for c in model.vocabulary]
    automaton = Automaton(1, np.array([free, letter, end], np.int32))
    request = dataclasses.replace(a_line(model, 1), automaton=automaton, banned=everything)
    with pytest.raises(NoContinuation):
        await soon(engine.run(request))


async def test_a_line_that_begins_again_draws_the_same_numbers_again(engine: Engine):
    model = engine.model
    speech = build_grammar(model.vocabulary, Kind.DIALOGUE, ("MAYA",))
    characters = len(model.vocabulary)
    nothing = Automaton(1, np.array([[FREE] * characters, [BARRED] * characters], np.int32))
    for seed in range(3):
        request = dataclasses.replace(a_line(model, seed, "\n"), automaton=speech)
        again = dataclasses.replace(request, automaton=nothing, fallback=speech)
        assert same(await engine.run(again), await engine.run(request))


async def test_the_longer_an_element_is_the_sooner_it_ends(engine: Engine):
    model = engine.model

    async def mean_length(length: int) -> float:
        requests = [
            Request(
                model.start(), model.encode("\nLEONATO\n"), Sampling(s, 0.8, length=length), 600
            )
            for s in range(60)
        ]
        replies = await asyncio.gather(*map(engine.run, requests))
        return float(np.mean([len(reply.written) for reply in replies]))

    assert await mean_length(10) < 0.8 * await mean_length(0)


async def test_repeating_costs_so_that_a_cold_voice_does_not_loop(engine: Engine):
    model = engine.model

    async def repeated(repetition: float) -> float:
        """Return the share of 12-grams that occurred before in their line."""
        sampling = [Sampling(s, 0.1, repetition=repetition) for s in range(20)]
        requests = [Request(model.start(), model.encode("\nLEONATO\n"), s, 600) for s in sampling]
        shares = []
        for reply in await asyncio.gather(*map(engine.run, requests)):
            text = model.decode(reply.written)
            grams = [text[i : i + 12] for i in range(len(text) - 12)]
            shares.append(1 - len(set(grams)) / len(grams) if grams else 0)
        return float(np.mean(shares))

    assert await repeated(1.0) < 0.5 * await repeated(0.0)


async def test_repetition_looks_back_to_what_was_read(engine: Engine):
    model = engine.model
    free = await engine.run(
        Request(model.start(), model.encode("\nLEONATO\n"), Sampling(1, 0.1), 200)
    )
    before = model.encode("\nLEONATO\n" + model.decode(free.written)[:-1])
    again = Request(
        model.start(), model.encode("\nLEONATO\n"), Sampling(1, 0.1, repetition=2.0), 200, before
    )
    other = await engine.run(again)
    assert other.written != free.written
    assert other.written[:10] == free.written[:10]
