"""Test a channel session: a script in play, with a real voice and a real database."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import onnxruntime
import pytest

from bot.errors import AlreadyWritten, RequestError
from bot.generation.options import resolve_options
from bot.generation.provenance import find_processor_name
from bot.inference.request import Request
from bot.screenplay.elements import Kind
from bot.screenplay.fountain import format_for_model
from bot.screenplay.free_text import make_heading
from bot.session import drafting, notifications, permissions, rotations
from bot.session.deadlines import find_due_time
from bot.session.turn import (
    MAX_ELEMENT_LENGTH,
    MAX_LINES,
    ContinueRequest,
    Job,
    NewScript,
    Requester,
    ScriptPosition,
)
from bot.storage.schema import Line, utc_now
from tests.bot.conftest import BOTH
from tests.bot.session_harness import CHANNEL, SessionHarness, make_request, texts


async def test_several_lines_have_consecutive_seeds(harness: SessionHarness):
    await harness.start()
    together = await harness.continue_script(2**31 - 2, lines=3, character="MAYA")
    await harness.jump(ScriptPosition(together[0].script, together[0].parent))
    seeds = [(2**31 - 2, "MAYA"), (2**31 - 1, None), (0, None)]
    apart = [(await harness.continue_script(seed, character=name))[0] for seed, name in seeds]
    assert texts(together) == texts(apart)
    assert [line.ordinal for line in together] == [0, 1, 2]


async def test_scripts_of_a_channel_share_no_line(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(drafting.secrets, "randbelow", lambda _: 5)

    async def begin_and_continue(channel: int = CHANNEL, **wish: object) -> str:
        room = harness.sessions.get(channel)
        await harness.start(room)
        request = make_request(quality="good", character="MAYA", temperature=1.0, **wish)
        turn = await room.continuation.generate(harness.writer(), request)
        return turn.lines[-1].element.body

    first = await begin_and_continue()
    second = await begin_and_continue()
    await harness.undo()
    third = await begin_and_continue()
    assert len({first, second, third}) == 3
    assert await begin_and_continue(CHANNEL + 1) == first
    assert await begin_and_continue(seed=5) == first


async def test_a_line_records_its_provenance(harness: SessionHarness):
    await harness.start(temperature=1.3)
    session = harness.session_with(top_p=0.5, line_length=77, temperature=0.2)

    async def generate(**options: object) -> Line:
        request = make_request(**options)
        return (await session.continuation.generate(harness.writer(), request)).lines[0]

    default = await generate(seed=1)
    origin = {
        "fingerprint": (await harness.models.engine("tiny")).model.fingerprint,
        "seed": 1,
        **resolve_options({}, {}, harness.settings),
        "temperature": 1.3,
        "limit": 77,
        "kind": None,
        "character": None,
        "cast": [],
        "present": [],
        "candidates": 1,
        "banned": default.origin["banned"],
        "opening": "",
        "processor": find_processor_name(),
        "onnxruntime": onnxruntime.__version__,
    }
    assert default.origin == origin
    assert origin["processor"]
    assert origin["banned"]
    chosen = {"seed": 2, "temperature": 0.4, "top_p": 0.6, "character": "MAYA"}
    assert (await generate(**chosen)).origin == origin | chosen
    assert 0 <= (await generate()).origin["seed"] < 2**31
    # An action has no cue, so turn-taking does not apply to it.
    assert (await generate(kind=Kind.ACTION, company=2.0)).origin["company"] == 0.0
    assert (await harness.write("Rain.")).lines[0].origin == {}


async def test_a_new_script_has_the_default_options(harness: SessionHarness):
    await harness.start(harness.session_with(temperature=0.3, top_p=0.4))
    script = await harness.session.library.load_script()
    assert script.preferences == {"voice": "tiny", "temperature": 0.3, "top_p": 0.4}


async def test_what_is_chosen_for_a_channel_outlives_its_script(harness: SessionHarness):
    chosen = {"look": "cards", "plain_messages": True, "ping": True}
    script = (await harness.start()).script
    kept = await harness.change_preferences({**chosen, "takes": 3})
    for channel in (CHANNEL + 1, CHANNEL):
        assert (
            await harness.fork("Another", channel=channel)
        ).script.preferences == kept.preferences
    expected = script.preferences | chosen
    for running in (True, False):
        latest = await harness.session.library.load_latest()
        await harness.store.scripts.update_script(latest.id, running=running)
        assert (await harness.start()).script.preferences == expected
    await harness.change_preferences(dict.fromkeys(chosen))
    assert (await harness.start()).script.preferences == script.preferences


async def test_states_equal_those_of_reading_from_the_start(harness: SessionHarness):
    await harness.start()
    await harness.write("Café — “Hm”, 茂 said.\n\nMAYA: #1!\n\n.\n\n...")
    request = ContinueRequest(seed=1, lines=10, character="MAYA")
    session = harness.session_with(line_length=150, soft_length=0)
    turn = await session.continuation.generate(harness.writer(), request)
    lengths = [len(line.text) for line in turn.lines]
    # Some of these lines ended by themselves, and some were cut.
    assert min(lengths) < 110
    assert max(lengths) > 115
    engine = await harness.models.engine("tiny")
    state = engine.model.start()
    for line in await harness.lines():
        tokens = engine.model.encode(format_for_model(line.text))
        state = (await engine.run(Request(state, tokens))).state
        assert await harness.state(line) == state.tobytes()


@pytest.mark.parametrize(
    "forget",
    [
        "UPDATE states SET state = NULL",  # as all are evicted
        "DELETE FROM states WHERE line > (SELECT min(id) + 1 FROM lines)",
    ],
    ids=["all states lost", "some states lost"],
)
async def test_lost_states_change_no_line(forget: str, harness: SessionHarness):
    await harness.start()
    await harness.write("MAYA: You came.")
    await harness.continue_script(1, lines=2)
    before = await harness.lines()
    states = [await harness.state(line) for line in before]
    [uninterrupted] = await harness.continue_script(5)
    after = await harness.state(uninterrupted)
    await harness.undo()
    await harness.restart(forget)
    [resumed] = await harness.continue_script(5)
    assert resumed.text == uninterrupted.text
    assert await harness.state(resumed) == after
    assert await harness.state(before[-1]) == states[-1]


async def test_a_recomputed_state_is_kept(harness: SessionHarness):
    await harness.start()
    await harness.write("One.\n\nTwo.\n\nThree.")
    lines = await harness.lines()
    await harness.restart("DELETE FROM states WHERE line <> (SELECT min(id) + 1 FROM lines)")
    await harness.continue_script(5)
    kept = [await harness.state(line) is not None for line in lines]
    assert kept == [False, True, False, True]


async def test_another_voice_reads_the_script_into_its_own_states(harness: SessionHarness):
    await harness.start()
    await harness.write("MAYA: You came.")
    [by_tiny] = await harness.continue_script(5)
    before = await harness.state(by_tiny)
    await harness.restart(
        "UPDATE scripts SET preferences = json_set(preferences, '$.voice', 'other')"
    )
    assert await harness.state(by_tiny, "other") is None
    [by_other] = await harness.continue_script(6)
    lines = await harness.lines()
    assert by_other.credit == "other"
    assert by_other.origin["fingerprint"] != by_tiny.origin["fingerprint"]
    assert await harness.state(by_tiny, "other") == await harness.read_from_start(
        lines[:-1], "other"
    )
    assert await harness.state(by_other, "other") == await harness.read_from_start(lines, "other")
    assert await harness.state(by_other) is None
    assert await harness.state(by_tiny) == before


async def test_the_next_written_line_announces_a_new_voice(harness: SessionHarness):
    await harness.start()
    await harness.continue_script()
    await harness.change_preferences({"voice": "other"})
    stopped = Job()
    stopped.stop()
    for _ in range(2):
        with pytest.raises(RequestError, match="Stopped before the first line"):
            await harness.session.continuation.generate(
                harness.writer(), ContinueRequest(), job=stopped
            )
        await harness.restart()
    assert (await harness.undo()).new_model == ""
    assert (await harness.write("Rain.")).new_model == "other"
    assert (await harness.write("Snow.")).new_model == ""


async def test_only_the_last_notifications_and_scripts_are_remembered(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notifications, "MAX_REMEMBERED", 3)
    known = notifications.Notifications()
    primed = await harness.session.reader.open_model("tiny", None)
    for script in range(5):
        known.record_model(script, primed)
        assert known.should_explain_replies(channel=script, person=1)
    assert [known.knows_model(script) for script in range(5)] == [False, False, True, True, True]
    assert [known.should_explain_replies(script, 1) for script in (4, 0)] == [False, True]
    known.forget(1)
    assert known.should_explain_replies(4, 1)


async def test_another_style_is_no_new_voice(harness: SessionHarness):
    await harness.start()
    await harness.continue_script()
    await harness.change_preferences({"style": "storm"})
    assert (await harness.write("Rain.")).new_model == ""
    await harness.restart()
    await harness.change_preferences({"style": None})
    assert (await harness.write("Snow.")).new_model == ""


async def test_retry_writes_a_sibling_with_the_same_options(harness: SessionHarness):
    await harness.start()
    [first] = await harness.continue_script(5, temperature=1.9, top_p=0.8, character="JONAS")
    [second] = (await harness.retry()).lines
    assert (second.parent, second.id) != (first.id, first.id)
    assert second.parent == first.parent
    assert second.text != first.text
    assert second.element.cue == "JONAS"
    assert second.origin == first.origin | {"seed": second.origin["seed"]}
    assert texts(await harness.lines()) == ["INT. DINER - NIGHT", second.text]
    assert await harness.state(second) == await harness.read_from_start(await harness.lines())


async def test_a_retry_keeps_the_speaker_or_the_kind(harness: SessionHarness):
    await harness.start()
    for seed in (5, 7, 9):
        [_, first] = await harness.continue_script(seed, lines=2, character="JONAS")
        assert first.origin["character"] is None
        [second] = (await harness.retry()).lines
        assert (second.kind, second.element.cue) == (first.kind, first.element.cue)


async def test_a_retry_may_change_the_speaker_whom_somebody_plays_now(harness: SessionHarness):
    await harness.start(cast=["JONAS", "MAYA"])
    await harness.continue_script(5, character="JONAS")
    await harness.session.library.add_to_cast(harness.writer(), ["JONAS"], player=7)
    await harness.change_preferences({"skip_played": True, "lock": True})
    [second] = (await harness.retry()).lines
    assert second.element.cue != "JONAS"


async def test_a_retry_stores_no_line_twice(harness: SessionHarness):
    await harness.start()
    # Only the likeliest characters can be drawn, so that all takes are alike.
    [line] = await harness.continue_script(temperature=0.1, top_p=0.05, character="JONAS")
    with pytest.raises(RequestError, match="wrote a line that is already there"):
        await harness.retry()
    assert (await harness.lines())[-1].id == line.id


async def test_a_persons_line_is_not_retried(harness: SessionHarness):
    await harness.start()
    with pytest.raises(RequestError, match="The last line is Ann's"):
        await harness.session.continuation.retry(harness.writer("Ben"))
    assert len(await harness.lines()) == 1


async def test_too_much_text_is_refused(harness: SessionHarness):
    await harness.start()
    for text in (
        "x" * (MAX_ELEMENT_LENGTH + 1),
        "Rain.\n\nMAYA: " + "x" * MAX_ELEMENT_LENGTH,
        "\n\n".join(["Rain."] * (MAX_LINES + 1)),
    ):
        with pytest.raises(RequestError, match=r"\d"):
            await harness.write(text)
    assert len(await harness.lines()) == 1
    longest = "\n\n".join(["x" * MAX_ELEMENT_LENGTH, *["Rain."] * (MAX_LINES - 1)])
    assert len((await harness.write(longest)).lines) == MAX_LINES


async def test_a_doubled_delivery_begins_and_forks_one_script(harness: SessionHarness):
    library, history = harness.session.library, harness.session.history
    heading = make_heading("THE HEATH")
    for act in (
        lambda who: library.begin(who, NewScript(title="Two"), heading),
        lambda who: history.fork(who, "Fork"),
    ):
        writer = harness.writer()
        await act(writer)
        with pytest.raises(AlreadyWritten):
            await act(writer)
    assert [script.title for script in await library.list_scripts()] == ["Fork", "Two"]


@pytest.mark.parametrize("where", BOTH, indirect=True)
async def test_characters_are_the_cast_then_the_latest_speakers(harness: SessionHarness):
    await harness.start(cast=["MAYA", "JONAS"])
    await harness.write("BOB: One.\n\nANN (V.O.): Two.\n\nMAYA: Three.\n\nRain.")
    await harness.write("BOB: Four.\n\nÉMILE: Five.")
    library = harness.session.library
    assert await library.list_characters() == ["MAYA", "JONAS", "ÉMILE", "BOB", "ANN"]
    await harness.undo()
    assert await library.list_characters() == ["MAYA", "JONAS", "BOB", "ANN"]


async def start_turns(harness: SessionHarness) -> tuple[int, Requester, Requester]:
    """Start a script in which Ben and Cid take turns; return its id and the two."""
    script = (await harness.start()).script.id
    ben, cid = harness.writer("Ben"), harness.writer("Cid")
    for person in (ben, cid):
        await harness.session.rotations.join(person, script)
    return script, ben, cid


async def test_an_order_of_writers_has_a_bound(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rotations, "MAX_WRITERS", 2)
    script, *_ = await start_turns(harness)
    with pytest.raises(RequestError, match="At most 2 people can take turns here"):
        await harness.session.rotations.join(harness.writer(), script)


async def test_each_undone_line_returns_its_turn_and_each_restored_one_passes_it(
    harness: SessionHarness,
):
    script, ben, cid = await start_turns(harness)
    await harness.session.rotations.join(ann := harness.writer(), script)
    await harness.write("Rain.", by="Ben")
    await harness.write("Rain.\n\nSnow.", by="Cid")
    first, *_, last = [ScriptPosition(script, line.id) for line in await harness.lines()]
    before, after = [ben.id, cid.id, ann.id], [ann.id, ben.id, cid.id]
    for _ in range(3):
        await harness.undo()
    assert (await harness.session.rotations.find(script)).writers == before
    for position, writers in ((last, after), (first, before), (last, after)):
        await harness.jump(position)
        assert (await harness.session.rotations.find(script)).writers == writers
    await harness.undo()
    assert (await harness.session.rotations.find(script)).writers == [cid.id, ann.id, ben.id]


@pytest.mark.parametrize("act", ["leave", "write", "sprint"])
async def test_reminders_go_on_after_a_round_of_skips(harness: SessionHarness, act: str):
    script, ben, _ = await start_turns(harness)
    session, rotations = harness.session, harness.store.rotations
    await session.rotations.set_deadline(harness.writer(), script, 1)
    long_ago = utc_now() - dt.timedelta(days=1)
    for turn in (1, 2):
        await rotations.skip_turn(script, turn, long_ago, 0)
    assert find_due_time(await rotations.find_rotation(script)) is None
    if act == "leave":
        await session.rotations.leave(ben, script)
    elif act == "sprint":
        await session.sprints.start(ben, script, 5)
    if act != "leave":
        await harness.write("Rain.")  # out of turn
    assert find_due_time(await rotations.find_rotation(script)) > utc_now()


async def test_a_rewritten_line_returns_the_turn_and_a_restored_one_passes_it(
    harness: SessionHarness,
):
    script, ben, cid = await start_turns(harness)

    async def find_writer() -> int:
        return (await harness.session.rotations.find(script)).writers[0]

    await harness.write("Rain.")
    await harness.session.continuation.write(ben, "Snwo.")
    await harness.continue_script()
    assert await find_writer() == cid.id
    await harness.rewrite((await harness.lines())[1], "Fog.")  # the lines below it are copied
    [*_, line, _] = await harness.lines()
    await harness.rewrite(line, "Snow.", by="Ben")
    [*_, snow, _] = await harness.lines()
    await harness.rewrite(snow, "Sleet.")  # by somebody else
    position = ScriptPosition(script, (await harness.lines())[-2].id)
    by = replace(harness.writer("Ben"), moderator=True)
    await harness.session.history.rewrite(by, position, "Hail.")
    await harness.undo()  # the edit
    assert await find_writer() == cid.id
    await harness.redo()
    await harness.jump(ScriptPosition(script, (await harness.lines())[1].id))
    assert texts(await harness.lines())[1:] == ["Fog."]
    assert await find_writer() == ben.id
    await harness.redo()
    assert texts(await harness.lines())[1:] == ["Fog.", "Hail."]
    assert await find_writer() == cid.id
    # Ben's line stands again as it was before.
    await harness.jump(ScriptPosition(script, snow.id))
    assert await find_writer() == cid.id
    # Below a line that was cut, too, his line returns the turn.
    await harness.rewrite((await harness.lines())[1], "")
    assert await find_writer() == cid.id
    await harness.jump(ScriptPosition(script, (await harness.lines())[0].id))
    assert len(await harness.lines()) == 1
    assert await find_writer() == ben.id


async def test_a_rewritten_line_returns_the_turn_after_its_original_was_deleted(
    harness: SessionHarness,
):
    script, ben, cid = await start_turns(harness)
    await harness.session.continuation.write(ben, "Snwo.")
    await harness.rewrite((await harness.lines())[-1], "Snow.")
    await harness.restart("UPDATE lines SET rewrite_of = 9999 WHERE rewrite_of IS NOT NULL")
    await harness.undo()
    assert (await harness.session.rotations.find(script)).writers == [ben.id, cid.id]


async def test_a_line_that_somebody_adds_for_the_writer_does_not_pass_the_turn(
    harness: SessionHarness,
):
    script, ben, cid = await start_turns(harness)
    await harness.session.continuation.write(harness.writer(), "Rain.", author=ben)
    await harness.undo()
    await harness.redo()
    assert (await harness.session.rotations.find(script)).writers == [ben.id, cid.id]


async def test_an_author_and_not_the_requester_must_alternate(harness: SessionHarness):
    await harness.start()  # with a heading by Ann
    await harness.change_preferences({"alternate": True})
    write, ben = harness.session.continuation.write, harness.writer("Ben")
    with pytest.raises(RequestError, match="Nobody may write twice in a row"):
        await write(ben, "Rain.", author=harness.writer())
    await write(harness.writer(), "Rain.", author=ben)
    assert [line.credit for line in await harness.lines()] == ["Ann", "Ben"]


async def test_a_free_character_speaks_where_people_play_the_cast(harness: SessionHarness):
    await harness.start(cast=("MAYA",))
    await harness.change_preferences({"lock": False, "skip_played": True})
    await harness.session.library.add_to_cast(harness.writer(), ["MAYA"], harness.writer("Ben").id)
    [line] = await harness.continue_script(character="BOB")
    assert line.element.cue == "BOB"
    with pytest.raises(RequestError, match="People play every character"):
        await harness.continue_script(character="BOB", lines=2)


async def test_switching_needs_the_role_of_both_scripts(harness: SessionHarness):
    first, second = await harness.start(), await harness.start()
    for script in (first.script.id, second.script.id):
        await harness.store.scripts.update_script(script, {"role": 7})
        with pytest.raises(RequestError, match="limited to a role"):
            await harness.session.library.switch(harness.writer(), first.script.id)
        await harness.store.scripts.update_script(script, {"role": None})
    switched = await harness.session.library.switch(harness.writer(), first.script.id)
    assert switched.script.id == first.script.id


HOUR = dt.timedelta(hours=1)


@pytest.fixture(params=[-HOUR, HOUR])
def jump(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[], None]:
    """Return a function that puts the machine's clock back or forward by an hour."""

    def jump() -> None:
        for owner, name in ((permissions, "utc_now"), (harness.session.library, "clock")):
            monkeypatch.setattr(owner, name, lambda: utc_now() + request.param)

    return jump


async def test_a_clock_that_jumps_ends_no_vote(harness: SessionHarness, jump: Callable[[], None]):
    await harness.start()
    for name in ("Ben", "Cid"):
        harness.session.polls.presence.record(CHANNEL, harness.writer(name).id)
    request = ContinueRequest(takes=2, vote=60)
    poll = (await harness.session.continuation.generate(harness.writer(), request)).poll
    jump()
    for name in ("Ann", "Ben"):
        assert not await harness.session.polls.vote(harness.writer(name), poll.id, 1)
    assert await harness.session.polls.vote(harness.writer("Cid"), poll.id, 1)
    result = await harness.session.polls.close(poll.id)
    assert (result.winner, result.taken) == (1, True)


async def test_a_clock_that_jumps_prolongs_no_cooldown(
    harness: SessionHarness, jump: Callable[[], None]
):
    await harness.start()
    await harness.change_preferences({"cooldown": 60})
    jump()
    await harness.write("Rain.")
