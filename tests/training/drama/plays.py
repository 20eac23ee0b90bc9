"""Make plays for tests: of a few words, and as long as a test asks for."""

import random

from training.data.corpora.drama.works import Work

WORDS = [
    *("kettle", "window", "letter", "river", "uncle", "money", "garden", "supper", "doctor"),
    *("train", "hat", "umbrella", "sister", "morning", "soldier", "candle", "bread", "ring"),
    *("lodger", "piano", "rain", "coat", "door", "clock", "apple", "key"),
]


def speeches(seed: int, number: int, words: int = 12) -> list[str]:
    """Return speeches of two people, the same for the same seed."""
    draw = random.Random(seed)
    return [
        f"{('ANNA', 'TOM')[i % 2]}\n{' '.join(draw.choices(WORDS, k=words)).capitalize()}."
        for i in range(number)
    ]


def work(number: int, *elements: str, title: str = "") -> Work:
    title = title or f"Play {number}"
    script = "\n\n".join([f"Title: {title}", *elements]) + "\n"
    return Work(number, title, script, 100, ())
