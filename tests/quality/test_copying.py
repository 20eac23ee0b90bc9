"""Tests of lines by heart and of repetitions in continuations."""

from pathlib import Path
from unittest.mock import Mock

from bot.screenplay.fountain import parse_model_text
from tests.quality import __main__ as command
from tests.quality import friends
from tests.quality.copying import find_copied, share_repeated, split_words, table
from tests.quality.friends import Continuation, FriendScene
from training.data.texts import Text

LEARNED = [
    Text("one", "IDA\nThe rain is here, and nobody has come.\n\nTOM\nYes, I know."),
    Text("two", "IDA\nNobody knows\nthe harbour as well as I do."),
]


def continuation(*lines: str, given: str = "IDA\nGood evening.") -> Continuation:
    scene = FriendScene(0, "scene", (parse_model_text(given),), ())
    return Continuation(scene, "tiny", tuple(map(parse_model_text, lines)))


def test_only_lines_of_five_words_in_a_row_of_one_text_are_copied():
    lines = {
        "IDA\n(smiling)\nNobody KNOWS the harbour as well!": True,
        "TOM\nThe rain is here, and nobody has come": True,
        "The rain is here, and nobody has": True,
        "TOM\nThe rain is here, and nobody is.": False,
        "TOM\nYes, I know.": False,
        "TOM\nI know nobody knows the harbour.": False,  # across two texts
        "TOM\nThe harbour as well as I do not know.": False,
    }
    said = {line: split_words(parse_model_text(line)) for line in lines}
    copied = find_copied(said.values(), LEARNED)
    assert {line: words in copied for line, words in said.items()} == lines


def test_repetitions_of_the_scene_and_of_the_lines_themselves_are_counted():
    said = "The goat is in the piano."
    new, again, echo = (
        continuation("TOM\nThree men with a saw."),
        continuation(f"TOM\n{said}", f"IDA\n{said}"),
        continuation(f"TOM\n{said}", given=f"IDA\n{said}"),
    )
    assert share_repeated([new]) == 0
    # A sequence of eight that ends at one of the first seven characters begins before the line.
    assert share_repeated([echo]) == (len(said) - 7) / len(said)
    assert share_repeated([echo]) / 2 <= share_repeated([again]) < share_repeated([echo])
    assert share_repeated([new, echo]) < share_repeated([echo])


def test_the_table_has_the_voice_beside_people():
    found = [continuation("TOM\nNobody knows the harbour.", "TOM\nYes.", "The rain came on.")]
    people = [continuation("TOM\nIt is a fine evening.")]
    shown = table("tiny", found, people, LEARNED)
    # "Nobody knows the harbour." has four words.
    assert "| lines of 5 words and more | 0 | 1 |" in shown
    assert "| of these, word for word in a learned text | - | 0.0% |" in shown
    found = [continuation("TOM\nNobody knows the harbour as well.", "TOM\nIt is not so well now.")]
    shown = table("tiny", found, people, LEARNED)
    assert "| of these, word for word in a learned text | 50.0% | 0.0% |" in shown
    assert shown.endswith("By heart:\nnobody knows the harbour as well")


def test_copied_writes_below_all_scenes_with_all_seeds(
    voices: Path, scenes: Path, capsys, monkeypatch
):
    some = friends.read_scenes()[31:33]  # of both kinds
    monkeypatch.setattr(friends, "read_scenes", lambda: some)
    asked = ["copied", str(voices / "tiny.onnx"), "--set", "quality", "quick", "--seeds", "2"]
    spy = Mock(wraps=table)
    monkeypatch.setattr(command.copying, "table", spy)
    assert command.main([*asked, "--corpus", str(scenes)]) == 0
    _, written, *_ = spy.call_args.args
    titles = [continuation.scene.title for continuation in written]
    assert titles == [scene.title for scene in some * 2]
    assert len({continuation.lines for continuation in written}) == 4
    assert "| | tiny | people |" in capsys.readouterr().out.replace("|  |", "| |")
    assert command.main(asked) == 1
    assert "--corpus" in capsys.readouterr().err
