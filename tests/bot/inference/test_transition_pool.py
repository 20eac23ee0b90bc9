"""Test the transition pool: one table that leads where many automata lead."""

from __future__ import annotations

import asyncio

import pytest

from bot.inference import transition_pool
from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.model import Model
from bot.inference.request import Request
from bot.inference.row_store import RowStore
from bot.inference.sampling import Sampling
from bot.inference.transition_pool import TransitionPool
from bot.inference.word_filter import build_word_filter
from bot.screenplay.elements import Kind

LETTERS = tuple("\n abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.()'")
CAST = ("MAYA", "JONAS")
KINDS = [build_grammar(LETTERS, kind, CAST) for kind in (Kind.DIALOGUE, Kind.ACTION)]
LISTS = [build_word_filter(LETTERS, words) for words in (["the", "of the"], ["king"])]


def agrees(pool: TransitionPool, row: int) -> bool:
    """Return whether the pool leads where a row's automaton does, from every state."""
    automaton = pool.automata[row]
    here = slice(pool.base[row], pool.base[row] + len(automaton.next))
    return bool((pool.next[here] == automaton.next).all())


def test_compaction_drops_unused_tables(model: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transition_pool, "COMPACTION_SIZE", 10)
    store = RowStore(model, 8, history=1)
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


async def test_compaction_changes_no_line(model: Model, monkeypatch: pytest.MonkeyPatch):
    kinds = [Kind.ACTION, Kind.HEADING, Kind.DIALOGUE]
    vocabulary = model.vocabulary
    requests = [
        Request(
            model.start(),
            model.encode("\n"),
            Sampling(seed),
            60,
            automaton=build_grammar(vocabulary, kinds[seed % 3], CAST),
            banned=build_word_filter(vocabulary, ["the", "my", str(seed)]),
            bars_words=True,
        )
        for seed in range(16)
    ]

    async def write() -> list[list[int]]:
        engine = Engine(model, rows=6)
        replies = await asyncio.gather(*map(engine.run, requests))
        await asyncio.to_thread(engine.close)
        return [reply.written for reply in replies]

    roomy = await write()
    monkeypatch.setattr(transition_pool, "COMPACTION_SIZE", 0)
    assert await write() == roomy
