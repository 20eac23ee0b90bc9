"""Refuse request bodies that Discord refuses.

Keys without a rule pass unchecked. Components do not: a new type needs a rule here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from unicodedata import category, normalize

from .state import Answer, Json, Kind, Refused, Version

CONTENT = 2_000
ROWS, BUTTONS, OPTIONS = 5, 5, 25
CUSTOM_ID, LABEL, PLACEHOLDER = 100, 80, 150
MODAL_TITLE, MODAL_LABEL, INPUT = 45, 45, 4_000
FILES = 10
CHOICES = 25
COMMANDS = {1: 100, 2: 5, 3: 5}
"""The most commands of each type in one application."""
NAME, DESCRIPTION, CHOICE_NAME, COMMAND_TEXT = 32, 100, 100, 8_000
COMPONENTS, TEXTS = 40, 4_000
"""The most components, and characters in them, of a message that consists of components."""
PICTURES, ALTERNATIVE_TEXT = 10, 1_024
WEBHOOKS, WEBHOOK_NAME = 15, 80
EMOJIS, EMOJI_SIZE = 2_000, 256 * 1024

ROW, BUTTON, SELECT, INPUT_LINE, FRAME = 1, 2, 3, 4, 18
TEXT, GALLERY, FILE, SEPARATOR, CONTAINER = 10, 12, 13, 14, 17
CHECKBOX = 23
SUBCOMMAND, GROUP = 1, 2

ANSWERS = {
    Kind.COMMAND: {Answer.MESSAGE, Answer.THINKING, Answer.MODAL},
    Kind.COMPONENT: set(Answer) - {Answer.CHOICES},
    Kind.AUTOCOMPLETE: {Answer.CHOICES},
    Kind.MODAL: {Answer.MESSAGE, Answer.THINKING, Answer.SILENCE, Answer.UPDATE},
}
"""The possible first answers to each type of interaction."""

IN_CONTAINER = {ROW, TEXT, GALLERY, FILE, SEPARATOR}

NOT_IN_WEBHOOK_NAMES = ("clyde", "discord", "```", "system message")
NO_WEBHOOK_NAMES = ("everyone", "here")
"""Discord documents what the names of webhooks and users cannot contain and be, but for the system
message, which stands for the rules that it does not publish."""

PNG = b"\x89PNG\r\n\x1a\n"
"""The first bytes of a picture of the only type that the bot makes."""


def check(fine: object, where: str) -> None:
    """Refuse the body of a request unless it is fine; ``where`` names the key."""
    if not fine:
        raise Refused(400, 50035, f"Invalid Form Body: {where}")


def check_length(text: object, least: int, most: int, where: str) -> None:
    """Refuse a text of another length."""
    check(isinstance(text, str) and least <= len(text) <= most, f"{where}: {least} to {most}")


def check_answer(kind: Kind, how: object) -> Answer:
    """Return the type of a first answer, if the interaction allows it."""
    check(how in ANSWERS[kind], f"type: {how} does not answer a {kind.name.lower()}")
    return Answer(how)


def check_message(body: Json, *, v2: bool = False) -> None:
    """Check the keys of a message that the body has."""
    check_length(body.get("content") or "", 0, CONTENT, "content")
    check(len(body.get("attachments") or []) <= FILES, "attachments")
    (check_layout if v2 else check_rows)(body.get("components") or [])


def check_version(version: Version) -> None:
    """Refuse a message that has both components and older parts, or shows a missing file."""
    files = {attachment["filename"] for attachment in version.attachments}
    for name in ("content", "embeds") if version.is_v2 else ():
        check(not getattr(version, name), f"{name}: cannot be used with IS_COMPONENTS_V2")
    for component in walk(version.components):
        for media in _media(component):
            where, _, name = str(media.get("url")).partition("://")
            fine = name in files if where == "attachment" else where in ("http", "https")
            check(fine, f"components: no such file: {media.get('url')}")


def find_text(body: Json) -> str:
    """Return all texts of a message."""
    texts = (part["content"] for part in walk(body.get("components") or []) if part["type"] == TEXT)
    return "\n".join(filter(None, (body.get("content"), *texts)))


def could_ping(body: Json) -> bool:
    """Return whether a message could ping somebody, because it allows the parsing of mentions."""
    content = find_text(body)
    allowed = body.get("allowed_mentions")
    if not content:
        return False
    if allowed is None or allowed.get("parse") != [] or allowed.get("replied_user"):
        return True
    return bool(allowed.get("users") or allowed.get("roles"))


def check_not_empty(content: str, *parts: Sequence[Any]) -> None:
    """Refuse an empty message."""
    if not content.strip() and not any(parts):
        raise Refused(400, 50006, "Cannot send an empty message")


def check_rows(rows: Sequence[Json]) -> None:
    """Check the rows under a message, each of buttons or of one menu."""
    check(len(rows) <= ROWS, f"components: at most {ROWS} rows")
    for row in rows:
        inside = row.get("components") or []
        check(row.get("type") == ROW, "components: only rows are known here")
        check(1 <= len(inside) <= BUTTONS, f"components: 1 to {BUTTONS} in a row")
        for component in inside:
            check(component.get("type") in (BUTTON, SELECT), "components: only buttons and menus")
            check_button(component) if component["type"] == BUTTON else check_menu(component)
        check(
            len(inside) == 1 or all(component["type"] == BUTTON for component in inside),
            "components: menu",
        )
    _unique(component["custom_id"] for component in interactive(rows) if "custom_id" in component)


def check_layout(found: Sequence[Json]) -> None:
    """Check the components of a message with IS_COMPONENTS_V2."""
    everything = list(walk(found))
    check(len(everything) <= COMPONENTS, f"components: at most {COMPONENTS}")
    texts = (len(part.get("content") or "") for part in everything if part.get("type") == TEXT)
    check(sum(texts) <= TEXTS, f"components: at most {TEXTS} characters of text")
    for component in found:
        _component(component, IN_CONTAINER | {CONTAINER})
    _unique(component["custom_id"] for component in everything if "custom_id" in component)
    _unique(component["id"] for component in everything if component.get("id"))


def _component(component: Json, known: set[int]) -> None:
    """Check a component where only the ``known`` types are allowed."""
    kind, inside = component.get("type"), component.get("components") or []
    check(kind in known, f"components: type {kind} is unknown here")
    match kind:
        case _ if kind == ROW:
            check_rows([component])
        case _ if kind == TEXT:
            check_length(component.get("content"), 1, TEXTS, "content")
        case _ if kind == CONTAINER:
            check(inside, "components: an empty container")
            check((component.get("accent_color") or 0) in range(1 << 24), "accent_color")
            for inner in inside:
                _component(inner, IN_CONTAINER)
    if kind == GALLERY:
        check(1 <= len(component.get("items") or []) <= PICTURES, f"items: 1 to {PICTURES}")
    check(component.get("spacing", 1) in (1, 2), "spacing")
    for shown in (component, *(component.get("items") or [])):
        check_length(shown.get("description") or "", 0, ALTERNATIVE_TEXT, "description")


def _media(component: Json) -> Iterator[Json]:
    """Yield the media that a component shows."""
    for shown in (component, *(component.get("items") or [])):
        yield from (shown[name] for name in ("media", "file") if name in shown)


def check_button(button: Json) -> None:
    check_length(button.get("label") or "", 0, LABEL, "label")
    check(button.get("label") or button.get("emoji"), "a button needs a label or an emoji")
    check(button.get("style") in range(1, 5), "style")
    check_length(button.get("custom_id"), 1, CUSTOM_ID, "custom_id")


def check_menu(menu: Json) -> None:
    """Check a menu of texts."""
    check_length(menu.get("custom_id"), 1, CUSTOM_ID, "custom_id")
    check_length(menu.get("placeholder") or "", 0, PLACEHOLDER, "placeholder")
    options = menu.get("options") or []
    check(1 <= len(options) <= OPTIONS, f"options: 1 to {OPTIONS}")
    for option in options:
        check_length(option.get("label"), 1, 100, "options.label")
        check_length(option.get("value"), 1, 100, "options.value")
        check_length(option.get("description") or "", 0, 100, "options.description")
    _unique(option["value"] for option in options)
    most = menu.get("max_values", 1)
    check(0 <= menu.get("min_values", 1) <= most <= len(options), "min_values, max_values")


def check_modal(body: Json) -> None:
    """Check a modal window."""
    check_length(body.get("title"), 1, MODAL_TITLE, "title")
    check_length(body.get("custom_id"), 1, CUSTOM_ID, "custom_id")
    rows = body.get("components") or []
    check(1 <= len(rows) <= ROWS, f"components: 1 to {ROWS}")
    check(all(row.get("type") in (ROW, FRAME) for row in rows), "components")
    for label, field in inputs(body):
        check_length(label, 1, MODAL_LABEL, "label")
        if field.get("type") == SELECT:
            check_menu(field)
            continue
        check_length(field.get("custom_id"), 1, CUSTOM_ID, "custom_id")
        if field.get("type") == CHECKBOX:
            continue
        check(field.get("type") == INPUT_LINE, "components: only menus, checkboxes and text inputs")
        check_length(field.get("placeholder") or "", 0, 100, "placeholder")
        least, most = field.get("min_length", 0), field.get("max_length", INPUT)
        check(0 <= least <= INPUT and 1 <= most <= INPUT and least <= most, "min_length")
        if value := field.get("value"):
            check_length(value, least, most, "value")
    _unique(field["custom_id"] for _, field in inputs(body))


def check_choices(found: Sequence[Json]) -> None:
    """Check the suggestions of autocompletion, or the choices of an option."""
    check(len(found) <= CHOICES, f"choices: at most {CHOICES}")
    for choice in found:
        check_length(choice.get("name"), 1, CHOICE_NAME, "choices.name")


def walk(found: Iterable[Json]) -> Iterator[Json]:
    """Yield components and all that they contain, in the order in which people see them."""
    for component in found:
        yield component
        yield from walk(component.get("components") or [])


def interactive(found: Iterable[Json]) -> Iterator[Json]:
    """Yield the buttons and menus among components and inside them."""
    return (component for component in walk(found) if component.get("type") in (BUTTON, SELECT))


def inputs(modal: Json) -> Iterator[tuple[str, Json]]:
    """Yield the inputs of a modal, each with its label."""
    for row in modal["components"]:
        if row["type"] == FRAME:
            yield row.get("label"), row["component"]
        else:
            yield from ((component.get("label"), component) for component in row["components"])


def _unique(names: Iterator[Any]) -> None:
    check(max(Counter(names).values(), default=1) == 1, "an id or a name occurs twice")


# Webhooks and emojis ---------------------------------------------------------------------------


def clean_webhook_name(name: object, where: str) -> str:
    """Return a name without zero-width characters and with single spaces, as Discord shows it.

    Refuse an invalid one. Letters in any case and width count as the same ones, which is stricter
    than what Discord documents.
    """
    shown = " ".join("".join(char for char in str(name or "") if category(char) != "Cf").split())
    folded = normalize("NFKC", shown).casefold()
    if not 1 <= len(shown) <= WEBHOOK_NAME:
        said = f"Must be between 1 and {WEBHOOK_NAME} in length."
        raise _invalid(where, "BASE_TYPE_BAD_LENGTH", said)
    for part in NOT_IN_WEBHOOK_NAMES:
        if part in folded:
            raise _invalid(where, "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{part}"')
    if folded in NO_WEBHOOK_NAMES:
        raise _invalid(where, "USERNAME_INVALID", f'Username cannot be "{folded}"')
    return shown


def _invalid(where: str, code: str, said: str) -> Refused:
    errors = {where: {"_errors": [{"code": code, "message": said}]}}
    return Refused(400, 50035, "Invalid Form Body", errors)


def parse_image(uri: object) -> bytes:
    """Return the bytes of a PNG picture in a data URI."""
    kind, _, content = str(uri).removeprefix("data:").partition(";base64,")
    try:
        found = base64.b64decode(content, validate=True)
    except binascii.Error:
        found = b""
    check(kind == "image/png" and found.startswith(PNG), "image: not a data URI of a picture")
    return found


def check_emoji(name: object, image: bytes, others: Iterable[str]) -> None:
    """Check a new emoji; ``others`` are the names of the application's existing emojis."""
    names = list(others)
    if len(names) >= EMOJIS:
        raise Refused(400, 30008, f"Maximum number of emojis reached ({EMOJIS})")
    check(re.fullmatch(r"[A-Za-z0-9_]{2,32}", str(name)), "name: 2 to 32 of [A-Za-z0-9_]")
    check(name not in names, "name: APPLICATION_EMOJI_NAME_ALREADY_TAKEN")
    if len(image) > EMOJI_SIZE:
        # As documented, without a JSON error code.
        raise Refused(400, 0, "image: File cannot be larger than 256.0 kb.")


# Commands --------------------------------------------------------------------------------------


def check_commands(registered: Sequence[Json]) -> None:
    """Check all commands of an application."""
    _unique((item.get("type", 1), item.get("name")) for item in registered)
    for kind, most in COMMANDS.items():
        check(sum(item.get("type", 1) == kind for item in registered) <= most, "too many commands")
    for item in registered:
        if item.get("type", 1) == 1:
            _named(item)
            _options(item.get("options") or [])
            check(_texts(item) <= COMMAND_TEXT, f"{item['name']}: its texts are too long")
        else:
            check_length(item.get("name"), 1, NAME, "name")
            check(not item.get("description") and not item.get("options"), "a menu has only a name")


def _named(item: Json) -> None:
    for name in (item.get("name"), *(item.get("name_localizations") or {}).values()):
        check_length(name, 1, NAME, "name")
        plain = str(name).replace("-", "").replace("_", "").replace("'", "")
        check(plain.isalnum() and name == str(name).lower(), f"name: {name!r}")
    for text in (item.get("description"), *(item.get("description_localizations") or {}).values()):
        check_length(text, 1, DESCRIPTION, f"{item['name']}: description")


def _options(options: Sequence[Json], depth: int = 0) -> None:
    check(len(options) <= OPTIONS, f"options: at most {OPTIONS}")
    _unique(option.get("name") for option in options)
    nested = [option["type"] in (SUBCOMMAND, GROUP) for option in options]
    check(all(nested) or not any(nested), "options: only subcommands beside subcommands")
    required = [bool(option.get("required")) for option in options]
    check(required == sorted(required, reverse=True), "options: required ones come first")
    for option in options:
        _named(option)
        if option["type"] in (SUBCOMMAND, GROUP):
            check(depth < (1 if option["type"] == GROUP else 2), "options: nested too deep")
            _options(option.get("options") or [], depth + 1)
            continue
        check(option["type"] in range(3, 12), "options: type")
        found = option.get("choices") or []
        check_choices(found)
        check(not (found and option.get("autocomplete")), "options: choices or autocomplete")


def _texts(option: Json) -> int:
    """Return the number of characters of a command's names, descriptions and values."""
    mine = len(option["name"]) + len(option.get("description") or "")
    mine += sum(len(c["name"]) + len(str(c["value"])) for c in option.get("choices") or [])
    return mine + sum(map(_texts, option.get("options") or []))
