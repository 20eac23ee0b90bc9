"""Test the candidates for a line, and the choice among them."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import numpy as np
import pytest

from bot.errors import NoContinuation
from bot.generation import generator, provenance
from bot.generation.generator import LOAD_LIMIT, write_candidates
from bot.generation.inputs import GenerationContext, GenerationOptions, prime_model
from bot.generation.prefill import Progress, read_text
from bot.generation.reranking import (
    CANDIDATES,
    COMMON_WORDS,
    DEFAULT_WEIGHTS,
    ECHO_LINES,
    Candidate,
    Weights,
    choose_candidate,
    make_seeds,
    split_words,
)
from bot.inference import engine as engine_module
from bot.inference.batch import Batch
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.inference.sampling import LARGEST_SEED, Sampling
from bot.inference.word_filter import find_banned_word
from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import make_cue, parse_model_text
from bot.session.replay import Verdict, replay_script
from bot.session.turn import ContinueRequest, Job
from tests.bot.inference.requests import make_endless_request
from tests.bot.session_harness import SessionHarness

FIRST_SEED = 5

NO_WEIGHTS = Weights(**dict.fromkeys(vars(DEFAULT_WEIGHTS), 0.0))

SCRIPT = (".THE KITCHEN", "MAYA\nThere are feathers in the kitchen.")


def candidate(text: str, bits: float = 1.0, *, cue: float = 0.0) -> Candidate:
    """Return a candidate whose words and cue cost so many bits a character."""
    element = parse_model_text(text)
    assert element is not None
    size = len(element.body) + 1
    costs = np.full(len(text) + 1, cue, np.float32)
    costs[-size:] = bits
    return Candidate(Draft(element, None, "tiny", None, "0", {}, surprisal=costs))


def test_the_fewest_bits_win_and_the_cue_does_not_count():
    likely = candidate("MAYA\nRain on the window.", 1.0, cue=9.0)
    other = candidate("JO\nRain on the winter.", 1.2)
    assert choose_candidate([other, likely]) is likely
    assert likely.bits == pytest.approx(20.0)
    # All bits count, and not their mean, so that a long line is no better than a short one.
    longer = candidate("MAYA\nThe rain is on the window again.", 0.9)
    assert choose_candidate([longer, likely]) is likely


def test_a_stock_phrase_is_no_better_for_having_fewer_bits():
    stock = candidate("MAYA\nI am so very sorry now.", 0.1)
    dearer = candidate("MAYA\nI am so very silly now.", 0.2)
    assert choose_candidate([dearer, stock], weights=NO_WEIGHTS) is dearer
    # Both have fewer bits than count, and another line has more.
    telling = candidate("MAYA\nI am in a boat for now.", 1.0)
    assert choose_candidate([telling, dearer], weights=NO_WEIGHTS) is dearer


def test_uneven_bits_make_a_line_worse():
    even = candidate("MAYA\nThere is rain on the old window.", 1.0)
    jolting = candidate("MAYA\nThere is rain on the odd window.", 0.0)
    jolting.surprisal[18:22] = even.bits / 4 - 0.01
    assert jolting.bits < even.bits
    assert choose_candidate([jolting, even]) is even


@pytest.mark.parametrize(
    ("criterion", "better", "worse"),
    [
        ("question", ("It is in the old kitchen.", 1.0), ("Is it in the old kitchen?", 0.9)),
        (
            "sentence",
            ("It is in there. And it is so big.", 1.1),
            ("It is in there, and it is so big.", 1.0),
        ),
        (
            "content_word",
            ("There are about six of them.", 1.0),
            ("There are geese, six of them.", 0.99),
        ),
        ("parenthetical", ("It is a little bit too late.", 0.1), ("(softly)\nIt is late.", 0.1)),
        (
            "repeated_word",
            ("The moose saw the other goose.", 1.15),
            ("The moose saw the other moose.", 1.0),
        ),
    ],
)
def test_each_criterion_can_decide(
    criterion: str, better: tuple[str, float], worse: tuple[str, float]
):
    pool = [candidate(f"MAYA\n{text}", bits) for text, bits in (worse, better)]
    assert choose_candidate(pool) is pool[1]
    assert choose_candidate(pool, weights=replace(DEFAULT_WEIGHTS, **{criterion: 0})) is pool[0]


def test_words_of_the_last_lines_make_a_line_better():
    said = ["MAYA\nThere are feathers in the kitchen.", "JO\nThe swan's.", "JO\nIt flew."]
    plain, taking = map(candidate, ("JO\nThere is one more of us.", "JO\nThere is a swan with us."))
    assert choose_candidate([plain, taking], said) is taking
    # Of two at the same cost, the first wins.
    assert choose_candidate([plain, taking], said[:1]) is plain


def test_a_line_that_says_the_last_ones_again_is_worse():
    said = ["MAYA\nThe doorbell rings at night.", "JO\nI never heard it."]
    echo = candidate("JO\nThe doorbell rings at the sea.", 1.0)
    answer = candidate("JO\nThat doorbell is not ours now.", 1.08)
    assert choose_candidate([echo, answer], said) is answer
    assert choose_candidate([echo, answer], ["JO\nIt rained all night."]) is echo
    # In a long script, any run of words was said at some time.
    assert choose_candidate([echo, answer], [*said, *["JO\nIt rained."] * ECHO_LINES]) is echo


def test_a_common_word_may_come_twice():
    once, twice = candidate("JO\nOne for the other.", 1.2), candidate("JO\nThe one for the other.")
    assert choose_candidate([once, twice]) is twice


def test_repetitions_and_parentheticals_come_last():
    said = ["JO\n(softly)\nRain on the window, again!"]
    again = candidate("MAYA\nRain on the window again.", 0.1)
    aside = candidate("MAYA\n(after a long moment)", 0.1)
    dear = candidate("MAYA\nSnow on every window here.", 4.0)
    assert choose_candidate([again, aside, dear], said) is dear
    assert choose_candidate([again, aside], said) is aside  # at the same cost, it echoes nothing
    assert split_words("MAYA (V.O.)\n(softly)\nIt\u2019s late.") == ("it's", "late")


def test_takes_differ_by_more_than_a_word():
    first = candidate("MAYA\nThe rain is on the window.", 0.5)
    nearly = candidate("MAYA\nThe rain is on the widow.", 0.6)
    other = candidate("MAYA\nSomebody let in the old dog.", 2.0)
    pool = [first, nearly, other]
    assert choose_candidate(pool) is first
    assert choose_candidate(pool, other_takes=[first.draft.element.text]) is other


def test_a_line_of_another_scene_is_not_said_again():
    worn = ["LOU\nI'll buy you a new one.", "LOU\nI'm hungry."]
    stock, dear = candidate("JO\nI'll buy you a new one."), candidate("JO\nIt was my hat.", 3.0)
    assert choose_candidate([stock, dear]) is stock
    assert choose_candidate([stock, dear], worn_texts=worn) is dear
    # Nobody remembers who said something so short, and something must be said.
    short = candidate("JO\nI'm hungry.")
    assert choose_candidate([short, dear], worn_texts=worn) is short
    assert choose_candidate([stock], worn_texts=worn) is stock


def test_candidates_have_seeds_of_their_own():
    assert make_seeds(7, 1) == [7]
    own = [set(make_seeds(seed, 64)) for seed in range(LARGEST_SEED - 9, LARGEST_SEED)]
    assert len(set.union(*own)) == 64 * len(own)
    assert all(0 <= seed <= LARGEST_SEED for some in own for seed in some)


async def begin_script(engine: Engine) -> GenerationContext:
    """Return the context in which nothing was written yet."""
    primed = await prime_model(engine, None, "here")
    return GenerationContext(primed, primed.start)


async def read_lines(at: GenerationContext, texts: Sequence[str]) -> GenerationContext:
    """Return the context after further lines."""
    for text in texts:
        at = at.append(text, (await read_text(at.primed, at.state, text)).state)
    return at


@pytest.fixture
async def context(engine: Engine) -> GenerationContext:
    return await read_lines(await begin_script(engine), SCRIPT)


async def write_again(
    context: GenerationContext, draft: Draft, banned: tuple[str, ...] = ()
) -> Draft:
    """Write a line from its provenance, and check that it is the same."""
    restored = provenance.restore_options(draft.origin, banned)
    again = await generator.write_element(context, restored)
    assert again is not None
    assert again.element == draft.element
    return again


async def test_candidates_share_the_speaker_and_can_be_replayed(context: GenerationContext):
    options = GenerationOptions(Sampling(5, company=1.0), 100, cast=("MAYA", "JO"), candidates=10)
    found = await write_candidates(context, options)
    first = found[0].draft
    assert first.origin["seed"] == 5
    assert len({(take.draft.element.kind, take.draft.element.cue) for take in found}) == 1
    assert 4 < len({take.draft.element.text for take in found}) <= 10
    # Candidates that grew to twice the first one's length were given up.
    assert all(candidate.size <= 2 * max(20, found[0].size) + 20 for candidate in found)
    for candidate in found:
        again = await write_again(context, candidate.draft)
        assert again.state.tobytes() == candidate.draft.state.tobytes()
        assert np.array_equal(again.surprisal, candidate.draft.surprisal)


async def test_the_last_speaker_does_not_go_on(
    context: GenerationContext, monkeypatch: pytest.MonkeyPatch
):
    free, drawn, chosen = GenerationOptions(Sampling(0), 60, cast=("MAYA", "JO")), 0, 0
    for seed in range(30):
        options = replace(free, sampling=Sampling(seed))
        plain = await generator.write_element(context, options)
        [first, *_] = await write_candidates(context, options)
        drawn += plain is not None and plain.element.cue == "MAYA"
        chosen += first.draft.element.cue == "MAYA"
        await write_again(context, first.draft)
    # Only where each of several draws gives her the floor again does she go on.
    assert chosen < drawn / 2
    # Somebody who is alone in a locked cast, or who was asked for, goes on.
    speech, write = replace(free, kind=Kind.DIALOGUE), AsyncMock(wraps=generator.write_element)
    monkeypatch.setattr(generator, "write_element", write)
    for options in (replace(speech, cast=("MAYA",)), replace(speech, character="MAYA")):
        [alone, *_] = await write_candidates(context, options)
        assert alone.draft.element.cue == "MAYA"
    assert write.await_count == 2  # no further draw could give anybody else the floor


async def test_a_locked_cast_holds_with_one_candidate(context: GenerationContext):
    free, drafts = GenerationOptions(Sampling(0), 60, cast=("MAYA", "JO")), []
    for seed in range(30):
        [candidate] = await write_candidates(context, replace(free, sampling=Sampling(seed)))
        drafts.append(candidate.draft)
    assert all(generator.keeps_to_cast(draft.element, free.cast, str) for draft in drafts)
    redrawn = [draft for draft in drafts if draft.origin.get("form")]
    assert 0 < len(redrawn) < 30
    for draft in redrawn[:3]:
        await write_again(context, draft)


@pytest.mark.parametrize("cast", [("ANAÏS", "ÞÓR"), ("Anaïs", "McÞÓR")])
async def test_names_stay_as_people_spell_them(context: GenerationContext, cast: tuple[str, str]):
    said, rain = [f"{make_cue(name)}\nYes." for name in cast], "It rains."
    heard = await read_lines(context, (*said, rain))
    unheard, present = await read_lines(context, [rain]), {"present": cast}
    locked = present | {"cast": cast}
    speech = locked | {"kind": Kind.DIALOGUE}
    for at, who in ((heard, locked), (heard, speech), (unheard, present), (heard, {})):
        cues = set()
        for seed in range(10):
            options = GenerationOptions(Sampling(seed, company=2.0), 60, candidates=2, **who)
            for candidate in await write_candidates(at, options):
                draft = candidate.draft
                cues.add(draft.element.cue)
                read = await read_text(at.primed, at.state, draft.element.text)
                assert draft.state is not None
                assert draft.state.tobytes() == read.state.tobytes()
                assert len(draft.surprisal) == len(read.surprisal)
                await write_again(at, draft)
        assert cues >= set(cast)
        assert not cues & {"ANAIS", "THOR", "MCTHOR"}
        assert "cast" not in who or cues <= {*cast, None}


async def test_action_that_was_asked_for_stays_action(model: Model):
    # With digits for letters, much action begins as if with a name: "S4me rain".
    digits = str.maketrans("aeo", "234")
    vocabulary = tuple(character.translate(digits) for character in model.vocabulary)
    engine = Engine(replace(model, vocabulary=vocabulary), rows=8)
    at = await begin_script(engine)
    options = GenerationOptions(Sampling(0), 60, kind=Kind.ACTION, cast=("MAYA", "JO"))
    sampled = (replace(options, sampling=Sampling(seed)) for seed in range(20))
    drafts = [await generator.write_element(at, own_options) for own_options in sampled]
    await asyncio.to_thread(engine.close)
    assert {draft.element.kind for draft in drafts} == {Kind.ACTION}
    assert not all(generator.keeps_to_cast(draft.element, options.cast, str) for draft in drafts)


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        ("MAYA\nHello.", True),
        ("KEVIN\nHello.", False),
        ("MAYA rises, and BOB falls.\nGUARDS enter.", True),
        ("MAYA, JO and a guard rise.", True),
        ("Enter BOB.", True),
        ("A flourish.", True),
        ("(BOB waits.)", True),
        ("INT. BOB'S DINER - NIGHT", True),
        ("BOB enters.", False),
        ("MAYAS rise.", False),
        ("A MAN enters.", False),
        ("ANAIS enters.", True),  # as the voice spells her
    ],
)
def test_action_that_begins_with_another_name_leaves_a_cast(model: Model, text: str, keeps: bool):
    element = parse_model_text(text)
    assert element is not None
    cast = ("MAYA", "Jo", "ANAÏS")
    assert generator.keeps_to_cast(element, cast, model.spell) == keeps


@pytest.mark.parametrize("candidates", [1, 8])
async def test_banned_words_hold_however_many_there_are(
    context: GenerationContext, candidates: int
):
    plain, barred = GenerationOptions(Sampling(0), 60, character="MAYA"), 0
    for words in (["the"], sorted(COMMON_WORDS)):
        options = replace(plain, banned=tuple(words), candidates=candidates)
        for seed in range(8):
            found = await write_candidates(context, replace(options, sampling=Sampling(seed)))
            for candidate in found:
                assert find_banned_word(candidate.draft.element.body, words) is None
                barred += candidate.draft.origin.get("bars", False)
            await write_again(context, found[0].draft, options.banned)
    assert barred


async def test_banned_words_hold_as_the_voice_spells_them(context: GenerationContext):
    found = []
    for seed in range(8):
        options = GenerationOptions(Sampling(seed), 60, character="MAYA")
        draft = await generator.write_element(context, options)
        # The last word may be cut off.
        words = draft.element.body.split()[:-1] if draft else []
        found += [(options, word) for word in words if word.isalpha() and "o" in word]
    options, word = found[0]
    options = replace(options, banned=(word.replace("o", "ø"),))
    with pytest.raises(NoContinuation):
        await generator.write_element(context, options)


async def test_action_is_cut_off_later_than_speech(context: GenerationContext):
    sampling = Sampling(5, length=60)
    options = GenerationOptions(sampling, 300, kind=Kind.ACTION, candidates=24)
    first, *others = await write_candidates(context, options)
    longest = max(candidate.size for candidate in others)
    assert first.size >= 30
    assert 60 < longest <= 120


async def test_a_busy_engine_writes_fewer_candidates(model: Model):
    engine = Engine(model, rows=8)
    at = await begin_script(engine)
    endless = make_endless_request(model)
    others = [engine.run(replace(endless, owner=i)) for i in range(6)]
    options = GenerationOptions(Sampling(5), 60, character="MAYA", candidates=16)
    few = await write_candidates(at, options)
    many = await write_candidates(at, replace(options, ignores_load=True))
    for candidate in others:
        candidate.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.to_thread(engine.close)
    assert len(few) == (LOAD_LIMIT * 8 - 6) // 2
    assert {candidate.draft.origin["candidates"] for candidate in few} == {len(few)}
    assert len(many) == 16


class HeldBatch(Batch):
    """A batch that holds all lines but those of the first seed while its gate is closed.

    It does so once ``free`` of them are finished.
    """

    gate = threading.Event()
    free = finished = 0

    def step(self):
        seeds = {row.request.sampling.seed for row in self.rows if row.request.sampling}
        if self.finished >= self.free and seeds - {FIRST_SEED}:
            self.gate.wait()
        done = super().step()
        self.finished += sum(
            row.writing and row.request.sampling.seed != FIRST_SEED for row in done
        )
        return done


HELD = GenerationOptions(Sampling(FIRST_SEED), 60, kind=Kind.ACTION)


@pytest.fixture
def _held(monkeypatch: pytest.MonkeyPatch):
    """Give the test's engines such a batch, with a closed gate."""
    monkeypatch.setattr(engine_module, "Batch", HeldBatch)
    HeldBatch.gate.clear()


@pytest.mark.usefixtures("_held")
async def test_an_overloaded_engine_writes_the_first_candidate_rather_than_nothing(
    model: Model, monkeypatch: pytest.MonkeyPatch
):
    engine, options = Engine(model, rows=8), replace(HELD, candidates=8)
    at = await begin_script(engine)
    monkeypatch.setattr(generator, "CHOOSING_SECONDS", 0.1)
    progress = Progress()
    line = asyncio.create_task(write_candidates(at, options, progress=progress))
    while not progress.candidates:  # noqa: ASYNC110 - a progress tells nobody
        await asyncio.sleep(0.001)
    assert progress.candidates == 8
    [first] = await line
    assert progress.candidates == 0
    HeldBatch.gate.set()
    assert first.draft.origin["seed"] == FIRST_SEED
    # A seed that somebody gave leads to the same line, however long that takes.
    found = await write_candidates(at, replace(options, ignores_load=True))
    await asyncio.to_thread(engine.close)
    assert len(found) > 1


@pytest.mark.usefixtures("_held")
async def test_all_candidates_record_how_many_were_finished(
    model: Model, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(HeldBatch, "free", 3)
    monkeypatch.setattr(generator, "CHOOSING_SECONDS", 2.0)
    engine = Engine(model, rows=16)
    found = await write_candidates(await begin_script(engine), replace(HELD, candidates=16))
    HeldBatch.gate.set()
    await asyncio.to_thread(engine.close)
    [finished] = {candidate.draft.origin["candidates"] for candidate in found}
    assert 1 < len(found) <= finished < 16


@pytest.mark.usefixtures("_held")
async def test_lines_that_come_at_once_share_the_room_of_the_engine(
    model: Model, monkeypatch: pytest.MonkeyPatch
):
    engine = Engine(model, rows=8)
    at = await begin_script(engine)
    firsts, all_firsts, prepare = set[object](), asyncio.Barrier(8), generator.prepare_request

    async def prepare_together(*arguments: Any) -> Any:
        prepared = await prepare(*arguments)
        if asyncio.current_task() in firsts:
            await all_firsts.wait()
        firsts.add(asyncio.current_task())
        return prepared

    monkeypatch.setattr(generator, "prepare_request", prepare_together)
    wanted = replace(HELD, candidates=64)
    lines = [asyncio.create_task(write_candidates(at, wanted)) for _ in range(8)]
    while engine.load.rows + engine.load.waiting < 13:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.001)
    HeldBatch.gate.set()
    counts = [line[0].draft.origin["candidates"] for line in await asyncio.gather(*lines)]
    await asyncio.to_thread(engine.close)
    assert sorted(counts, reverse=True) == [8, 4, 3, 2, 1, 1, 1, 1]


async def test_the_best_candidate_is_written_and_replayed(harness: SessionHarness):
    await harness.start(cast=["MAYA", "JONAS"])
    firsts = set()
    for seed in range(3, 6):
        (line,) = await harness.continue_script(seed, quality="good")
        assert line.origin["quality"] == "good"
        assert line.origin["candidates"] == CANDIDATES["good"]
        assert line.origin["seed"] in make_seeds(seed, CANDIDATES["good"])
        firsts.add(line.origin["seed"] == seed)
    assert False in firsts  # otherwise the choice changed nothing
    proof = await replay_script(harness.session, Job())
    assert len(proof.filter_by_verdict(Verdict.PROVED)) == 3


async def test_a_seed_without_a_quality_writes_one_candidate(harness: SessionHarness):
    drafter = harness.session.continuation.drafter
    drafter.settings = drafter.settings.model_copy(update={"quality": "best"})
    await harness.start()
    (line,) = await harness.continue_script(4)
    assert line.origin["candidates"] == 1
    assert line.origin["seed"] == 4


async def test_no_line_is_repeated(harness: SessionHarness):
    await harness.start(cast=["MAYA"])
    said = [
        split_words((await harness.continue_script(1, quality="good", character="MAYA"))[0].text)
        for _ in range(4)
    ]
    assert len(set(said)) == len(said)


async def test_takes_share_the_candidates_and_lines_do_not(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(CANDIDATES, "best", 20)
    await harness.start(cast=["MAYA"])
    lines = await harness.continue_script(1, quality="best", lines=4)
    assert [line.origin["candidates"] for line in lines] == [20] * 4
    turn = await harness.session.continuation.generate(
        harness.writer(), ContinueRequest(seed=2, takes=5, options={"quality": "best"})
    )
    assert turn.poll is not None
    takes = await harness.store.polls.load_takes(turn.poll)
    offered = [line for lines in takes.values() for line in lines]
    assert {line.origin["candidates"] for line in offered} == {4}
    assert len({split_words(line.text) for line in offered}) == 5


async def test_a_retry_keeps_the_quality_but_not_the_speaker(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, quality="good")
    again = await harness.retry()
    assert again.lines[0].origin["quality"] == "good"
    assert again.lines[0].origin["character"] is None
