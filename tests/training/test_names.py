"""Tests of names that are drawn again."""

import re
import string

import torch

from training.config import Config
from training.data.names import Names, find_people
from training.data.texts import Text
from training.data.tokens import Tokens, decode
from training.data.vocabulary import Vocabulary
from training.trainer import cut_windows

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


TEXTS = [LEAR, TALK, OTHERS]


def names(share: float = 1.0, seed: int = 1) -> Names:
    return Names(find_people(TEXTS, set(string.ascii_letters)), share, seed)


def reading(one: Names, text: int, time: int) -> str:
    return one.rename_people(TEXTS[text], text, time)


def test_names_are_words_of_cues_that_are_not_ordinary():
    assert names().people[:2] == [["BALTHASAR", "ORLANDO"], ["CELIA", "ROSALIND"]]


def test_a_person_gets_one_new_name_everywhere():
    read = reading(names(), 0, 0)
    other = re.findall(r"Enter (\w+)", read)[0]
    assert other != "ORLANDO"
    assert len(other) == len("ORLANDO")
    back = read.replace(other, "ORLANDO").replace(other.title(), "Orlando")
    one = re.findall(r"morrow, (\w+)\.", read)[0]
    assert one != "Balthasar"
    assert back.replace(one.upper(), "BALTHASAR").replace(one, "Balthasar") == LEAR
    # Another word, though it begins with the name.
    assert "Orlandos" in read


def test_each_reading_draws_its_own_names():
    readings = [reading(names(), 1, time) for time in range(5)]
    assert len(set(readings)) == 5
    assert readings == [reading(names(), 1, time) for time in range(5)]
    assert reading(names(seed=2), 1, 0) != readings[0]


def test_two_people_never_get_the_same_name():
    for time in range(20):
        speakers = set(re.findall(r"^(\w+):", reading(names(), 1, time), re.MULTILINE))
        assert len(speakers) == 2


def test_a_share_of_0_keeps_all_names():
    assert reading(names(share=0.0), 0, 7) == LEAR


def test_names_in_italics_are_names_and_parts_of_words_are_not():
    script = "ORLANDO\n_Orlando_, 2Orlando.\n\nORLANDO\nmcOrlando Orlando's"
    one = Names([["ORLANDO"], ["BALTHASAR", "ROSALANDA"]], 1.0, 1)
    other = next(
        found for time in range(9) if (found := one.rename_people(script, 0, time)) != script
    ).split()[0]
    read = one.rename_people(script, 0, 0)
    assert read.count("Orlando") == 1
    assert "mcOrlando" in read
    assert len(other) == len("ORLANDO")


def test_windows_have_other_names_in_each_epoch():
    texts = [Text("lear", LEAR), Text("talk", TALK), Text("others", OTHERS)]
    tokens = Tokens.of(texts, Vocabulary.of(one.content for one in texts))
    config = Config(batch=1, window=8, renamed=0.75)
    windows = cut_windows(config, tokens)
    plain = cut_windows(Config(batch=1, window=8, renamed=0.0), tokens)

    def epoch(number: int) -> str:
        steps = range(number * windows.per_epoch, (number + 1) * windows.per_epoch)
        ids = torch.cat([windows.at(step)[0][:, 0] for step in steps])
        return decode(ids.numpy(), tokens.letters)

    given = torch.cat([plain.at(step)[0][:, 0] for step in range(plain.per_epoch)])
    assert len(epoch(0)) == len(given)
    assert "ORLANDO" not in epoch(0) or "BALTHASAR" not in epoch(0)
    assert epoch(0) != decode(given.numpy(), tokens.letters)
    assert sorted(epoch(0)) != sorted(epoch(1))
    # The same name again, after another one.
    assert epoch(0) == epoch(0)
    # Only words with a capital change; all small letters outside of them stay.
    changed = re.compile(r"[A-Z][A-Za-z]*")
    assert changed.sub("", epoch(0)) == changed.sub("", decode(given.numpy(), tokens.letters))


def test_names_with_unknown_letters_are_kept():
    script = TALK.replace("Celia", "Ce\u00e7ilia")
    assert find_people([script], set("Rosalind" + "ROSALIND")) == [["ROSALIND"]]
