"""Test which bodies of requests the fake Discord refuses."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from . import rules
from .state import Json, Refused, Version

TEXT: Json = {"type": 10, "content": "Hello."}
COMMAND: Json = {"name": "say", "description": "Say it"}
OPTION: Json = {"type": 3, "name": "o", "description": "d"}
ENCODED = base64.b64encode(rules.PNG).decode()


def layout(*components: Json) -> Version:
    return Version(0, components=list(components), is_v2=True)


def container(*inside: Json) -> Json:
    return {"type": 17, "components": list(inside)}


def gallery(url: str) -> Json:
    return {"type": 12, "items": [{"media": {"url": url}}]}


def commands(count: int) -> list[Json]:
    return [COMMAND | {"name": f"c{number}"} for number in range(count)]


def check_webhook(name: str) -> None:
    rules.clean_webhook_name(name, "name")


def check_emoji(name: str) -> None:
    rules.check_emoji(name, b"", ["taken"])


WRONG_COMMANDS: list[Json] = [
    {"name": "Say"},
    {"name": "say it"},
    {"name": "s" * 33},
    {"description": ""},
    {"description": "d" * 101},
    {"options": [OPTION | {"name": f"o{number}"} for number in range(26)]},
    {"options": [OPTION] * 2},
    {"options": [OPTION, OPTION | {"name": "p", "required": True}]},
    {"options": [OPTION | {"choices": [{"name": ""}]}]},
]

VERSIONS = [
    (layout(container(TEXT)), layout(container())),
    (layout(gallery("https://a.b/c.png")), layout(gallery("attachment://c.png"))),
    (layout(TEXT | {"id": 2**31 - 1}), layout(TEXT | {"id": 2**31})),
    (Version(0, "Hello."), Version(0, "Hello.", [TEXT], is_v2=True)),
]
"""Messages; simcord knows the other rules about them."""

WRONG_NAMES = [
    *("", " ", "\u200b", "The Discord", "CLYDE", "Cly\u2060de", "a```b", "EVERYONE", "Here"),
    "\uff28\uff25\uff32\uff25",
]

WRONG_IMAGES = [ENCODED, f"data:text/plain;base64,{ENCODED}", "data:image/png;base64,abc", None]


@pytest.mark.parametrize(
    ("check", "fine", "wrong"),
    [
        *((rules.check_commands, [COMMAND], [COMMAND | wrong]) for wrong in WRONG_COMMANDS),
        (rules.check_commands, commands(100), commands(101)),
        (rules.check_commands, [COMMAND], [COMMAND] * 2),
        *((rules.check_version, *pair) for pair in VERSIONS),
        *((rules.parse_image, f"data:image/png;base64,{ENCODED}", wrong) for wrong in WRONG_IMAGES),
        *((check_emoji, "Z" * 32, name) for name in ("a", "a" * 33, "a b", "a-b", "ä_1", "taken")),
        *((check_webhook, "Everyone is here", name) for name in WRONG_NAMES),
        (check_webhook, "x" * 80, "x" * 81),
    ],
)
def test_a_body_beyond_a_limit_is_refused(
    check: Callable[[Any], object], fine: object, wrong: object
):
    check(fine)
    with pytest.raises(Refused) as refused:
        check(wrong)
    assert refused.value.code == 50035


def test_the_size_of_an_emoji_is_limited():
    rules.check_emoji("ann", bytes(rules.EMOJI_SIZE), [])
    with pytest.raises(Refused, match="larger than 256"):
        rules.check_emoji("ann", bytes(rules.EMOJI_SIZE + 1), [])


def test_the_name_of_a_webhook_has_single_spaces_and_nothing_invisible():
    name = f" {'x' * 39} \u200b {'y' * 40} "
    assert rules.clean_webhook_name(name, "name") == f"{'x' * 39} {'y' * 40}"
