"""The arena: one table that says what many automata say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bot.inference import arena
from bot.inference.arena import BARRED, NEUTRAL, Arena
from bot.inference.constraint import FREE, Banned, element
from bot.inference.engine import Engine, Request
from bot.inference.model import Model
from bot.inference.sampling import Sampling
from bot.screenplay.elements import Kind

LETTERS = tuple("\n abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.()'")
KINDS = [element(LETTERS, kind, ("MAYA", "JONAS")) for kind in (None, Kind.ACTION, Kind.HEADING)]
LISTS = [Banned.of(LETTERS, words) for words in (["the", "of the"], ["king"], [])]


def agrees(one: Arena, thing: object) -> bool:
    """Whether the arena leads from every state, with every token, where the automaton does."""
    base = one.place(thing)
    rows = one.next[base : base + len(thing.next)]
    if isinstance(thing, Banned):
        words = one.words[base : base + len(thing.next)]
        return bool((rows == thing.next + base).all() and (words == thing.words).all())
    leads = np.where(thing.next == FREE, NEUTRAL, thing.next + base)
    return bool((rows == np.where(thing.allowed, leads, BARRED)).all())


def test_every_automaton_leads_where_it_did_alone():
    one = Arena(len(LETTERS))
    for _ in range(2):
        assert all(agrees(one, thing) for thing in [*KINDS, *LISTS])
    assert one.size == 1 + sum(len(thing.next) for thing in [*KINDS, *LISTS])
    assert (one.next[NEUTRAL] == NEUTRAL).all()
    assert not one.words[NEUTRAL]


def test_what_is_used_is_kept_and_the_rest_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arena, "FULL", 10)
    one = Arena(len(LETTERS), _full=10)
    for thing in KINDS:
        one.place(thing)
    assert one.full
    one.clear([KINDS[1], LISTS[0]])
    assert one.size == 1 + len(KINDS[1].next) + len(LISTS[0].next)
    assert not one.full
    assert all(agrees(one, thing) for thing in [*LISTS, *KINDS])


async def test_lines_are_the_same_where_the_arena_is_cleared_at_every_turn(
    voices: Path, monkeypatch: pytest.MonkeyPatch
):
    model = Model.load(voices / "tiny.onnx", threads=1)
    kinds = [None, Kind.ACTION, Kind.HEADING, Kind.DIALOGUE]
    requests = [
        Request(
            model.start(),
            model.encode("\n"),
            Sampling(seed),
            80,
            automaton=element(model.vocabulary, kinds[seed % 4], ("MAYA", "JONAS")),
            otherwise=element(model.vocabulary, Kind.DIALOGUE, ("MAYA",))
            if seed % 4 == 0
            else None,
            banned=Banned.of(model.vocabulary, ["the", "my", str(seed)]),
        )
        for seed in range(24)
    ]

    async def written() -> list[list[int]]:
        engine = Engine(model, rows=8)
        replies = await asyncio.gather(*map(engine.run, requests))
        await asyncio.to_thread(engine.close)
        return [reply.written for reply in replies]

    roomy = await written()
    monkeypatch.setattr(Arena, "full", property(lambda _: True))
    assert await written() == roomy
