"""Test surprisal: costs laid over the text, their places, and guesses."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from bot.generation.prefill import predict_next
from bot.inference.model import Model
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import format_for_model
from bot.session.surprisal import (
    MAX_GUESSES,
    MAX_PEAKS,
    MIN_DISTANCE,
    Cell,
    find_peaks,
    load_last_surprisal,
    make_cells,
    measure_surprisal,
    predict_characters,
)
from bot.storage.schema import Line, Provenance
from tests.bot.session_harness import SessionHarness


def make_line(text: str, kind: Kind = Kind.ACTION, /, **origin: Any) -> Line:
    author = None if origin else 1
    common = Provenance(content=Provenance.serialize(origin)) if origin else None
    return Line(kind=kind.value, text=text, credit="Ann", author=author, shared_provenance=common)


def test_costs_are_aligned_with_the_text(model: Model):
    text = "“Zoë” — 茂 e\u0301…"
    tokens = model.encode(format_for_model(text))
    costs = np.arange(1, len(tokens), dtype=np.float32)
    cells = make_cells(model, make_line(text), costs)
    assert "".join(cell.character for cell in cells) == "“Zoë” — 茂 é…\n"
    assert sum(cell.bits for cell in cells if cell.bits is not None) == costs.sum()
    assert [cell.character for cell in cells if cell.bits is None] == ["茂"]
    assert cells[0].position == 1
    assert cells[-1].position == len(tokens) - 1
    dots = cells[-2]
    assert len(model.encode("…")) == 3
    assert dots.bits == costs[-4:-1].sum()


def make_costs(*bits: float | None) -> tuple[Cell, ...]:
    return tuple(Cell("x", cost, n + 1) for n, cost in enumerate(bits))


def test_peaks_are_the_dearest_cells_and_apart():
    dear = [0.0, 9.0, 8.9, *[1.0] * MIN_DISTANCE, 5.0, None]
    peaks = find_peaks([make_costs(*dear), make_costs(7.0, 7.5)])
    assert {(0, 1), (1, 1)} <= set(peaks)
    assert not {(0, 2), (1, 0)} & set(peaks)
    assert peaks == sorted(peaks)
    assert len(peaks) == MAX_PEAKS
    assert find_peaks([make_costs(None)]) == find_peaks([]) == []


@pytest.mark.parametrize(
    ("line", "free"),
    [
        (make_line("MAYA\nHm.", Kind.DIALOGUE), "MAYA\nHm.\n"),
        (make_line("MAYA\nHm.", Kind.DIALOGUE, seed=1), "MAYA\nHm.\n"),
        (make_line("MAYA\nHm.", Kind.DIALOGUE, seed=1, cast=["MAYA"]), "Hm.\n"),
        (make_line("MAYA\nHm.", Kind.DIALOGUE, seed=1, character="MAYA"), "Hm.\n"),
        (make_line("MAYA\nHm.", Kind.DIALOGUE, seed=1, kind="dialogue"), "Hm.\n"),
        (make_line("Rain.", Kind.ACTION, seed=1, kind="action", cast=["MAYA"]), "Rain.\n"),
        (make_line("INT. BAR", Kind.HEADING, seed=1, kind="heading"), "BAR\n"),
        (make_line(".THE BAR", Kind.HEADING, seed=1, kind="heading"), "THE BAR\n"),
        (make_line("INT. BAR", Kind.HEADING, seed=1, cast=["MAYA"]), "INT. BAR\n"),
    ],
)
def test_requested_characters_are_no_peaks(model: Model, line: Line, free: str):
    costs = np.ones(len(model.encode(format_for_model(line.text))) - 1, np.float32)
    cells = make_cells(model, line, costs)
    assert "".join(cell.character for cell in cells if cell.is_free) == free
    assert len(cells) - len(free) <= min(cell for _, cell in find_peaks([cells]))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (make_line("!## Act Two"), "## Act Two\n"),
        (make_line("Rain.\n!# 1"), "Rain.\n# 1\n"),
        (make_line(".THE SECOND ACT", Kind.HEADING, seed=1), "THE SECOND ACT\n"),
        (make_line("> FADE OUT.", Kind.TRANSITION), "FADE OUT.\n"),
        (make_line("@McAvoy\n\\#yes \\*no\\* [\\[x]]", Kind.DIALOGUE), "McAvoy\n#yes *no* [[x]]\n"),
    ],
)
def test_the_marks_of_fountain_are_not_shown(model: Model, line: Line, shown: str):
    costs = np.arange(1, len(model.encode(format_for_model(line.text))), dtype=np.float32)
    cells = make_cells(model, line, costs)
    assert "".join(cell.character for cell in cells) == shown
    assert cells[-1].position == len(costs)
    assert cells[-1].bits == costs[-1]


async def test_a_requested_name_is_no_peak(harness: SessionHarness):
    await harness.start(cast=("ZYX", "QVX"))
    for seed in range(2):
        await harness.continue_script(seed=seed, character="ZYX")
    found = await measure_surprisal(harness.session, 2)
    assert any(cell.bits and not cell.is_free for line in found.lines for cell in line)
    assert found.peaks
    assert all(found.at(peak).is_free for peak in found.peaks)


def test_the_guesses_are_the_likeliest_characters(model: Model):
    logits = np.zeros(len(model.vocabulary), np.float32)
    logits[[5, 3]] = [4.0, 6.0]
    found = predict_characters(model, logits)
    assert [guess.character for guess in found[:2]] == [model.vocabulary[3], model.vocabulary[5]]
    assert len(found) == MAX_GUESSES
    assert found[0].probability / found[1].probability == pytest.approx(np.exp(2))
    assert predict_next(model, model.start(), model.encode("\nRain")).shape == logits.shape


async def test_guesses_and_costs_agree_and_need_no_stored_state(harness: SessionHarness):
    await harness.start()
    await harness.write("MAYA: (quietly) Zounds, you came at 11!")
    await harness.continue_script(seed=1)
    session = harness.session
    found = await measure_surprisal(session, 3)
    assert found.credits == ("Ann", "Ann", "tiny")
    assert len(found.peaks) == MAX_PEAKS
    engine, lines, costs = await load_last_surprisal(session, 3, 1000)
    model = engine.model
    for peak in found.peaks:
        cell = found.at(peak)
        logits = await session.reader.predict_logits(engine, lines[peak.line], cell.position)
        odds = np.exp(logits.astype(np.float64) - logits.max())
        odds /= odds.sum()
        [token, *others] = model.encode(cell.character)
        if not others:
            assert -np.log2(odds[token]) == pytest.approx(cell.bits, abs=0.02)
        assert peak.guesses[0].probability == pytest.approx(odds.max())
    async with harness.store._database.writing() as transaction:
        await transaction.execute(text("DELETE FROM states"))
    _, _, again = await load_last_surprisal(session, 3, 1000)
    for cost, other in zip(costs, again, strict=True):
        assert np.allclose(cost, other, rtol=1e-3, atol=1e-3)
    assert [len(cost) for cost in costs] == [len(model.encode(line.text)) + 1 for line in lines]
