"""Tests of the corpus of scenes: what frames can say, what the check finds, what is drawn."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from training.cli import main
from training.data.corpora.scenes import volumes
from training.data.corpora.scenes.drawing import Drawer
from training.data.corpora.scenes.frames import FRAMES, Source, read_source
from training.data.corpora.screenplays import FILMS
from training.data.texts import collect
from training.errors import CorpusError

from .frame_check import compile_unmet_words, find_faults

LISTS = """
animal: owl | goose | mouse
animal (held out): armadillo
thing (it): cup | key | hat
food: soup (some)
relative: aunt (she) | uncle (he)
room: attic
outdoors: lake
woman: Ann | Eve | Amy | Ida | Fay
man: Bob | Tom | Sam | Max | Leo
stage woman: Augusta
stage man: Algernon
"""

WOMEN = ("Ann", "Eve", "Amy", "Ida", "Fay")

FRAME = """
=== {title}
PLACE: INT. {{room}} - DAY | INT. HALL - NIGHT
room: @room
beast: @animal
A: Frame {title}, there is {{a beast}}. | {title}: look, {{a beast}}. | {title}. See {{a beast}}.
B: What {{beast}}? | Which {{beast}}? | No {{beast}} is here.
- {{A}} runs. | {{A}} sits. | {{A}} waits.
"""


def source(folder: Path, *frames: str, lists: str = LISTS) -> Source:
    (folder / "lists.txt").write_text(lists, encoding="utf-8")
    (folder / "some.txt").write_text("\n".join(frames), encoding="utf-8")
    return read_source(folder)


def draw(folder: Path, *lines: str, seed: int = 1) -> list[str]:
    """Return the elements of a scene."""
    read = source(folder, "=== one", "PLACE: INT. HALL - DAY", *lines)
    return Drawer(read.frames[0], read.lists, seed).draw().split("\n\n")[1:]


@pytest.fixture(scope="module")
def shipped() -> Source:
    return read_source(FRAMES)


@pytest.fixture(scope="module")
def corpus(shipped: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes")
    volumes.write(shipped, out, drawings=1, seed=1)
    return out


@pytest.fixture
def many(tmp_path: Path) -> Source:
    """Return frames for several volumes; each says its number in its first line."""
    frames = {number: FRAME.format(title=number) for number in range(100, 230)}
    for number in range(100, 230, 30):
        frames[number] = frames[number].replace(f"=== {number}", f"=== {number} (held out)")
    return source(tmp_path, *frames.values())


# The shipped frames


def test_the_shipped_frames_pass_the_check(shipped: Source):
    assert not list(map(str, find_faults(shipped)))


def test_no_learned_text_has_a_held_out_word(shipped: Source, corpus: Path):
    words = compile_unmet_words(shipped.lists)
    learned = [*FILMS.glob("*.fountain"), *(corpus / "train").rglob("*.fountain")]
    assert not [file for file in learned if words.search(file.read_text().lower())]
    listed = [word.text for words in shipped.lists.values() for word in words.learned]
    assert not list(filter(words.search, listed))


def test_the_shipped_corpus_is_split(corpus: Path):
    split = collect([corpus])
    assert {text.folder for text in split.train} == {"scenes", "stage-scenes"}
    names = {text.name for text in split.validation}
    assert names == {"frames-film", "frames-stage", "unmet-words"}
    assert not [text.name for text in split.train if re.search(r"[{}|]", text.content)]


# What frames can say


def test_slots_write_articles_and_plurals(tmp_path: Path):
    said = "A: {A beast}, {an beast}, {beast.s}, {a dish}, {Dish.s}."
    [speech] = draw(tmp_path, "a: b", "beast: owl", "dish: @food", said)
    assert speech.endswith("\nAn owl, an owl, owls, some soup, Soup.")


def test_a_capital_begins_a_sentence(tmp_path: Path):
    said = "A: {Who}, {who}, {Who.He}, {who.His}, {A.He}."
    [speech] = draw(tmp_path, "who: the aunt (she)", said)
    assert re.search(r"\nThe aunt, the aunt, She, Her, (She|He)\.", speech)


@pytest.mark.parametrize(
    ("who", "pronouns"),
    [
        ("the aunt (she)", {"she her her herself"}),
        ("the cat (it)", {"it it its itself"}),
        ("my parents (they)", {"they them their themselves"}),
        ("my {kin}", {"she her her herself"}),
        ("{A}", {"she her her herself", "he him his himself"}),
        ("the baker", {"she her her herself", "he him his himself"}),
    ],
)
def test_people_and_things_have_pronouns(tmp_path: Path, who: str, pronouns: set[str]):
    lines = ("kin: aunt (she)", f"who: {who}", "A: {who.he} {who.him} {who.his} {who.himself}")
    found = {draw(tmp_path, *lines, seed=n)[0].partition("\n")[2] for n in range(20)}
    assert found == pronouns


def test_a_member_of_the_cast_keeps_a_name_and_a_pronoun(tmp_path: Path):
    lines = ("who: {B}", "B: {B.he} {who.he} {who}", "- {B} {B.he}")
    for seed in range(10):
        first, action = draw(tmp_path, *lines, seed=seed)
        cue, pronoun, same, name = re.split(r"\s", first)
        assert name.upper() == cue
        assert pronoun == same == ("she" if name in WOMEN else "he")
        assert action == f"{name} {pronoun}"


def test_people_are_addressed_by_their_sex(tmp_path: Path):
    speeches = [draw(tmp_path, "A: {A.Sir}, my {A.lord}.", seed=n)[0] for n in range(9)]
    said = {speech.partition("\n")[2] for speech in speeches}
    assert said == {"Sir, my lord.", "Madam, my lady."}


def test_linked_slots_are_drawn_together(tmp_path: Path):
    lines = ("fruit/color: plum/blue | lime/green", "A: {fruit} {color}")
    found = {draw(tmp_path, *lines, seed=seed)[0].partition("\n")[2] for seed in range(20)}
    assert found == {"plum blue", "lime green"}


def test_slots_of_one_list_draw_different_words(tmp_path: Path):
    for seed in range(20):
        lines = ("one: @animal", "two: @animal", "three: @animal", "A: {one} {two} {three}")
        words = draw(tmp_path, *lines, seed=seed)[0].split()[1:]
        assert sorted(words) == ["goose", "mouse", "owl"]


def test_a_frame_never_draws_a_word_or_name_that_it_says_itself(tmp_path: Path):
    for seed in range(20):
        scene = draw(tmp_path, "beast: @animal", "A: Ann, no owl, no {beast}.", seed=seed)[0]
        assert scene.count("owl") == 1
        assert "ANN" not in scene


def test_parentheticals_are_drawn_now_and_then(tmp_path: Path):
    scenes = [draw(tmp_path, "A (to {B}): Yes.", seed=seed)[0] for seed in range(100)]
    assert 55 < sum(bool(re.search(r"\(to [A-Z]\w+\)\n", scene)) for scene in scenes) < 85


def test_a_place_without_int_or_ext_is_on_the_stage(tmp_path: Path):
    lines = ("PLACE: A morning-room", "A: Well.", "PLACE: The hall", "A: So.")
    read = source(tmp_path, "=== one", *lines)
    scene = Drawer(read.frames[0], read.lists, 1).draw()
    assert read.frames[0].kind == "stage"
    assert scene.split("\n\n")[::2] == [".A MORNING-ROOM", ".THE HALL"]
    assert "AUGUSTA" in scene or "ALGERNON" in scene


def test_the_example_of_the_page_passes_the_check(tmp_path: Path):
    page = (FRAMES / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    lists = (FRAMES / "lists.txt").read_text(encoding="utf-8")
    assert not list(map(str, find_faults(source(tmp_path, example, lists=lists))))


# What is drawn


def test_alternatives_are_used_equally_often(many: Source):
    drawer = Drawer(many.frames[0], many.lists, 1)
    actions = Counter(drawer.draw().split()[-1] for _ in range(9))
    assert actions == {"runs.": 3, "sits.": 3, "waits.": 3}


def test_no_scene_stands_near_another_one_of_its_frame(many: Source, tmp_path: Path):
    out = tmp_path / "out"
    volumes.write(many, out, drawings=3, seed=1)
    counts = Counter[str]()
    for volume in (out / "train" / "scenes").iterdir():
        numbers = re.findall(r"\d{3}", volume.read_text())
        assert 25 < len(numbers) < 60
        assert len(set(numbers)) == len(numbers)
        counts.update(numbers)
    assert set(counts.values()) == {3}
    held_out = set(re.findall(r"\d{3}", (out / "validation" / "frames-film.fountain").read_text()))
    assert held_out | set(counts) == {frame.title for frame in many.frames}
    assert not held_out & set(counts)


def test_held_out_words_are_drawn_into_one_volume(many: Source, tmp_path: Path):
    volumes.write(many, tmp_path / "out", drawings=2, seed=1)
    having = {file.name for file in tmp_path.rglob("*.fountain") if "armad" in file.read_text()}
    assert having == {"unmet-words.fountain"}
    unmet = (tmp_path / "out" / "validation" / "unmet-words.fountain").read_text()
    assert not re.search("owl|goose|mouse", unmet)


def test_the_seed_decides_the_text(many: Source, tmp_path: Path):
    texts = []
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        volumes.write(many, tmp_path / name, drawings=2, seed=seed)
        files = sorted((tmp_path / name).rglob("*.fountain"))
        texts.append([file.read_text() for file in files])
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


# What the check finds

SOUND = FRAME.format(title="Sound").strip()


def test_a_sound_frame_has_no_faults(tmp_path: Path):
    assert not find_faults(source(tmp_path, SOUND))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("{A} runs.", "{A} runs to the {den}.", 7, "no slot {den}"),
        ("{A} runs.", "{A} runs in {A.hers} hat.", 7, "no form {A.hers}"),
        ("{A} runs.", "{A} runs from a {beast}.", 7, "write {a thing}"),
        ("{A} runs.", "{A} runs from {beast}s.", 7, "write {thing.s}"),
        ("{A} runs.", "{A} runs. {beast.he} sits.", 7, "begins a sentence"),
        ("{A} runs.", "{beast} runs.", 7, "begins a sentence"),
        ("{A} runs.", "runs.", 7, "small letter"),
        ("{A} runs.", "{A}  runs.", 7, "a space too many"),
        ("{A} runs.", "{A} runs…", 7, "not ASCII"),
        ("{A} runs.", "{A} runs from the armadillos.", 7, "held out"),
        ("{A} runs.", "{A} runs" + " and runs" * 13, 7, "too long"),
        ("{A} runs.", "{A} waits.", 7, "stands twice"),
        ("{A} runs. | ", "", 7, "only 2 alternatives"),
        ("- {A}", "# {A}", 1, "2 lines"),
        ("B: ", "B (to {C.them}): ", 6, "no form {C.them}"),
        ("INT. {room}", "EXT. {room}", 2, "EXT. with a word of @room"),
        ("INT. {room}", "The {room}", 1, "some places"),
        ("@room", "@rooms", 3, "no list @rooms"),
        ("@room", "@room\nthing: @thing", 4, "never used"),
        ("@room", "a (small) room | an attic\nwho: {a room}", 4, "never used"),
        ("@animal", "the owl | the goose", 5, "two articles with"),
        ("{A} runs.", "{A} loves the {beast}.\nbeast: a goose | an owl", 7, "two articles with"),
        ("beast:", "beast/den:", 4, "linked slots take no list"),
        ("beast: @animal", "beast/den: owl/tree | goose", 4, "2 words between slashes"),
    ],
)
def test_the_check_finds_a_fault(tmp_path: Path, old: str, new: str, line: int, said: str):
    faults = find_faults(source(tmp_path, SOUND.replace(old, new, 1)))
    assert [fault for fault in faults if fault.line == line and said in fault.text]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("- {A}", "-- {A}", "txt:7 is no line of a frame"), ("=== ", "== ", "txt:1: a frame begins")],
)
def test_a_line_that_is_not_of_the_format_is_refused(tmp_path: Path, old: str, new: str, said: str):
    with pytest.raises(CorpusError, match=said):
        source(tmp_path, SOUND.replace(old, new, 1))


def test_the_check_compares_frames(tmp_path: Path):
    frames = [FRAME.format(title=n) for n in (100, 101, 102, 103, 104, 104)]
    said = [fault.text for fault in find_faults(source(tmp_path, *frames))]
    assert sum("stands in 5 frames" in text for text in said) == 6 * 5
    assert sum("the title stands in some.txt" in text for text in said) == 1


# The command


def test_the_command_writes_and_samples(many: Source, tmp_path: Path, capsys):
    del many
    command = ["corpus", "scenes", "--from", str(tmp_path)]
    assert main([*command, "--sample", "2", "--only", "117"]) == 0
    assert capsys.readouterr().out.count("=== 117") == 2
    assert main([*command, "--out", str(tmp_path / "out"), "--drawings", "3"]) == 0
    assert len(collect([tmp_path / "out"]).train) > 4
    out = tmp_path / "out"
    train = f"{sys.executable} -m training train {out} --out {Path('runs', 'out')}"
    assert capsys.readouterr().out.endswith(f" scenes are in {out}. Next: {train}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name a folder with --out"),
        (["--sample", "2", "--only", "zzz"], "No frame fits --kind and --only “zzz”"),
        (["--sample", "0"], "0 is not above 0"),
        (["--from", "{folder}/nowhere", "--sample", "1"], "cannot be read"),
        (["--from", "{folder}/empty", "--sample", "1"], "has no frames"),
        (["--from", "{folder}/wrong", "--sample", "1"], "wrong.txt:3 uses a slot"),
    ],
)
def test_impossible_requests_are_refused(many, tmp_path, capsys, arguments, said):
    del many
    for name in ("empty", "wrong"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lists.txt").write_text(LISTS)
    (tmp_path / "wrong" / "wrong.txt").write_text("=== wrong\nPLACE: INT. A - DAY\nA: {den}")
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    if "--from" not in arguments:
        arguments += ["--from", str(tmp_path)]
    with pytest.raises(SystemExit) as error:
        raise SystemExit(main(["corpus", "scenes", *arguments]))
    assert error.value.code
    assert said in " ".join(capsys.readouterr().err.split())
