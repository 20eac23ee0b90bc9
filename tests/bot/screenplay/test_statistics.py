"""Test the statistics of a script, and their picture."""

import pytest

from bot.i18n.catalogue import speaking
from bot.screenplay.drafts import ERASED_NAME, ERASED_PERSON
from bot.screenplay.free_text import parse_person_text
from bot.screenplay.statistics import (
    ScriptStatistics,
    WriterStatistics,
    compute_share,
    count_script,
    format_minutes,
)
from bot.storage.schema import Line
from bot.ui.lines.looks import format_credit

SCRIPT = "int. - diner\n\nMAYA: Hello you.\n\nJO: Hey.\n\nMAYA (O.S.): Off.\n\nRain on the window."


def lines(text: str, *writers: tuple[int | None, str]) -> list[Line]:
    return [
        Line(kind=element.kind.value, text=element.text, author=author, credit=credit)
        for element, (author, credit) in zip(parse_person_text(text), writers, strict=True)
    ]


def test_lines_words_speakers_and_writers_are_counted():
    who = [(1, "Ann"), (None, "stage"), (1, "Annie"), (2, "Ben"), (2, "Ben")]
    found = count_script(lines(SCRIPT, *who))
    assert (found.lines, found.words, found.scenes) == (5, 10, 1)  # a dash is no word
    assert found.characters == (WriterStatistics("MAYA", 2, 3), WriterStatistics("JO", 1, 1))
    assert found.writers == (WriterStatistics("Ben", 2, 5), WriterStatistics("Annie", 2, 3))
    assert found.voices == (WriterStatistics("stage", 1, 2),)
    assert found.pages == pytest.approx(12 / 55)
    assert compute_share(found.writers[0], found) == 0.5


def test_acts_are_no_scenes():
    text = ".ACT ONE\n\n.SCENE 1\n\n.ACT II - NIGHT\n\n.ACT III, SCENE 2\n\n.AKT 3\n\nINT. BAR"
    assert count_script(lines(text, *[(1, "Ann")] * 6)).scenes == 3


def test_the_authors_of_a_file_are_no_names_of_who_imported_it():
    found = lines("Rain falls.\n\nWind.\n\nSnow.", (1, "Zoë"), (1, "Ann"), (2, "Ben"))
    found[0].imported, found[2].former_writers = True, [[1, "Zoë"]]
    assert count_script(found).writers == (
        WriterStatistics("Zoë", 1, 2, rewritten=1),
        WriterStatistics("Ann", 1, 1),
        WriterStatistics("Ben", 1, 1),
    )


def test_an_erased_person_has_a_name_in_the_language_of_the_reader():
    [line] = lines("Rain.", (ERASED_PERSON, ERASED_NAME))
    with speaking("de"):
        assert [writer.name for writer in count_script([line]).writers] == ["jemand"]
        assert format_credit(line) == "jemand"


def test_an_empty_script_has_nothing():
    assert count_script([]) == ScriptStatistics(0, 0, 0, 0.0, (), (), ())
    assert compute_share(WriterStatistics("Ann", 0, 0), count_script([])) == 0


@pytest.mark.parametrize(
    ("pages", "told"),
    [(0.2, "less than a minute"), (1.0, "about 1 minute"), (90.4, "about 90 minutes")],
)
def test_pages_are_shown_as_minutes(pages: float, told: str):
    assert format_minutes(pages) == told
