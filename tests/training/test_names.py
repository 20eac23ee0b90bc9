"""Names that are drawn anew."""

import re
import string

from training.names import Names
from training.run import Config
from training.train import encoded_text
from training.vocabulary import Vocabulary

LEAR = """.A ROOM

Enter ORLANDO and the first witch

ORLANDO
Good morrow, Balthasar. Where's the witch?

FIRST WITCH
Here. Orlando's late.

BALTHASAR
Call me Orlando, not ORLANDO.

FIRST WITCH
Orlandos all.

ORLANDO
Adieu.

BALTHASAR
Adieu."""

TALK = """Rosalind:
Peace.

Celia:
Peace, Rosalind.

Rosalind:
Peace, Celia.

Celia:
Peace."""


# People who only lend their names.
NAMES = ["ADRIANA", "BEATRICE", "BENEDICK", "CORDELIA", "DEMETRIUS", "EMILIA", "GERTRUDE"]
OTHERS = "\n\n".join(f"{name}\nPeace." for name in 2 * NAMES)


def names(share: float = 1.0, seed: int = 1) -> Names:
    return Names([LEAR, TALK, OTHERS], set(string.ascii_letters), share, seed)


def test_names_are_the_words_of_cues_that_are_no_ordinary_words():
    assert names().of[:2] == [["BALTHASAR", "ORLANDO"], ["CELIA", "ROSALIND"]]


def test_a_person_has_one_new_name_everywhere_and_nothing_else_changes():
    read = names().reading(0, 0)
    other = re.findall(r"Enter (\w+)", read)[0]
    assert other != "ORLANDO"
    assert len(other) == len("ORLANDO")
    back = read.replace(other, "ORLANDO").replace(other.title(), "Orlando")
    one = re.findall(r"morrow, (\w+)\.", read)[0]
    assert one != "Balthasar"
    assert back.replace(one.upper(), "BALTHASAR").replace(one, "Balthasar") == LEAR
    # Another word, though it begins with the name.
    assert "Orlandos" in read


def test_each_reading_has_other_names_and_the_same_one_the_same():
    readings = [names().reading(1, time) for time in range(5)]
    assert len(set(readings)) == 5
    assert readings == [names().reading(1, time) for time in range(5)]
    assert names(seed=2).reading(1, 0) != readings[0]


def test_no_two_people_are_called_the_same():
    for time in range(50):
        speakers = set(re.findall(r"^(\w+):", names().reading(1, time), re.MULTILINE))
        assert len(speakers) == 2


def test_no_name_is_drawn_anew_where_none_is_to_be():
    assert names(share=0.0).reading(0, 7) == LEAR


def test_a_reading_is_as_long_to_a_voice_as_the_text():
    vocabulary = Vocabulary.of([LEAR, TALK])
    small = Names([LEAR, TALK], vocabulary.characters, 1.0, 1)
    lengths = {len(encoded_text(small.reading(0, time), vocabulary)) for time in range(20)}
    assert lengths == {len(encoded_text(LEAR, vocabulary))}


def test_a_name_with_a_letter_that_the_voice_does_not_know_stays():
    script = TALK.replace("Celia", "Ceçilia")
    assert Names([script], set("Rosalind" + "ROSALIND"), 1.0, 1).of == [["ROSALIND"]]


def test_a_run_without_a_share_of_names_kept_them_all():
    document = Config().to_json().replace('  "renamed": 0.75,\n', "")
    assert Config.from_json(document).renamed == 0.0
    assert Config.from_json(Config().to_json()).renamed == 0.75
