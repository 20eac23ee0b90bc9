"""Tests of texts: files of every kind, every refusal, and the held-out part."""

import random
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from training.data.texts import MINIMUM, Split, Text, collect, describe, read
from training.errors import TextError

FINAL_DRAFT = """\
<?xml version="1.0" encoding="UTF-8"?>
<FinalDraft DocumentType="Script" Version="5">
  <TitlePage>
    <Content><Paragraph Type="Action"><Text>THE DINER</Text></Paragraph></Content>
  </TitlePage>
  <Content>
    <Paragraph Type="Scene Heading">
      <SceneProperties>
        <Summary><Paragraph><Text>They meet.</Text></Paragraph></Summary>
      </SceneProperties>
      <Text>Int. Diner - Night</Text>
    </Paragraph>
    <Paragraph Type="Action"><Text>Rain on the </Text><Text Style="Bold">window</Text></Paragraph>
    <Paragraph Type="Action"><Text>@home, says the sign.</Text></Paragraph>
    <Paragraph Type="Action"><Text></Text></Paragraph>
    <Paragraph Type="Character"><Text>Maya (V.O.)</Text></Paragraph>
    <Paragraph Type="Parenthetical"><Text>quietly</Text></Paragraph>
    <Paragraph Type="Dialogue">
      <ScriptNote><Paragraph><Text>Too soon?</Text></Paragraph></ScriptNote>
      <Text>You came.</Text>
    </Paragraph>
    <Paragraph Type="Parenthetical"><Text>(turning away)</Text></Paragraph>
    <Paragraph>
      <DualDialogue>
        <Paragraph Type="Character"><Text>Jon</Text></Paragraph>
        <Paragraph Type="Dialogue"><Text>Caf&#233;?</Text></Paragraph>
      </DualDialogue>
    </Paragraph>
    <Paragraph Type="Transition"><Text>Cut to:</Text></Paragraph>
    <Paragraph Type="Scene Heading"><Text>The moon</Text></Paragraph>
    <Paragraph Type="Shot"><Text>Earthrise</Text></Paragraph>
    <Paragraph Type="Transition"><Text>Fade out.</Text></Paragraph>
  </Content>
</FinalDraft>
"""

AS_FOUNTAIN = """\
INT. DINER - NIGHT

Rain on the window

!@home, says the sign.

MAYA (V.O.)
(quietly)
You came.

Turning away

JON
Caf\u00e9?

CUT TO:

.THE MOON

Earthrise

> FADE OUT."""


Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file, with the folders above it."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@cache
def prose(length: int, seed: int = 0) -> str:
    """Return about so many characters of paragraphs, other ones for another seed."""
    numbers = random.Random(seed)
    words = [f"{numbers.randrange(10**6):06}" for _ in range(length // 7)]
    return "\n\n".join(" ".join(words[at : at + 20]) for at in range(0, len(words), 20))


def size(texts: Iterable[Text]) -> int:
    return sum(len(text.content) for text in texts)


def parts(split: Split) -> tuple[tuple[Text, ...], ...]:
    return split.train, split.validation, split.test


def names(split: Split) -> tuple[list[str], ...]:
    return tuple([text.name for text in part] for part in parts(split))


def described(path: Path) -> str:
    return describe(collect([path]))


# One file


def test_blank_lines_spaces_and_accents_are_normalised(write: Write):
    path = write("a.txt", "\n\n  \n\tOne\ttwo  \n\n \n\n\nThree\u0301 \x0bfour\n\n")
    assert read(path) == Text("a", f"{' ' * 8}One two\n\nThre\u00e9\nfour")


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_all_line_breaks_are_read(write: Write, line_break: str):
    path = write("a.txt", line_break.join(["One", "two", "", "", "three", ""]))
    assert read(path).content == "One\ntwo\n\nthree"


@pytest.mark.parametrize(
    "data",
    [
        "Caf\u00e9 \u2014 \U0001f3ad\n\nTwo".encode(),
        "Caf\u00e9 \u2014 \U0001f3ad\n\nTwo".encode("utf-8-sig"),
        b"\xff\xfe" + "Caf\u00e9 \u2014 \U0001f3ad\r\n\r\nTwo".encode("utf-16-le"),
        b"\xfe\xff" + "Caf\u00e9 \u2014 \U0001f3ad\r\n\r\nTwo".encode("utf-16-be"),
    ],
)
def test_unicode_is_read_with_and_without_a_byte_order_mark(write: Write, data: bytes):
    assert read(write("a.txt", data)).content == "Caf\u00e9 \u2014 \U0001f3ad\n\nTwo"


@pytest.mark.parametrize(
    "data",
    [
        b"Good\r\nCaf\xe9 au lait",
        b"\xef\xbb\xbfGood\n\nCaf\xe9",
        b"\xff\xfea\0\n\0\x00\xd8b\0",
        b"\xff\xfea\0b",
        b"\x89PNG\r\n\0\0",
        b"plain\0\xff",
        b"\xff\xfea\0\0\0",
        b"\xff\xfe\0\0a\0\0\0",
    ],
)
def test_binary_files_and_other_encodings_are_refused(write: Write, data: bytes):
    path = write("old.txt", data)
    with pytest.raises(TextError) as refusal:
        read(path)
    told = f"{path} is not text in UTF-8: save it as UTF-8, or leave it out."
    assert str(refusal.value) == told
    other = write("other.txt", data)
    with pytest.raises(TextError) as refusal:
        collect([path, write("good.txt", "Words"), other])
    assert str(refusal.value) == f"{told}\n{told.replace(str(path), str(other))}"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{\\rtf1\\ansi NORA}", "RTF"),
        (b"%PDF-1.4\n\0", "PDF"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>", "HTML"),
        (b"<HTML>", "HTML"),
    ],
)
def test_other_kinds_behind_the_name_of_a_text_are_refused(write: Write, data: bytes, kind: str):
    with pytest.raises(TextError, match=f"looks like {kind}: save it as plain text"):
        read(write("a.txt", data))


@pytest.mark.parametrize(
    ("name", "kind"), [("a.docx", "a .docx file"), ("notes", "a file without a suffix")]
)
def test_unknown_kinds_are_refused_and_the_known_ones_named(write: Write, name: str, kind: str):
    path = write(name, "Words")
    with pytest.raises(TextError) as refusal:
        read(path)
    expected = f"{path} is {kind}: save it as one of .fountain, .txt, .md and .fdx."
    assert str(refusal.value) == expected


@pytest.mark.parametrize("use", [read, lambda path: collect([path])])
def test_missing_paths_are_refused(tmp_path: Path, use: Callable[[Path], object]):
    with pytest.raises(TextError, match=r"There is no .*gone\.docx: check the name\."):
        use(tmp_path / "gone.docx")


# Fountain


@pytest.mark.parametrize("suffix", ["fountain", "TXT"])
@pytest.mark.parametrize(
    "page",
    [
        "Title: The Diner\nAuthor: Ann\n",
        "Title:\n    _The Diner_\n\tor not\nDraft date: 1/1/2026\n",
        "\n\nTITLE: X\r\nFont: bar\r\n",
    ],
)
def test_title_pages_are_dropped(write: Write, suffix: str, page: str):
    assert read(write(f"a.{suffix}", page + "\nINT. DINER\n")).content == "INT. DINER"


@pytest.mark.parametrize("suffix", ["fountain", "txt"])
@pytest.mark.parametrize(
    "start",
    [
        "FADE IN:\n\nINT. DINER",
        "First Citizen:\nBefore we go, hear me speak.",
        "JON: You came.\nMAYA: I did.\nAUTHOR: I wrote you.\n\nMore.",
        "AUTHOR: I wrote you.\nJON: You did.\n\nMore.",
        "Title: as they say\nis not all.",
    ],
)
def test_text_that_is_no_title_page_is_kept(write: Write, suffix: str, start: str):
    assert read(write(f"a.{suffix}", start)).content == start


def test_a_page_of_fountain_has_any_keys(write: Write):
    page = "Title: The Diner\nWritten by: Jo\nEpisode: 3\nContact:\n    Street 1\n\n"
    assert read(write("a.fountain", f"{page}INT. DINER")).content == "INT. DINER"
    # Speakers come back.
    kept = "Nora: Hello.\nBen: Hi.\nNora: No.\n\nMore."
    assert read(write("a.fountain", f"Title: X\n{kept}")).content == kept


def test_speech_directly_below_a_title_page_is_kept(write: Write):
    speech = "JON: You came.\nMAYA: I did.\nAUTHOR: I wrote you.\n\nMore."
    for page in ("Title: The Diner\n", "Author:\n  Ann\nDate: 2020\n", "Note: old\n"):
        for suffix in ("fountain", "txt"):
            assert read(write(f"a.{suffix}", page + speech)).content == speech


def test_notes_and_comments_are_dropped_from_fountain(write: Write):
    script = (
        "# Act one\n\n= They meet.\n\n===\n\nINT. DINER\n\n[[Is it?]]\n\nRain [[much\nrain]] falls."
        "\n\nMAYA\n[[how?]]\nYou came[[?]].\nNow. [[good]]\n\n/* JON\nNo.\n\n## cut */\n\nMore/**/!"
        "\n\nMaya enters. /* slowly? */\n\nTom /* or Ann */ leaves."
    )
    expected = "INT. DINER\n\nRain falls.\n\nMAYA\nYou came.\nNow.\n\nMore!"
    expected += "\n\nMaya enters.\n\nTom leaves."
    assert read(write("a.fountain", script)).content == expected
    assert read(write("a.txt", script)).content == script
    unclosed = "One [[two\n\nthree]] four /* five"
    assert read(write("a.fountain", unclosed)).content == unclosed


def test_marks_of_fountain_are_dropped(write: Write):
    script = (
        "INT. BAR - NIGHT #12A#\n\n.CODA #3#\n\n@McCLANE (O.S.)\nYes.\n\nIDA ^\n~La, la.\n\n"
        "@\u5b89\u5a1c\nOh.\n\n@home\n\n2 ^\n\n> THE END <\n\n> CUT TO:\n\nIDA\nI\n"
    )
    expected = (
        "INT. BAR - NIGHT\n\n.CODA\n\nMCCLANE (O.S.)\nYes.\n\nIDA\nLa, la.\n\n"
        "@\u5b89\u5a1c\nOh.\n\n@home\n\n2 ^\n\nTHE END\n\n> CUT TO:\n\nIDA\nI"
    )
    assert read(write("a.fountain", script)).content == expected


@pytest.mark.parametrize("suffix", ["fountain", "txt"])
def test_ends_of_pages_are_dropped(write: Write, suffix: str):
    script = (
        "IDA\nNo.\n(MORE)\n\n12.\n\nCONTINUED: (2)\n\nIDA (CONT'D)\nOh.\n\nRain.\n\n(CONTINUED)\n\n"
        "CONTINUED:\n\nIDA\n(more)\n12.\n\n3.\n\nMORE\n\n(MORE)"
    )
    expected = "IDA\nNo.\n\nIDA (CONT'D)\nOh.\n\nRain.\n\nIDA\n(more)\n12.\n\n3.\n\nMORE"
    assert read(write(f"a.{suffix}", script)).content == expected


# Markdown and Final Draft


def test_plays_in_markdown_become_fountain(write: Write):
    play = "# A Play\n\n## ACT I\n\n### SCENE I. A room.\n\n**Ann**  \nYes.\n\n**Bob**  \nNo.\n"
    for text in (play, play.replace("\n", "\r\n")):
        assert read(write("a.md", text)).content == ".A ROOM\n\nANN\nYes.\n\nBOB\nNo."
    # Names that are misprints elsewhere.
    play = "# A Play\n\n**Shepard**  \nYes.\n\n**KATARINA**  \nNo.\n"
    assert read(write("a.md", play)).content == "SHEPARD\nYes.\n\nKATARINA\nNo."


def test_screenplays_in_markdown_become_fountain(write: Write):
    script = (
        "# A Script\n\nTitle: It\nAuthor: Ann\n\n**INT. BAR &ndash; NIGHT**\n\n***\n\nRain on the "
        "*window\nof a __bar__*.\n\n**Maya:**  \n_(softly)_\nHello, snake_case_ _x_y.\\\nIt is 2 * "
        "3 * 4.\n\n* * *\n\nShe *goes.\n\n# A room\nDark* \\*stars\\*.\n\n**BOB**\\\nNo &amp; no.\n"
    )
    expected = (
        "INT. BAR \u2013 NIGHT\n\nRain on the window\nof a bar.\n\nMAYA\n(softly)\nHello, "
        "snake_case_ _x_y.\nIt is 2 * 3 * 4.\n\nShe *goes.\n\n.A ROOM\n\nDark* *stars*.\n\nBOB\n"
        "No & no."
    )
    for text in (script, script.replace("\n", "\r\n")):
        assert read(write("a.md", text)).content == expected
    heading = "# INT. BAR - NIGHT\n\nRain."
    assert read(write("a.md", heading)).content == heading.removeprefix("# ")


def test_bold_names_with_a_blank_line_or_a_colon_are_cues(write: Write):
    speeches = ["**NORA**\n\nWhere?", "**OLLIE:** There.", "**Nora**: No.", "**OLLIE**\nYes."]
    script = "# It\n\n## INT. BAR - NIGHT\n\n" + "\n\n".join([*speeches, "**Nora**\n\nOh."])
    expected = (
        "INT. BAR - NIGHT\n\nNORA\nWhere?\n\nOLLIE\nThere.\n\nNORA\nNo.\n\nOLLIE\nYes.\n\nNORA\nOh."
    )
    assert read(write("a.md", script)).content == expected


def test_bold_lines_that_are_no_names_are_kept(write: Write):
    scene = (
        "## INT. BAR - NIGHT\n\n**Title:** It\n\n**A shot!**\n\nShe runs.\n\n**CUT TO:**\n\nRain."
    )
    scene += "\n\n**OLLIE**\n\nNo.\n\n**ACT TWO**\n\nWind.\n\n**OLLIE**\n\nOh."
    scene += "\n\n**THE END**\n\n# EXT. PIER\n\n**NORA**\n\n*(softly)*\n\nYes."
    expected = "INT. BAR - NIGHT\n\nTitle: It\n\nA shot!\n\nShe runs.\n\nCUT TO:\n\nRain."
    expected += "\n\nOLLIE\nNo.\n\nACT TWO\n\nWind.\n\nOLLIE\nOh."
    expected += "\n\nTHE END\n\nEXT. PIER\n\nNORA\n(softly)\nYes."
    assert read(write("a.md", scene)).content == expected
    scene = "## INT. BAR\n\n**Cast:** Nora\n\n**NORA**\nHi.\n\n**BLACKOUT**\n\nSilence."
    expected = "INT. BAR\n\nCast: Nora\n\nNORA\nHi.\n\nBLACKOUT\n\nSilence."
    assert read(write("a.md", scene)).content == expected


def test_other_markdown_is_kept(write: Write):
    notes = "# Notes\n\n**Note**\nThis is *not* a play."
    assert read(write("a.md", notes)).content == notes
    notes = "**How**\n\nBoil them.\n\n**Why**\n\nFor lunch.\n\n**How**\n\nPeel them."
    assert read(write("a.md", notes)).content == notes


def test_final_draft_becomes_fountain(write: Write):
    assert read(write("a.fdx", FINAL_DRAFT)) == Text("a", AS_FOUNTAIN)
    wide = FINAL_DRAFT.replace("UTF-8", "UTF-16").encode("utf-16")
    assert read(write("b.fdx", wide)) == Text("b", AS_FOUNTAIN)
    starts_with_parenthetical = FINAL_DRAFT.replace("Caf&#233;?", "(laughs) Caf&#233;?")
    expected = AS_FOUNTAIN.replace("Caf\u00e9?", "(laughs) Caf\u00e9?")
    assert read(write("c.fdx", starts_with_parenthetical)).content == expected


@pytest.mark.parametrize(
    "content",
    [
        "<FinalDraft>\n<Content>\n</FinalDraft>",
        "",
        "<html><Content></Content></html>",
        "<FinalDraft></FinalDraft>",
        '<?xml version="1.0" encoding="odd"?><a/>',
        '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "c">]><FinalDraft>&b;</FinalDraft>',
    ],
)
def test_unreadable_final_draft_is_refused(write: Write, content: str):
    with pytest.raises(TextError, match=r"bad\.fdx is not .* script: save it again in Final Draft"):
        read(write("bad.fdx", content))


# Many files


def test_names_and_folders_do_not_change_what_is_held_out(write: Write):
    for seed in range(20):
        write(f"a/{seed}.txt", prose(5_000, seed))
        write(f"b/{99 - seed}.txt", prose(5_000, seed))
    first, other = (collect([write(f"{name}/.x", "").parent]) for name in "ab")
    assert [{t.content for t in part} for part in parts(first)] == [
        {t.content for t in part} for part in parts(other)
    ]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 10, 20])
@pytest.mark.parametrize("growth", [0, 0.04, 0.5])
def test_at_most_a_third_is_held_out(write: Write, count: int, growth: float):
    lengths = [round(40_000 / count * (1 + growth * n)) for n in range(count)]
    files = [write(f"{n}.txt", prose(length, n)) for n, length in enumerate(lengths)]
    split = collect(files)
    total = sum(size(part) for part in parts(split))
    assert split.validation
    assert size(split.validation) + size(split.test) <= total / 3
    if count < 5:
        assert not split.test
    if count >= 10:
        assert split.test
        assert size(split.validation) >= 0.05 * total
    learned = {text.content for text in split.train}
    assert not learned & {text.content for text in (*split.validation, *split.test)}


def test_a_long_text_among_short_ones_is_not_held_out(write: Write):
    lengths = [200_000, *[5_000] * 5]
    split = collect([write(f"{n}.txt", prose(length, n)) for n, length in enumerate(lengths)])
    assert "0" in names(split)[0]
    assert split.validation
    assert split.test


def test_of_two_texts_the_end_of_one_is_held_out(write: Write):
    split = collect([write("a.txt", prose(30_000)), write("b.txt", prose(31_000, 1))])
    assert names(split) == (["a", "b"], ["b"], [])
    assert 0.08 < size(split.validation) / 31_000 < 0.12


def test_of_one_text_the_last_tenth_is_held_out(write: Write):
    content = prose(40_000)
    (start,), (end,), test = parts(collect([write("a" * 251 + ".txt", content)]))
    assert not test
    assert len(f"{end.name}-2.fountain") < 255
    assert f"{start.content}\n\n{end.content}" == content
    assert 0.095 < len(end.content) / len(content) < 0.105


@pytest.mark.parametrize("joint", ["\n", "."])
def test_a_text_without_blank_lines_is_split_too(write: Write, joint: str):
    content = prose(40_000).replace("\n\n", joint).replace(" ", "-")
    (start,), (end,), _ = parts(collect([write("a.txt", content)]))
    assert ("\n" if "\n" in content else "").join([start.content, end.content]) == content
    assert 0.095 < len(end.content) / len(content) < 0.105


def test_a_text_is_not_split_at_a_far_blank_line(write: Write):
    content = "Prologue\n\n" + prose(40_000).replace("\n\n", " ")
    (start,), _, _ = parts(collect([write("a.txt", content)]))
    assert len(start.content) == pytest.approx(0.9 * len(content), rel=0.01)


def test_folders_are_searched_for_known_kinds(write: Write):
    write("in/deep/er/a.txt", prose(30_000))
    write("in/picture.png", b"\0")
    write("in/.hidden.txt", "hidden")
    write("in/.git/b.txt", "hidden")
    empty = write("in/empty.txt", "\n\n")
    split = collect([(other := write("in/c.docx", "Words")).parent])
    assert names(split) == (["a"], ["a"], [])
    told = f"{other}, {other.with_name('picture.png')}."
    assert f"\nLeft out, because only .fountain, .txt, .md and .fdx are read: {told}" in describe(
        split
    )
    assert f"\nLeft out, because they have no text: {empty}." in describe(split)


def test_runs_in_a_folder_are_skipped(write: Write):
    for name in ("config.json", "vocabulary.json", "samples/5.txt", "heldout/test/b.fountain"):
        write(f"in/runs/mine/{name}", "Written by a run")
    write("in/app/config.json", "{}")
    split = collect([write("in/app/a.txt", prose(30_000)).parents[1]])
    assert names(split) == (["a"], ["a"], [])
    assert "vocabulary" not in describe(split)


def test_a_file_named_twice_is_read_once(write: Write):
    path = write("in/a.txt", prose(30_000))
    split = collect([path, path.parent, path.parent / ".." / "in" / "a.txt", path])
    assert names(split) == (["a"], ["a"], [])
    write("set/train/b.txt", prose(30_000))
    whole = write("set/validation/c.txt", "Held out").parents[1]
    split = collect([whole, whole / "train" / ".."])
    assert names(split) == (["b"], ["c"], [])


def test_copies_of_held_out_texts_are_not_learned(write: Write):
    for seed in range(10):
        write(f"a/{seed}.txt", prose(5_000, seed))
        write(f"b/{seed}.txt", prose(5_000, seed))
    split = collect([write("a/0.txt", prose(5_000)).parent, write("b/0.txt", prose(5_000)).parent])
    contents = [text.content for part in parts(split) for text in part]
    assert len(contents) == len(set(contents)) == 10
    write("set/train/a.txt", prose(30_000, 11))
    folder = write("set/validation/b.txt", prose(5_000)).parents[1]
    split = collect([folder, copy := write("copy.txt", prose(5_000))])
    assert names(split) == (["a"], ["b"], [])
    assert f"\nLeft out, as copies of other texts: {copy}." in describe(split)


def test_texts_of_the_same_name_get_numbers(write: Write):
    for folder, seed in (("one", 0), ("two", 1)):
        write(f"{folder}/train/a.txt", prose(30_000, seed))
        write(f"{folder}/validation/v.txt", prose(3_000, seed + 2))
    write("two/train/a-2.txt", prose(3_000, 9))
    root = write("x.png", "").parent
    assert names(collect([root])) == (["a", "a-2", "a-3"], ["v", "v-2"], [])


def test_a_nested_split_folder_keeps_its_split(write: Write):
    write("in/set/train/deep/a.txt", prose(30_000))
    write("in/set/validation/b.txt", "Held out")
    write("in/set/README.md", "About the set")
    root = write("in/set/other/c.txt", "Neither").parents[2]
    assert names(collect([root])) == (["a"], ["b"], [])
    write("in/set/test/d.txt", "For the end")
    assert names(collect([root])) == (["a"], ["b"], ["d"])
    alone = root / "set" / "validation" / "b.txt"
    assert names(collect([alone, root])) == (["a"], ["b"], ["d"])


def test_split_folders_and_other_texts_are_combined(write: Write):
    write("set/train/a.txt", prose(30_000))
    write("set/validation/b.txt", "Held out")
    other = write("c.txt", prose(10_000, 1))
    assert names(collect([other, other.parent / "set"])) == (["a", "c"], ["b", "c"], [])


def test_a_folder_with_only_one_part_is_not_split(write: Write):
    write("in/train/a.txt", prose(30_000))
    folder = write("in/test/b.txt", prose(30_000, 1)).parents[1]
    split = collect([folder])
    assert sorted(text.name for text in split.train) == ["a", "b"]
    assert len(split.validation) == 1
    assert not split.test


def test_too_little_text_is_refused(write: Write):
    write("set/validation/b.txt", prose(3_000))
    path = write("set/train/a.txt", "x" * (MINIMUM - 1))
    with pytest.raises(TextError) as refusal:
        collect([path.parents[1]])
    assert str(refusal.value) == (
        "There are only 19,999 characters to train on, but 20,000 are needed: add text."
    )
    write("set/train/a.txt", "x" * MINIMUM)
    assert size(collect([path.parents[1]]).train) == MINIMUM
    copies = [write(f"{name}.txt", prose(21_000)) for name in "ab"]
    with pytest.raises(TextError, match=r"needed: add text\. Left out, as copies .*b\.txt\."):
        collect(copies)
    # Held-out text does not count as learned.
    with pytest.raises(TextError, match=r"There are only 1\d,\d{3} characters to train on"):
        collect([write("a.txt", prose(21_000))])


def test_what_was_read_is_told_and_texts_of_little_speech_are_named():
    play = Text("b", "THE PLAY\nIn one act\n\nANN. Yes.", path="b.txt")
    spoken = Text("a", "ANN\nYes.\n\n" * 3, path="a.md")
    split = Split((spoken, play), (Text("c", "@Ann\nNo.\n\n" * 3, path="in/c.fdx"),), ())
    assert describe(split) == (
        "3 texts, 90 characters; held out: in/c.fdx.\nHardly any speech: b.txt. "
        "Put each NAME on a line of its own, in capitals, directly above what is said."
    )


def test_a_text_whose_end_is_held_out_is_told_once(write: Write):
    # Two speeches are learned, and one is held out.
    path = write("mine.txt", "ANN\nYes.\n\n" * 2 + prose(30_000) + "\n\nANN\nNo.")
    told = rf"1 text, [\d,]+ characters; held out: the end of {path}\."
    assert re.fullmatch(told, described(path))


@pytest.mark.parametrize(
    ("blocks", "is_typed"),
    [
        (["MAYA (V.O.)|Yes.", "JON|(softly)|No."] * 3, True),
        (["MAYA|Yes.", "JON|No."] * 2, False),
        ([f"{sign}|Said the sign." for sign in ("EXIT", "BAR", "TO LET", "NO", "PUSH")], False),
        (["CHORUS|La, la."] * 5, False),
        (["TOTAL   12|Apples   7", "SUM   3|Pears   2", "TOTAL   9|Nuts   8"] * 2, False),
    ],
)
def test_typed_pages_are_named(write: Write, blocks: list[str], is_typed: bool):
    page = "\n\n".join(" " * 20 + block.replace("|", "\n" + " " * 10) for block in blocks)
    for indented in (page, page.replace(" " * 20, "\t\t").replace(" " * 10, "\t")):
        path = write("mine.txt", f"A page.\n\n{indented}\n\n{prose(30_000)}")
        assert (
            f"Typed pages, learned with all their blanks: {path}." in described(path)
        ) is is_typed


def test_no_text_at_all_is_refused(write: Write, tmp_path: Path):
    write("in/a.png", "x")
    with pytest.raises(TextError, match="is a folder: name one of the files in it"):
        read(tmp_path)
    with pytest.raises(TextError, match=r"There is no text in .*in: give files of the kinds"):
        collect([tmp_path / "in"])
    with pytest.raises(TextError, match="No text is named: give files"):
        collect([])
    write("set/validation/b.png", "x")
    with pytest.raises(TextError, match="no text to validate on"):
        collect([write("set/train/a.txt", prose(30_000)).parents[1]])
