"""The engine: what it writes depends on the request alone, and nothing stops it but `close`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from bot.engine import Engine, EngineBusy, EngineClosed, Reply, Request
from bot.model import Model
from bot.sampling import Sampling

BLANK_LINE = "\n\n"

T = TypeVar("T")


@pytest.fixture(scope="module", params=["tiny", "other"])
def either(voices: Path, request: pytest.FixtureRequest) -> Model:
    """The voice in 8 bits, and in 32."""
    return Model.load(voices / f"{request.param}.onnx", threads=1)


@pytest.fixture(scope="module")
def model(voices: Path) -> Model:
    return Model.load(voices / "tiny.onnx", threads=1)


@pytest.fixture
def engine_of() -> Iterator[Callable[..., Engine]]:
    """Makes engines that are closed after the test."""
    engines = []

    def make(*args: object, **kwargs: object) -> Engine:
        engines.append(Engine(*args, **kwargs))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(engine_of: Callable[..., Engine], model: Model) -> Engine:
    return engine_of(model)


def a_line(model: Model, seed: int, prompt: str = "\nLEONATO\n", limit: int = 60) -> Request:
    sampling = Sampling(seed, temperature=0.5 + seed % 5 / 5, top_p=0.99)
    return Request(model.start(), model.encode(prompt), sampling, limit)


def endless(model: Model) -> Request:
    """A request that is not done before the test is."""
    return Request(model.start(), np.full(10_000_000, model.newline))


async def until_so_many_wait(engine: Engine, count: int) -> None:
    while len(engine._waiting) > count:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.001)


async def soon(answer: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """The answer, or a failure where none would ever come."""
    return await asyncio.wait_for(answer, 60)


def same(one: Reply, other: Reply) -> bool:
    return (
        one.written == other.written
        and one.ended == other.ended
        and one.state.tobytes() == other.state.tobytes()
    )


async def test_a_line_is_the_same_alone_and_among_63_others_that_come_and_go(
    either: Model, engine_of: Callable[..., Engine]
):
    engine = engine_of(either, rows=64)
    rng = np.random.default_rng(1)
    wanted = a_line(either, seed=5, limit=150)
    alone = await engine.run(wanted)

    async def come_and_go(seed: int) -> None:
        while True:
            prompt = "\nWords of another. " * rng.integers(1, 4)
            await engine.run(a_line(either, seed, prompt, limit=int(rng.integers(1, 40))))

    others = [asyncio.create_task(come_and_go(seed)) for seed in range(63)]
    for _ in range(3):
        assert same(await engine.run(wanted), alone)
    for other in others:
        assert not other.done()
        other.cancel()
    await asyncio.wait(others)


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
    assert {reply.ended for reply in replies} == {True, False}
    for reply in replies:
        text = model.decode(reply.written)
        assert not text.startswith("\n")
        if reply.ended:
            assert text.index(BLANK_LINE) == len(text) - 2
        else:
            assert len(text) == 200
            assert BLANK_LINE not in text


async def test_the_state_remembers_the_prompt_and_all_but_the_last_character(engine: Engine):
    for seed in range(8):
        request = a_line(engine.model, seed, limit=200)
        reply = await engine.run(request)
        read = np.array([*request.prompt, *reply.written[:-1]])
        again = await engine.run(Request(request.state, read))
        assert again.state.tobytes() == reply.state.tobytes()
        assert again.written == []


async def test_an_element_does_not_begin_with_its_end(engine: Engine):
    # After the end of a line the likeliest character is the newline that ends the element.
    requests = [a_line(engine.model, seed, "\nExit.\n\nA room.\n", limit=1) for seed in range(64)]
    replies = await asyncio.gather(*map(engine.run, requests))
    assert all(reply.written != [engine.model.newline] for reply in replies)


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


async def test_a_line_that_was_cancelled_while_it_waited_is_not_written(
    model: Model, engine_of: Callable[..., Engine]
):
    engine = engine_of(model, rows=1)
    first = asyncio.create_task(engine.run(endless(model)))
    second = asyncio.create_task(engine.run(endless(model)))
    third = asyncio.create_task(engine.run(a_line(model, 3)))
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    assert (await soon(third)).written
    await asyncio.wait([first, second])


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


async def test_a_step_that_fails_is_answered_and_the_engine_goes_on(engine: Engine):
    before = await engine.run(a_line(engine.model, 1))
    nobody = Request(engine.model.start(), np.array([len(engine.model.vocabulary)]))
    for _ in range(2):
        with pytest.raises(Exception, match="indices element out of data bounds"):
            await soon(engine.run(nobody))
    assert same(await soon(engine.run(a_line(engine.model, 1))), before)


@pytest.mark.parametrize("wrong", ["prompt", "state", "limit"])
async def test_a_request_that_no_step_could_take_is_refused_at_the_door(wrong: str, engine: Engine):
    model = engine.model
    start, newline, sampling = model.start(), model.encode("\n"), Sampling(1)
    request = {
        "prompt": Request(start, model.encode("")),
        "state": Request(start[1:], newline),
        "limit": Request(start, newline, sampling),
    }[wrong]
    with pytest.raises(ValueError, match="a request without"):
        await soon(engine.run(request))
    assert (await soon(engine.run(a_line(model, 1)))).written
