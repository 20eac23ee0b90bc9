"""Two Fountain parsers that know nothing of this project."""

import io
from collections.abc import Sequence

from fountain import ElementType, FountainParser
from screenplain.parsers import fountain as screenplain
from screenplain.types import Action, Dialog, Slug, Transition

from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import classify

BEFORE = ["INT. BEFORE - DAY", "BEFORE\nHello.", "Before.", "CUT TO:"]


def read_by_fountain_py(before: str, element: Element) -> list[ElementType]:
    """Return the types that fountain-py finds between two other elements."""
    text = element.text
    if element.kind is Kind.DIALOGUE:
        # fountain-py departs from the specification here: only ASCII capitals are a cue, and not
        # even those where the first words of the speech look like a heading ("Int. is short for
        # interior.") or like another cue ("NO" above "I won't."). A forced cue has neither rule.
        text = f"@{text.removeprefix('@')}"
    document = FountainParser().parse(f"{before}\n\n{text}\n\nAfter.\n")
    types = [element.type for element in document.elements]
    lead = len(before.split("\n"))
    assert types[-1] is ElementType.ACTION
    assert document.elements[-1].text == "After."
    return types[lead:-1]


def read_by_screenplain(before: str, element: Element) -> object:
    """Return the element that screenplain finds between two others."""
    script = screenplain.parse(io.StringIO(f"{before}\n\n{element.text}\n\nAfter.\n"))
    first, middle, last = script.paragraphs
    assert getattr(first, "synopsis", None) is None
    assert isinstance(last, Action)
    return middle


def assert_one_element(element: Element, all_before: Sequence[str] = BEFORE) -> None:
    """Check that both parsers read an element as one of its kind, whatever stands before it."""
    lines = element.text.split("\n")
    assert all(line and line == line.strip() for line in lines)
    assert classify(element.text) is element.kind
    for before in all_before:
        middle = read_by_screenplain(before, element)
        types = read_by_fountain_py(before, element)
        match element.kind:
            case Kind.HEADING:
                assert isinstance(middle, Slug)
                # The specification asks for an alphanumeric after the dot; fountain-py takes only
                # an ASCII one.
                if not element.text.startswith(".") or element.text[1].isascii():
                    assert types == [ElementType.SCENE_HEADING]
            case Kind.ACTION:
                assert isinstance(middle, Action)
                assert not middle.centered
                assert len(middle.lines) == len(lines)
                assert types == [ElementType.ACTION]
            case Kind.TRANSITION:
                assert isinstance(middle, Transition)
                assert types == [ElementType.TRANSITION]
            case Kind.DIALOGUE:
                assert isinstance(middle, Dialog)
                assert len(middle.blocks) == len(lines) - 1
                assert types[0] is ElementType.CHARACTER
                assert set(types[1:]) <= {ElementType.DIALOGUE, ElementType.PARENTHETICAL}
                assert len(types) == len(lines)
