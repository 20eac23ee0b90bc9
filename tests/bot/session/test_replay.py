"""Test the replay of scripts, line by line, by the real voice that wrote them."""

from __future__ import annotations

import asyncio

from bot.generation import provenance
from bot.screenplay.elements import Kind
from bot.session.replay import LINES_AT_ONCE, ReplayResult, Verdict, replay_script
from bot.session.turn import Job
from bot.ui.replay_report import format_report, format_table
from tests.bot.conftest import Stage, answer, start_script
from tests.bot.session_harness import SessionHarness

ALL = (Verdict.PROVED, Verdict.DIFFERENT, Verdict.UNPROVED, Verdict.PERSON)


async def replayed(harness: SessionHarness) -> ReplayResult:
    return await replay_script(harness.session, Job())


def verdicts(found: ReplayResult) -> list[Verdict]:
    return [one.verdict for one in found.findings]


def tampered(line: int) -> str:
    changed = "text = 'Nobody ever wrote this.', kind = 'action'"
    return f"UPDATE lines SET {changed} WHERE id = {line}"  # noqa: S608 - the id is a number


async def test_what_was_written_in_every_way_is_proved(harness: SessionHarness):
    await harness.start(cast=["MAYA", "JONAS"])
    await harness.store.banned_words.replace_word_list(
        "channel", harness.session.channel, ["the", "and"]
    )
    await harness.continue_script(1, lines=4)
    await harness.continue_script(2, character="MAYA", lines=2, repetition=2.0, min_p=0.1)
    await harness.continue_script(3, kind=Kind.HEADING, temperature=1.4, top_p=0.6)
    await harness.write("Café — 茂.\n\nMAYA: Hail.")
    await harness.change_preferences({"length": 40, "lock": False})
    await harness.continue_script(4, lines=3)
    found = await replayed(harness)
    assert verdicts(found) == [
        *[Verdict.PERSON],
        *[Verdict.PROVED] * 7,
        *[Verdict.PERSON] * 2,
        *[Verdict.PROVED] * 3,
    ]
    assert [one.reasons for one in found.findings] == [()] * 13
    assert "all 10 of the voice's lines" in format_report(found)
    assert "People wrote 3 lines." in format_report(found)


async def test_the_way_to_a_line_does_not_matter(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, lines=3)
    await harness.undo()
    await harness.continue_script(2, lines=2)
    await harness.retry()
    await harness.fork("Another")
    await harness.continue_script(3)
    assert verdicts(await replayed(harness)) == [Verdict.PERSON, *[Verdict.PROVED] * 5]


async def test_lines_in_one_turn_remember_what_they_cannot_read(harness: SessionHarness):
    """Check that a replay looks back as far as the turn did, farther than for a line alone."""
    await harness.start()
    await harness.continue_script(1, lines=3, repetition=2.0)
    await harness.write("Rain and rain. " + "茂" * 1400 + "\n\n" + "茂" * 1400)
    await harness.continue_script(2, lines=10, repetition=2.0)
    assert Verdict.DIFFERENT not in verdicts(await replayed(harness))


async def test_a_copy_is_proved_where_it_was_first_written(harness: SessionHarness):
    await harness.start()
    first, _, _ = await harness.continue_script(1, lines=3)
    await harness.write("Thunder.")
    await harness.continue_script(2)
    await harness.rewrite(first, "Rain.")
    mine = await harness.continue_script(3)
    heading = (await harness.lines())[0]
    await harness.rewrite(heading, "INT. BARN - DAY")
    found = await replayed(harness)
    person, proved = Verdict.PERSON, Verdict.PROVED
    assert verdicts(found) == [person, person, proved, proved, person, proved, proved]
    assert found.findings[-1].line.copy_of == mine[0].id
    assert found.edited == [1]
    assert "Rewritten by hand: line 1." in format_report(found)


async def test_nothing_is_taken_from_the_cache(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, lines=3)
    await harness.restart("UPDATE states SET state = zeroblob(length(state))")
    assert verdicts(await replayed(harness)) == [Verdict.PERSON, *[Verdict.PROVED] * 3]


async def test_a_long_script_is_proved_in_pieces(harness: SessionHarness):
    await harness.start()
    for seed in range(2):
        await harness.continue_script(seed, lines=10)
    found = await replayed(harness)
    assert len(found.findings) > 2 * LINES_AT_ONCE
    assert found.filter_by_verdict(*ALL) == [*found.findings]
    assert set(verdicts(found)[1:]) == {Verdict.PROVED}
    assert [one.number for one in found.findings] == list(range(1, 22))


async def test_a_line_that_was_changed_by_hand_is_found(harness: SessionHarness):
    await harness.start()
    lines = await harness.continue_script(1, lines=3)
    await harness.restart(tampered(lines[2].id))
    found = await replayed(harness)
    assert verdicts(found) == [Verdict.PERSON, Verdict.PROVED, Verdict.PROVED, Verdict.DIFFERENT]
    assert found.findings[3].rewritten == lines[2].text
    told = format_report(found)
    assert "2 of the 3 lines by the voice came out the same." in told
    assert "**4** Nobody ever wrote this\\.\n-# replayed as:" in told


async def test_a_copy_that_was_changed_by_hand_is_found(harness: SessionHarness):
    await harness.start()
    first, _ = await harness.continue_script(1, lines=2)
    await harness.rewrite(first, "Rain.")
    copy = (await harness.lines())[-1]
    await harness.restart(tampered(copy.id))
    assert verdicts(await replayed(harness))[-1] is Verdict.DIFFERENT


async def test_a_person_s_line_that_was_changed_shows_below(harness: SessionHarness):
    await harness.start()
    written = await harness.write("Rain on the window, and nobody there.")
    spoken = (await harness.continue_script(1, lines=10, repetition=2.0))[0]
    # The changed line repeats the voice's own, which even a forgetful voice avoids to repeat.
    said = f"UPDATE lines SET text = text || (SELECT text FROM lines WHERE id = {spoken.id})"  # noqa: S608 - it is a number
    await harness.restart(f"{said} WHERE id = {written.lines[0].id}")
    assert Verdict.DIFFERENT in verdicts(await replayed(harness))


async def test_a_voice_that_is_gone_is_told_of(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1)
    await harness.restart("UPDATE lines SET credit = 'muse' WHERE author IS NULL")
    # The file may bear another name, because only the voice itself counts.
    assert verdicts(await replayed(harness))[-1] is Verdict.PROVED
    other = "UPDATE provenances SET content = json_set(content, '$.fingerprint', 'f')"
    await harness.restart(other)
    found = (await replayed(harness)).findings[-1]
    assert found.verdict is Verdict.UNPROVED
    assert found.reasons == ("the voice “muse” is no longer here",)
    await harness.restart("UPDATE lines SET credit = 'tiny' WHERE author IS NULL")
    found = (await replayed(harness)).findings[-1]
    assert found.reasons == ("the voice “tiny” has changed",)


async def test_what_is_not_as_it_was_is_told_of(harness: SessionHarness):
    await harness.start()
    [line] = await harness.continue_script(1)
    await harness.restart(
        "UPDATE provenances SET content ="
        " json_set(content, '$.processor', 'Abacus', '$.onnxruntime', '0')"
    )
    found = (await replayed(harness)).findings[-1]
    assert found.verdict is Verdict.PROVED
    assert found.reasons == (
        f"onnxruntime changed from 0 to {provenance.ONNXRUNTIME_VERSION}",
        f"the processor changed from Abacus to {provenance.find_processor_name()}",
    )
    await harness.restart(tampered(line.id))
    assert verdicts(await replayed(harness))[-1] is Verdict.UNPROVED


async def test_other_words_that_must_not_be_said_are_told_of(harness: SessionHarness):
    await harness.start()
    [line] = await harness.continue_script(1)
    word = max(line.text.split(), key=len).strip(".,!?:;'()").lower()
    await harness.store.banned_words.replace_word_list("channel", harness.session.channel, [word])
    found = (await replayed(harness)).findings[-1]
    assert found.verdict is Verdict.UNPROVED
    assert found.reasons == ("the banned words have changed",)


async def test_an_original_that_was_deleted_is_told_of(harness: SessionHarness):
    await harness.start()
    first, _ = await harness.continue_script(1, lines=2)
    await harness.rewrite(first, "Rain.")
    await harness.restart("UPDATE lines SET copy_of = 999 WHERE copy_of IS NOT NULL")
    found = (await replayed(harness)).findings[-1]
    assert (found.verdict, found.rewritten) == (Verdict.UNPROVED, None)
    assert "cannot be verified" in format_report(await replayed(harness))


async def test_what_is_proved_stays_when_somebody_stops_it(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, lines=10)
    patience = Job()
    work = asyncio.ensure_future(replay_script(harness.session, patience))
    while patience.progress.written < LINES_AT_ONCE - 1:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    patience.stop()
    found = await work
    assert 0 <= len(found.findings) < found.lines == 11
    assert "The replay ended before line" in format_report(found)


async def test_the_command_tells_the_one_who_asked(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=3, lines=10)
    told = answer(await stage.ben.slash(stage.channel, "script replay"))
    assert told.ephemeral
    assert "Replayed all 10 of the voice's lines" in told.content
    [file] = told.attachments
    table = [row.split("\t") for row in (await file.read()).decode().splitlines()]
    assert [row[1] for row in table] == ["result", Verdict.PERSON, *[Verdict.PROVED] * 10]
    assert {len(row) for row in table} == {7}
    shown = answer(await stage.ben.slash(stage.channel, "script replay", everyone=True))
    assert not shown.ephemeral


async def test_the_command_is_refused_where_there_is_nothing(stage: Stage):
    refused = answer(await stage.ann.slash(stage.channel, "script replay"))
    assert refused.ephemeral
    await stage.ann.slash(stage.channel, "start", title="Untitled")
    refused = answer(await stage.ann.slash(stage.channel, "script replay"))
    assert "is empty" in refused.content


async def test_what_was_written_pings_nobody_and_fits(harness: SessionHarness):
    await harness.start(title="@everyone " * 9)
    lines = await harness.continue_script(1, lines=6)
    changed = "UPDATE lines SET text = '@everyone **" + "*`_" * 400 + "' WHERE author IS NULL"
    await harness.restart(changed)
    found = await replayed(harness)
    told = format_report(found)
    assert "@everyone" not in told
    assert len(told) < 1900
    assert len(format_table(found).splitlines()) == len(lines) + 2
