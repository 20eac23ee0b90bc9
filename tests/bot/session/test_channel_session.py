"""Test the room: a script in play, with a real voice and a real database."""

from __future__ import annotations

import onnxruntime
import pytest

from bot.errors import AlreadyWritten, NoScript, RequestError, StaleLine
from bot.generation.options import resolve_options
from bot.generation.provenance import find_processor_name
from bot.screenplay.elements import Kind
from bot.screenplay.free_text import make_heading
from bot.session.turn import (
    MAX_ELEMENT_LENGTH,
    MAX_LINES,
    NO_SCRIPT,
    ContinueRequest,
    Job,
    NewScript,
    ScriptPosition,
    current_position,
)
from bot.storage.schema import ROOT_LINE
from tests.bot.session_harness import SessionHarness, make_request, texts


async def test_the_first_line_may_be_the_voices(harness: SessionHarness):
    begun = await harness.start(heading=None)
    assert current_position(begun.script).line == ROOT_LINE
    [line] = await harness.continue_script(3)
    assert line.parent is None
    assert await harness.state(line) == await harness.read_from_start([line])


async def test_the_same_seed_gives_the_same_line_and_another_another(harness: SessionHarness):
    await harness.start()
    [first] = await harness.continue_script(5)
    state = await harness.state(first)
    await harness.undo()
    [again] = await harness.continue_script(5)
    assert again.id != first.id
    assert again.text == first.text
    assert await harness.state(again) == state
    await harness.undo()
    [other] = await harness.continue_script(6)
    assert other.text != first.text


async def test_several_lines_are_those_of_one_seed_after_the_other(harness: SessionHarness):
    await harness.start()
    together = await harness.continue_script(2**31 - 2, lines=3, character="MAYA")
    await harness.jump(ScriptPosition(together[0].script, together[0].parent))
    wishes = [(2**31 - 2, "MAYA"), (2**31 - 1, None), (0, None)]
    apart = [(await harness.continue_script(seed, character=name))[0] for seed, name in wishes]
    assert texts(together) == texts(apart)
    assert [line.ordinal for line in together] == [0, 1, 2]


async def test_how_a_line_was_written_is_recorded(harness: SessionHarness):
    await harness.start(temperature=1.3)
    room = harness.session_with(top_p=0.5, line_length=77, temperature=0.2)
    as_the_script = await room.continuation.generate(harness.writer(), ContinueRequest(seed=1))
    as_wished = await room.continuation.generate(
        harness.writer(), make_request(seed=2, temperature=0.4, top_p=0.6, character="MAYA")
    )
    by_chance = await room.continuation.generate(harness.writer(), ContinueRequest())
    origin = {
        "fingerprint": (await harness.voices.engine("tiny")).model.fingerprint,
        "seed": 1,
        **resolve_options({}, {}, harness.settings),
        "temperature": 1.3,
        "limit": 77,
        "kind": None,
        "character": None,
        "cast": [],
        "present": [],
        "candidates": 1,
        "banned": as_the_script.lines[0].origin["banned"],
        "opening": "",
        "processor": find_processor_name(),
        "onnxruntime": onnxruntime.__version__,
    }
    assert as_the_script.lines[0].origin == origin
    assert as_wished.lines[0].origin == origin | {
        "seed": 2,
        "temperature": 0.4,
        "top_p": 0.6,
        "character": "MAYA",
    }
    assert origin["processor"]
    assert origin["banned"]
    # An action has no cue, so turn-taking does not apply to it.
    silent = await harness.session.continuation.generate(
        harness.writer(), make_request(kind=Kind.ACTION, company=2.0)
    )
    assert silent.lines[0].origin["company"] == 0.0
    assert 0 <= by_chance.lines[0].origin["seed"] < 2**31
    assert (await harness.write("Rain.")).lines[0].origin == {}


async def test_a_new_script_takes_its_settings_from_the_house(harness: SessionHarness):
    await harness.start(harness.session_with(temperature=0.3, top_p=0.4))
    script = await harness.session.library.load_script()
    assert (script.options, script.voice) == ({"temperature": 0.3, "top_p": 0.4}, "tiny")


async def test_every_state_is_that_of_reading_the_script_from_the_start(harness: SessionHarness):
    await harness.start()
    await harness.write("Café — “Hm”, 茂 said.\n\nMAYA: #1!\n\n.\n\n...")
    wish = ContinueRequest(seed=1, lines=10, character="MAYA")
    room = harness.session_with(line_length=150, soft_length=0)
    lengths = [
        len(line.text) for line in (await room.continuation.generate(harness.writer(), wish)).lines
    ]
    # Some of these lines ended by themselves, and some were cut.
    assert min(lengths) < 110
    assert max(lengths) > 115
    lines = await harness.lines()
    for end in range(1, len(lines) + 1):
        read = await harness.read_from_start(lines[:end])
        assert await harness.state(lines[end - 1]) == read


@pytest.mark.parametrize(
    "forget",
    [
        "DELETE FROM states",
        "DELETE FROM states WHERE line > (SELECT min(id) + 1 FROM lines)",
    ],
    ids=["all states lost", "some states lost"],
)
async def test_a_script_goes_on_as_if_nothing_had_happened(forget: str, harness: SessionHarness):
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


async def test_what_was_forgotten_is_read_once_and_kept(harness: SessionHarness):
    await harness.start()
    await harness.write("One.\n\nTwo.\n\nThree.")
    lines = await harness.lines()
    await harness.restart("DELETE FROM states WHERE line <> (SELECT min(id) + 1 FROM lines)")
    await harness.continue_script(5)
    kept = [await harness.state(line) is not None for line in lines]
    assert kept == [False, True, False, True]


async def test_another_voice_reads_the_script_again_and_keeps_its_own_state(
    harness: SessionHarness,
):
    await harness.start()
    await harness.write("MAYA: You came.")
    [by_tiny] = await harness.continue_script(5)
    before = await harness.state(by_tiny)
    await harness.restart("UPDATE scripts SET voice = 'other'")
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


async def test_a_change_of_voice_is_told_with_the_next_line_that_is_there(harness: SessionHarness):
    await harness.start()
    await harness.continue_script()
    await harness.change_preferences({"voice": "other"})
    stopped = Job()
    stopped.stop()
    with pytest.raises(RequestError, match="Stopped before the first line"):
        await harness.session.continuation.generate(
            harness.writer(), ContinueRequest(), job=stopped
        )
    await harness.restart()
    with pytest.raises(RequestError, match="Stopped before the first line"):
        await harness.session.continuation.generate(
            harness.writer(), ContinueRequest(), job=stopped
        )
    assert (await harness.undo()).new_model == ""
    assert (await harness.write("Rain.")).new_model == "other"
    assert (await harness.write("Snow.")).new_model == ""


async def test_another_take_is_a_sibling(harness: SessionHarness):
    await harness.start()
    [first] = await harness.continue_script(5, temperature=1.9, top_p=0.8, character="JONAS")
    turn = await harness.retry()
    [second] = turn.lines
    assert (second.parent, second.id) != (first.id, first.id)
    assert second.parent == first.parent
    assert second.text != first.text
    assert second.element.cue == "JONAS"
    how = ("temperature", "top_p", "character")
    assert [second.origin[key] for key in how] == [first.origin[key] for key in how]
    assert texts(await harness.lines()) == ["INT. DINER - NIGHT", second.text]
    assert await harness.state(second) == await harness.read_from_start(await harness.lines())


async def test_a_persons_line_is_not_taken_again(harness: SessionHarness):
    await harness.start()
    with pytest.raises(RequestError, match="The last line is Ann's"):
        await harness.session.continuation.retry(harness.writer("Ben"))
    assert len(await harness.lines()) == 1


async def test_an_old_place_moves_nothing(harness: SessionHarness):
    begun = await harness.start()
    await harness.continue_script(5)
    before = await harness.lines()
    for act in (
        lambda: harness.session.continuation.generate(
            harness.writer(), ContinueRequest(), current_position(begun.script)
        ),
        lambda: harness.session.continuation.retry(
            harness.writer(), current_position(begun.script)
        ),
        lambda: harness.session.history.undo(harness.writer(), current_position(begun.script)),
    ):
        with pytest.raises(StaleLine) as refused:
            await act()
        assert ScriptPosition(refused.value.script, refused.value.line) == current_position(
            begun.script
        )
    assert texts(await harness.lines()) == texts(before)
    now = ScriptPosition(begun.script.id, before[-1].id)
    assert current_position(
        (await harness.session.history.undo(harness.writer(), now)).script
    ) == current_position(begun.script)


async def test_without_a_script_everything_is_refused(harness: SessionHarness):
    room, place = harness.session, ScriptPosition(1, 1)
    for act in (
        room.library.load_script,
        room.library.load_lines,
        room.library.list_characters,
        lambda: room.history.undo(harness.writer()),
        lambda: harness.write("Rain."),
        lambda: harness.continue_script(5),
        lambda: room.continuation.retry(harness.writer()),
        lambda: room.history.jump_to(harness.writer(), place),
    ):
        with pytest.raises(NoScript, match="/start"):
            await act()


async def test_a_script_on_the_shelf_is_left_alone(harness: SessionHarness):
    first = await harness.start(title="First")
    await harness.start(title="Second")
    for act in (
        lambda: harness.session.continuation.generate(
            harness.writer(), ContinueRequest(), current_position(first.script)
        ),
        lambda: harness.session.continuation.retry(
            harness.writer(), current_position(first.script)
        ),
        lambda: harness.session.history.undo(harness.writer(), current_position(first.script)),
        lambda: harness.jump(current_position(first.script)),
    ):
        with pytest.raises(RequestError, match=r"paused\. “Second” is running here now") as refused:
            await act()
        assert not isinstance(refused.value, StaleLine)
    assert (await harness.store.scripts.get_script(first.script.id)).head == first.script.head
    assert len(await harness.lines()) == 1


async def test_too_much_at_once_is_refused_and_not_stored(harness: SessionHarness):
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


async def test_a_delivery_that_comes_twice_is_written_once(harness: SessionHarness):
    await harness.start()
    writer = harness.writer()
    await harness.session.continuation.write(writer, "Rain.")
    for act in (
        lambda: harness.session.continuation.write(writer, "Rain."),
        lambda: harness.session.continuation.generate(writer, ContinueRequest()),
    ):
        with pytest.raises(AlreadyWritten):
            await act()
    assert texts(await harness.lines()) == ["INT. DINER - NIGHT", "Rain."]


async def test_the_cast_comes_first_and_then_who_spoke_last(harness: SessionHarness):
    await harness.start(cast=["MAYA", "JONAS"])
    await harness.write("BOB: One.\n\nANN (V.O.): Two.\n\nMAYA: Three.\n\nRain.")
    await harness.write("BOB: Four.\n\nÉMILE: Five.")
    assert await harness.session.library.list_characters() == [
        "MAYA",
        "JONAS",
        "ÉMILE",
        "BOB",
        "ANN",
    ]
    await harness.undo()
    assert await harness.session.library.list_characters() == ["MAYA", "JONAS", "BOB", "ANN"]


async def test_a_doubled_start_changes_nothing(harness: SessionHarness):
    begun = await harness.start()
    writer = harness.writer()
    two = await harness.session.library.begin(
        writer, NewScript(title="Two"), make_heading("THE HEATH")
    )
    with pytest.raises(AlreadyWritten):
        await harness.session.library.begin(
            writer, NewScript(title="Three"), make_heading("THE HEATH")
        )
    assert (await harness.session.library.load_script()).id == two.script.id != begun.script.id


async def test_only_the_script_that_was_seen_is_shelved(harness: SessionHarness):
    begun = await harness.start()
    for over in (NO_SCRIPT, begun.script.id + 1):
        with pytest.raises(RequestError, match="script was started here"):
            await harness.session.library.begin(
                harness.writer(), NewScript(title="Two", replaced=over)
            )
    assert (await harness.session.library.load_script()).id == begun.script.id
    await harness.session.library.begin(
        harness.writer(), NewScript(title="Two", replaced=begun.script.id)
    )
    assert not (await harness.session.library.find(begun.script.id)).running
