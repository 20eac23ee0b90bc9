"""Test the transition pool: one table that leads where many automata lead."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from bot.inference import transition_pool
from bot.inference.automaton import FREE, Automaton
from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.model import Model
from bot.inference.request import Request
from bot.inference.sampling import Sampling
from bot.inference.transition_pool import BARRED, TransitionPool
from bot.inference.word_filter import BannedWordFilter
from bot.screenplay.elements import Kind

LETTERS = tuple("\n abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.()'")
KINDS = [
    build_grammar(LETTERS, kind, ("MAYA", "JONAS")) for kind in (None, Kind.ACTION, Kind.HEADING)
]
LISTS = [BannedWordFilter.of(LETTERS, words) for words in (["the", "of the"], ["king"], [])]


def agrees(pool: TransitionPool, automaton: Automaton | BannedWordFilter) -> bool:
    """Return whether the pool leads where the automaton does, from every state with every token."""
    base = pool.place(automaton)
    rows = pool.next[base : base + len(automaton.next)]
    if isinstance(automaton, BannedWordFilter):
        words = pool.words[base : base + len(automaton.next)]
        return bool((rows == automaton.next).all() and (words == automaton.words).all())
    return bool((rows == np.where(automaton.allowed, automaton.next, BARRED)).all())


def test_every_automaton_leads_where_it_did_alone():
    pool = TransitionPool(len(LETTERS))
    for _ in range(2):
        assert all(agrees(pool, automaton) for automaton in [*KINDS, *LISTS])
    assert pool.size == 1 + sum(len(automaton.next) for automaton in [*KINDS, *LISTS])
    assert (pool.next[0] == FREE).all()
    assert not pool.words[0]


def test_what_is_used_is_kept_and_the_rest_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transition_pool, "COMPACTION_SIZE", 10)
    pool = TransitionPool(len(LETTERS), _full=10)
    for automaton in KINDS:
        pool.place(automaton)
    assert pool.full
    pool.clear([KINDS[1], LISTS[0]])
    assert pool.size == 1 + len(KINDS[1].next) + len(LISTS[0].next)
    assert not pool.full
    assert all(agrees(pool, automaton) for automaton in [*LISTS, *KINDS])


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
    monkeypatch.setattr(TransitionPool, "full", property(lambda _: True))
    assert await written() == roomy
