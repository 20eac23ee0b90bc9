"""Test the transition pool: one table that leads where many automata lead."""

from __future__ import annotations

import asyncio

import pytest

from bot.inference import transition_pool
from bot.inference.automaton import FREE
from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.model import Model
from bot.inference.request import Request
from bot.inference.row_store import RowStore
from bot.inference.sampling import Sampling
from bot.inference.transition_pool import TransitionPool
from bot.inference.word_filter import BannedWordFilter
from bot.screenplay.elements import Kind

LETTERS = tuple("\n abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.()'")
KINDS = [
    build_grammar(LETTERS, kind, ("MAYA", "JONAS")) for kind in (None, Kind.ACTION, Kind.HEADING)
]
LISTS = [BannedWordFilter.of(LETTERS, words) for words in (["the", "of the"], ["king"], [])]


@pytest.fixture
def store(model: Model) -> RowStore:
    return RowStore(model, 8, history=1)


def agrees(pool: TransitionPool, row: int) -> bool:
    """Return whether the pool leads where a row's automaton does, from every state."""
    automaton = pool.automata[row]
    here = slice(pool.base[row], pool.base[row] + len(automaton.next))
    words = automaton.words if isinstance(automaton, BannedWordFilter) else 0
    return bool((pool.next[here] == automaton.next).all() and (pool.words[here] == words).all())


def test_every_automaton_leads_where_it_did_alone(store: RowStore):
    pool = TransitionPool(len(LETTERS), store)
    for _ in range(2):
        for row, automaton in enumerate([*KINDS, *LISTS]):
            pool.follow(row, automaton)
    assert all(agrees(pool, row) for row in range(6))
    assert pool.size == 1 + sum(len(automaton.next) for automaton in [*KINDS, *LISTS])
    assert (pool.next[0] == FREE).all()
    assert not pool.words[0]


def test_what_is_used_is_kept_and_the_rest_goes(store: RowStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transition_pool, "COMPACTION_SIZE", 10)
    pool = TransitionPool(len(LETTERS), store)
    pool.follow(0, KINDS[0])
    store.clear(0)
    pool.follow(1, KINDS[1])
    pool.follow(2, LISTS[0])
    assert pool.size == 1 + len(KINDS[1].next) + len(LISTS[0].next)
    assert agrees(pool, 1)
    assert agrees(pool, 2)
    # Twice the size of what is used fits before the pool drops anything again.
    pool.follow(2, LISTS[1])
    assert pool.size == 1 + len(KINDS[1].next) + len(LISTS[0].next) + len(LISTS[1].next)


async def test_lines_are_the_same_where_the_pool_is_cleared_for_every_line(
    model: Model, monkeypatch: pytest.MonkeyPatch
):
    kinds = [None, Kind.ACTION, Kind.HEADING, Kind.DIALOGUE]
    requests = [
        Request(
            model.start(),
            model.encode("\n"),
            Sampling(seed),
            80,
            automaton=build_grammar(model.vocabulary, kinds[seed % 4], ("MAYA", "JONAS")),
            fallback=build_grammar(model.vocabulary, Kind.DIALOGUE, ("MAYA",))
            if seed % 4 == 0
            else None,
            banned=BannedWordFilter.of(model.vocabulary, ["the", "my", str(seed)]),
        )
        for seed in range(24)
    ]

    async def written() -> list[list[int]]:
        engine = Engine(model, rows=8)
        replies = await asyncio.gather(*map(engine.run, requests))
        await asyncio.to_thread(engine.close)
        return [reply.written for reply in replies]

    roomy = await written()
    monkeypatch.setattr(
        TransitionPool, "_full", property(lambda _: 0, lambda *_: None), raising=False
    )
    assert await written() == roomy
