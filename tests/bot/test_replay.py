"""Test the replay of scripts, line by line, by the real voice that wrote them."""

from __future__ import annotations

import asyncio

from bot.generation import provenance
from bot.screenplay.elements import Kind
from bot.session.replay import LINES_AT_ONCE, ReplayResult, Verdict, replay_script
from bot.session.turn import Job
from bot.ui.replay_report import format_report, format_table

from .conftest import Stage, answer, begin
from .house import House

ALL = (Verdict.PROVED, Verdict.DIFFERENT, Verdict.UNPROVED, Verdict.PERSON)


async def replayed(house: House) -> ReplayResult:
    return await replay_script(house.session, Job())


def verdicts(found: ReplayResult) -> list[Verdict]:
    return [one.verdict for one in found.findings]


def tampered(line: int) -> str:
    changed = "text = 'Nobody ever wrote this.', kind = 'action'"
    return f"UPDATE lines SET {changed} WHERE id = {line}"  # noqa: S608 - the id is a number


async def test_what_was_written_in_every_way_is_proved(house: House):
    await house.start(cast=["MAYA", "JONAS"])
    await house.store.banned_words.replace_word_list(
        "channel", house.session.channel, ["the", "and"]
    )
    await house.carry_on(1, lines=4)
    await house.carry_on(2, character="MAYA", lines=2, repetition=2.0, min_p=0.1)
    await house.carry_on(3, kind=Kind.HEADING, temperature=1.4, top_p=0.6)
    await house.write("Café — 茂.\n\nMAYA: Hail.")
    await house.prefer({"length": 40, "lock": False})
    await house.carry_on(4, lines=3)
    found = await replayed(house)
    assert verdicts(found) == [
        *[Verdict.PERSON],
        *[Verdict.PROVED] * 7,
        *[Verdict.PERSON] * 2,
        *[Verdict.PROVED] * 3,
    ]
    assert [one.reasons for one in found.findings] == [()] * 13
    assert "all 10 of the voice's lines" in format_report(found)
    assert "People wrote 3 lines." in format_report(found)


async def test_the_way_to_a_line_does_not_matter(house: House):
    await house.start()
    await house.carry_on(1, lines=3)
    await house.undo()
    await house.carry_on(2, lines=2)
    await house.retry()
    await house.fork("Another")
    await house.carry_on(3)
    assert verdicts(await replayed(house)) == [Verdict.PERSON, *[Verdict.PROVED] * 5]


async def test_lines_in_one_turn_remember_what_they_cannot_read(house: House):
    """Check that a replay looks back as far as the turn did, farther than for a line alone."""
    await house.start()
    await house.carry_on(1, lines=3, repetition=2.0)
    await house.write("Rain and rain. " + "茂" * 1400 + "\n\n" + "茂" * 1400)
    await house.carry_on(2, lines=10, repetition=2.0)
    assert Verdict.DIFFERENT not in verdicts(await replayed(house))


async def test_a_copy_is_proved_where_it_was_first_written(house: House):
    await house.start()
    first, _, _ = await house.carry_on(1, lines=3)
    await house.write("Thunder.")
    await house.carry_on(2)
    await house.rewrite(first, "Rain.")
    mine = await house.carry_on(3)
    heading = (await house.lines())[0]
    await house.rewrite(heading, "INT. BARN - DAY")
    found = await replayed(house)
    person, proved = Verdict.PERSON, Verdict.PROVED
    assert verdicts(found) == [person, person, proved, proved, person, proved, proved]
    assert found.findings[-1].line.copy_of == mine[0].id
    assert found.edited == [1]
    assert "Rewritten by hand: line 1." in format_report(found)


async def test_nothing_is_taken_from_the_cache(house: House):
    await house.start()
    await house.carry_on(1, lines=3)
    await house.restart("UPDATE states SET state = zeroblob(length(state))")
    assert verdicts(await replayed(house)) == [Verdict.PERSON, *[Verdict.PROVED] * 3]


async def test_a_long_script_is_proved_in_pieces(house: House):
    await house.start()
    for seed in range(2):
        await house.carry_on(seed, lines=10)
    found = await replayed(house)
    assert len(found.findings) > 2 * LINES_AT_ONCE
    assert found.filter_by_verdict(*ALL) == [*found.findings]
    assert set(verdicts(found)[1:]) == {Verdict.PROVED}
    assert [one.number for one in found.findings] == list(range(1, 22))


async def test_a_line_that_was_changed_by_hand_is_found(house: House):
    await house.start()
    lines = await house.carry_on(1, lines=3)
    await house.restart(tampered(lines[2].id))
    found = await replayed(house)
    assert verdicts(found) == [Verdict.PERSON, Verdict.PROVED, Verdict.PROVED, Verdict.DIFFERENT]
    assert found.findings[3].rewritten == lines[2].text
    told = format_report(found)
    assert "2 of the 3 lines by the voice came out the same." in told
    assert "**4** Nobody ever wrote this\\.\n-# replayed as:" in told


async def test_a_copy_that_was_changed_by_hand_is_found(house: House):
    await house.start()
    first, _ = await house.carry_on(1, lines=2)
    await house.rewrite(first, "Rain.")
    copy = (await house.lines())[-1]
    await house.restart(tampered(copy.id))
    assert verdicts(await replayed(house))[-1] is Verdict.DIFFERENT


async def test_a_person_s_line_that_was_changed_shows_below(house: House):
    await house.start()
    written = await house.write("Rain on the window, and nobody there.")
    spoken = (await house.carry_on(1, lines=10, repetition=2.0))[0]
    # The changed line repeats the voice's own, which even a forgetful voice avoids to repeat.
    said = f"UPDATE lines SET text = text || (SELECT text FROM lines WHERE id = {spoken.id})"  # noqa: S608 - it is a number
    await house.restart(f"{said} WHERE id = {written.lines[0].id}")
    assert Verdict.DIFFERENT in verdicts(await replayed(house))


async def test_a_voice_that_is_gone_is_told_of(house: House):
    await house.start()
    await house.carry_on(1)
    await house.restart("UPDATE lines SET credit = 'muse' WHERE author IS NULL")
    # The file may bear another name, because only the voice itself counts.
    assert verdicts(await replayed(house))[-1] is Verdict.PROVED
    other = "UPDATE provenances SET content = json_set(content, '$.fingerprint', 'f')"
    await house.restart(other)
    found = (await replayed(house)).findings[-1]
    assert found.verdict is Verdict.UNPROVED
    assert found.reasons == ("the voice “muse” is no longer here",)
    await house.restart("UPDATE lines SET credit = 'tiny' WHERE author IS NULL")
    found = (await replayed(house)).findings[-1]
    assert found.reasons == ("the voice “tiny” has changed",)


async def test_what_is_not_as_it_was_is_told_of(house: House):
    await house.start()
    [line] = await house.carry_on(1)
    await house.restart(
        "UPDATE provenances SET content ="
        " json_set(content, '$.processor', 'Abacus', '$.onnxruntime', '0')"
    )
    found = (await replayed(house)).findings[-1]
    assert found.verdict is Verdict.PROVED
    assert found.reasons == (
        f"onnxruntime changed from 0 to {provenance.ONNXRUNTIME_VERSION}",
        f"the processor changed from Abacus to {provenance.find_processor_name()}",
    )
    await house.restart(tampered(line.id))
    assert verdicts(await replayed(house))[-1] is Verdict.UNPROVED


async def test_other_words_that_must_not_be_said_are_told_of(house: House):
    await house.start()
    [line] = await house.carry_on(1)
    word = max(line.text.split(), key=len).strip(".,!?:;'()").lower()
    await house.store.banned_words.replace_word_list("channel", house.session.channel, [word])
    found = (await replayed(house)).findings[-1]
    assert found.verdict is Verdict.UNPROVED
    assert found.reasons == ("the banned words have changed",)


async def test_an_original_that_was_deleted_is_told_of(house: House):
    await house.start()
    first, _ = await house.carry_on(1, lines=2)
    await house.rewrite(first, "Rain.")
    await house.restart("UPDATE lines SET copy_of = 999 WHERE copy_of IS NOT NULL")
    found = (await replayed(house)).findings[-1]
    assert (found.verdict, found.rewritten) == (Verdict.UNPROVED, None)
    assert "cannot be verified" in format_report(await replayed(house))


async def test_what_is_proved_stays_when_somebody_stops_it(house: House):
    await house.start()
    await house.carry_on(1, lines=10)
    patience = Job()
    work = asyncio.ensure_future(replay_script(house.session, patience))
    while patience.progress.written < LINES_AT_ONCE - 1:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    patience.stop()
    found = await work
    assert 0 <= len(found.findings) < found.lines == 11
    assert "The replay ended before line" in format_report(found)


async def test_the_command_tells_the_one_who_asked(stage: Stage):
    await begin(stage)
    await stage.go_on(stage.ann, stage.channel, seed=3, lines=10)
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


async def test_what_was_written_pings_nobody_and_fits(house: House):
    await house.start(title="@everyone " * 9)
    lines = await house.carry_on(1, lines=6)
    changed = "UPDATE lines SET text = '@everyone **" + "*`_" * 400 + "' WHERE author IS NULL"
    await house.restart(changed)
    found = await replayed(house)
    told = format_report(found)
    assert "@everyone" not in told
    assert len(told) < 1900
    assert len(format_table(found).splitlines()) == len(lines) + 2
