"""Test the replay of scripts, line by line, by the real voice that wrote them."""

import asyncio
import threading

import pytest

from bot.arrays import Tokens
from bot.generation import provenance
from bot.generation.inputs import PrimedModel
from bot.inference.model import Model
from bot.screenplay.elements import Kind
from bot.screenplay.statistics import count_script
from bot.session import replay
from bot.session.reader import ScriptReader
from bot.session.replay import Finding, ReplayResult, Verdict, replay_script
from bot.session.situations import load_situations
from bot.session.turn import OPENING_WRITER, Job, NewScript
from bot.storage.schema import Line
from bot.ui.pages.replay_report import format_report, format_table
from tests.bot.conftest import Stage, assert_private, run_sql
from tests.bot.playing import ask
from tests.bot.session_harness import SessionHarness

PERSON, ON_BOOK, PROVED, DIFFERENT, UNPROVED = Verdict

TAMPER = "UPDATE lines SET text = 'Nobody ever wrote this.', kind = 'action' WHERE id = "


@pytest.fixture
def _small_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replay, "LINES_AT_ONCE", 2)


async def replayed(harness: SessionHarness, *statements: str) -> ReplayResult:
    """Run statements in the database, and replay the script."""
    if statements:
        run_sql(harness.settings.database, *statements)
    return await replay_script(harness.session, Job())


def verdicts(result: ReplayResult) -> list[Verdict]:
    return [finding.verdict for finding in result.findings]


@pytest.mark.usefixtures("_small_batches")
async def test_lines_with_all_options_are_verified(harness: SessionHarness):
    await harness.start(cast=["MAYA", "JONAS"])
    await harness.store.banned_words.replace_word_list(
        "channel", harness.session.channel, ["the", "and"]
    )
    await harness.continue_script(1, lines=2)
    await harness.continue_script(2, character="MAYA", lines=2, repetition=2.0, min_p=0.1)
    await harness.continue_script(3, kind=Kind.HEADING, temperature=1.4, top_p=0.6)
    await harness.write("Café — 茂.\n\nMAYA: Hail.")
    await harness.change_preferences({"length": 40, "lock": False})
    await harness.continue_script(4, lines=2)
    result = await replayed(harness)
    assert verdicts(result) == [PERSON, *[PROVED] * 5, *[PERSON] * 2, *[PROVED] * 2]
    assert [finding.reasons for finding in result.findings] == [()] * 10
    assert [finding.number for finding in result.findings] == list(range(1, 11))
    assert "all 7 of the voice's lines" in format_report(result)
    assert "People wrote 3 lines." in format_report(result)


async def test_an_opening_that_was_drawn_is_on_books(harness: SessionHarness):
    opening = load_situations()[0].elements
    new = NewScript(title="The Diner")
    await harness.session.library.begin(harness.writer(), new, *opening, author=OPENING_WRITER)
    await harness.continue_script(1)
    await harness.write("Rain.")
    lines = await harness.lines()
    assert [line.credit for line in lines] == ["On Book"] * 3 + ["tiny", "Ann"]
    result = await replayed(harness)
    assert verdicts(result) == [*[ON_BOOK] * 3, PROVED, PERSON]
    assert "People wrote 1 line. On Book wrote the opening: 3 lines." in format_report(result)
    assert format_table(result).count("\tby On Book\tOn Book\t") == 3
    counted = count_script(lines)
    assert {writer.name: writer.lines for writer in counted.writers} == {"On Book": 3, "Ann": 1}
    assert [voice.name for voice in counted.voices] == ["tiny"]
    # It is nobody's who could mind, so that everybody may take it back.
    for _ in range(2):
        await harness.session.history.undo(harness.writer("Ann"))
    for _ in range(3):
        await harness.session.history.undo(harness.writer("Ben"))
    assert await harness.lines() == []


async def test_a_replay_depends_on_the_text_of_the_path_alone(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, lines=3)
    await harness.undo()
    await harness.continue_script(2)
    await harness.retry()
    await harness.fork("Another")
    await harness.continue_script(3)
    result = await replayed(harness, "UPDATE states SET state = zeroblob(length(state))")
    assert verdicts(result) == [PERSON, *[PROVED] * 4]


async def test_later_lines_of_a_turn_remember_what_they_cannot_read(harness: SessionHarness):
    """Check that a replay looks back as far as the turn did, farther than for a line alone."""
    await harness.start()
    await harness.continue_script(1, lines=3, repetition=2.0)
    await harness.write("Rain and rain. " + "茂" * 1400 + "\n\n" + "茂" * 1400)
    await harness.continue_script(2, lines=10, repetition=2.0)
    assert DIFFERENT not in verdicts(await replayed(harness))


async def test_lines_side_by_side_share_one_reader(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    await harness.start()
    await harness.continue_script(1, lines=3)
    opened = list[str]()
    open_model = ScriptReader.open_model

    async def count(reader: ScriptReader, name: str, style: str | None) -> PrimedModel:
        opened.append(name)
        await asyncio.sleep(0)  # as when the model reads its opening
        return await open_model(reader, name, style)

    monkeypatch.setattr(ScriptReader, "open_model", count)
    assert verdicts(await replayed(harness)) == [PERSON, *[PROVED] * 3]
    assert opened == ["tiny"]


async def test_a_script_that_is_read_again_is_encoded_off_the_event_loop(
    harness: SessionHarness, monkeypatch: pytest.MonkeyPatch
):
    await harness.start()
    [line] = await harness.continue_script(1)
    encoded_in = list[threading.Thread]()
    encode = Model.encode

    def note(model: Model, text: str) -> Tokens:
        encoded_in.append(threading.current_thread())
        return encode(model, text)

    primed = await harness.session.reader.open_model("tiny", None)
    run_sql(harness.settings.database, "DELETE FROM states")
    monkeypatch.setattr(Model, "encode", note)
    await harness.session.reader.load_state(primed, line.id)
    assert encoded_in
    assert threading.main_thread() not in encoded_in


async def test_a_copy_is_verified_where_its_original_stands(harness: SessionHarness):
    await harness.start()
    first, _, _ = await harness.continue_script(1, lines=3)
    await harness.write("Thunder.")
    await harness.continue_script(2)
    await harness.rewrite(first, "Rain.")
    [last] = await harness.continue_script(3)
    heading = (await harness.lines())[0]
    await harness.rewrite(heading, "INT. BARN - DAY")
    result = await replayed(harness)
    assert verdicts(result) == [PERSON, PERSON, PROVED, PROVED, PERSON, PROVED, PROVED]
    assert result.findings[-1].line.copy_of == last.id
    # A copy below a line that was rewritten later is still a line that was rewritten.
    assert result.edited == [1, 2]
    assert "Rewritten by hand: lines 1, 2." in format_report(result)
    notes = [row.split("\t")[-1] for row in format_table(result).splitlines()[1:]]
    assert notes == [
        "rewritten by hand",
        "rewritten by hand; a copy",
        *["a copy, verified where it was first written"] * 2,
        "a copy",
        *["a copy, verified where it was first written"] * 2,
    ]
    tampered = await replayed(harness, TAMPER + str(result.findings[3].line.id))
    assert verdicts(tampered)[3] is DIFFERENT


async def test_a_line_that_was_changed_by_hand_differs(harness: SessionHarness):
    await harness.start()
    lines = await harness.continue_script(1, lines=3)
    result = await replayed(harness, TAMPER + str(lines[2].id))
    assert verdicts(result) == [PERSON, PROVED, PROVED, DIFFERENT]
    assert result.findings[3].rewritten == "\n".join(lines[2].element.shown)
    report = format_report(result)
    assert "2 of the voice's 3 lines came out the same." in report
    assert "**4** Nobody ever wrote this\\.\n-# replayed as:" in report


async def test_changing_a_persons_line_changes_the_lines_below(harness: SessionHarness):
    await harness.start()
    written = await harness.write("Rain on the window, and nobody there.")
    spoken = (await harness.continue_script(1, lines=10, repetition=2.0))[0]
    # The changed line repeats the voice's own, which even a forgetful voice avoids to repeat.
    repeat = f"UPDATE lines SET text = text || (SELECT text FROM lines WHERE id = {spoken.id})"  # noqa: S608 - it is a number
    result = await replayed(harness, f"{repeat} WHERE id = {written.lines[0].id}")
    assert DIFFERENT in verdicts(result)


RENAME = "UPDATE lines SET credit = 'muse' WHERE author IS NULL"
REPLACE = "UPDATE provenances SET content = json_set(content, '$.fingerprint', 'f')"
MOVE = (
    "UPDATE provenances SET content ="
    " json_set(content, '$.processor', 'Abacus', '$.onnxruntime', '0')"
)
MOVED = (
    f"onnxruntime changed from 0 to {provenance.ONNXRUNTIME_VERSION}",
    f"the processor changed from Abacus to {provenance.find_processor_name()}",
)


@pytest.mark.parametrize(
    ("statements", "verdict", "reasons"),
    [
        # The file may have another name, because only the voice itself counts.
        ([RENAME], PROVED, ()),
        ([REPLACE], UNPROVED, ("the voice “tiny” has changed",)),
        ([RENAME, REPLACE], UNPROVED, ("the voice “muse” is no longer here",)),
        ([MOVE], PROVED, MOVED),
        ([MOVE, TAMPER + "(SELECT max(id) FROM lines)"], UNPROVED, MOVED),  # noqa: S608 - our own text
    ],
    ids=["renamed voice", "changed voice", "missing voice", "other machine", "other line there"],
)
async def test_a_finding_names_what_has_changed(
    statements: list[str], verdict: Verdict, reasons: tuple[str, ...], harness: SessionHarness
):
    await harness.start()
    await harness.continue_script(1)
    finding = (await replayed(harness, *statements)).findings[-1]
    assert (finding.verdict, finding.reasons) == (verdict, reasons)


async def test_other_banned_words_leave_a_line_unverified(harness: SessionHarness):
    await harness.start()
    [line] = await harness.continue_script(1)
    word = max(line.text.split(), key=len).strip(".,!?:;'()").lower()
    await harness.store.banned_words.replace_word_list("channel", harness.session.channel, [word])
    finding = (await replayed(harness)).findings[-1]
    assert finding.verdict is UNPROVED
    assert finding.reasons == ("the banned words have changed",)


async def test_a_report_shows_text_without_the_marks_of_fountain(harness: SessionHarness):
    await harness.start()
    await harness.write("# Rain")
    line = (await harness.lines())[-1]
    while not line.text.startswith("."):
        [line] = await harness.continue_script(line.id, kind=Kind.HEADING, temperature=1.4)
    result = await replayed(harness, TAMPER + str(line.id))
    assert result.findings[-1].rewritten == line.text[1:]
    assert "\t# Rain\t" in format_table(result)


async def test_a_deleted_original_leaves_its_copy_unverified(harness: SessionHarness):
    await harness.start()
    first, _ = await harness.continue_script(1, lines=2)
    await harness.rewrite(first, "Rain.")
    result = await replayed(harness, "UPDATE lines SET copy_of = 999 WHERE copy_of IS NOT NULL")
    finding = result.findings[-1]
    assert (finding.verdict, finding.rewritten) == (UNPROVED, None)
    assert "cannot be verified" in format_report(result)
    assert format_table(result).splitlines()[-1].endswith("was deleted; a copy")


@pytest.mark.usefixtures("_small_batches")
async def test_a_stopped_replay_keeps_its_findings(harness: SessionHarness):
    await harness.start()
    await harness.continue_script(1, lines=5)
    job = Job()
    replaying = asyncio.ensure_future(replay_script(harness.session, job))
    while job.progress.written < 2:  # noqa: ASYNC110 - nobody sets an event
        await asyncio.sleep(0)
    job.stop()
    result = await replaying
    assert 2 <= len(result.findings) < result.lines == 6
    assert "The replay ended before line" in format_report(result)


@pytest.mark.parametrize(
    ("lines", "named"), [(9, "6, 7, 8, 9."), (10, "6, 7, 8 and 2 more.")], ids=str
)
def test_a_report_counts_the_lines_that_it_does_not_name(lines: int, named: str):
    line = Line(kind="action", text="Rain.", rewrite_of=1)
    findings = tuple(Finding(number, line, PERSON) for number in range(1, lines + 1))
    report = format_report(ReplayResult("The Diner", findings, lines))
    assert f"Rewritten by hand: lines 1, 2, 3, 4, 5, {named}" in report


async def test_a_report_pings_nobody_and_fits_a_message(harness: SessionHarness):
    await harness.start(title="@everyone " * 9)
    lines = await harness.continue_script(1, lines=6)
    text = "@everyone **" + "*`_" * 400
    result = await replayed(harness, f"UPDATE lines SET text = '{text}' WHERE author IS NULL")  # noqa: S608 - our own text
    report = format_report(result)
    assert "@everyone" not in report
    assert len(report) < 1900
    assert len(format_table(result).splitlines()) == len(lines) + 2


async def test_the_command_answers_the_person_alone_by_default(stage: Stage):
    refused = await ask(stage, "script stats", what="replay")
    assert refused.ephemeral
    await stage.ann.slash(stage.channel, "start", title="Untitled")
    refused = await ask(stage, "script stats", what="replay")
    assert "is empty" in refused.content
    await stage.ann.slash(stage.channel, "write", text="Snow.")
    await stage.continue_with_seed(stage.ann, seed=3, lines=10)
    shown = await ask(stage, "script stats", stage.ben, what="replay")
    assert_private(shown, "Replayed all 10 of the voice's lines")
    [file] = shown.attachments
    table = [row.split("\t") for row in (await file.read()).decode().splitlines()]
    assert [row[1] for row in table] == ["result", PERSON, *[PROVED] * 10]
    assert {len(row) for row in table} == {7}
    shown = await ask(stage, "script stats", stage.ben, what="replay", everyone=True)
    assert not shown.ephemeral
