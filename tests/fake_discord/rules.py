"""Refuse request bodies that Discord refuses.

Keys without a rule pass unchecked. simcord knows the rules of components; a new type in a modal
needs one here, because `client` must fill it in.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unicodedata import category, normalize

from simcord.components import (
    ComponentValidationError,
    component_mentions,
    resolve_attachment_references,
    validate_message_state,
    validate_modal,
    walk_components,
)
from simcord.enums import OptionType

from .state import COMPONENTS_V2, Answer, Json, Kind, Refused, Version

OPTIONS = 25
INPUT = 4_000
FILES = 10
CHOICES = 25
COMMANDS = {1: 100, 2: 5, 3: 5}
"""The most commands of each type in one application."""
COMPONENT_ID = 2**31 - 1
"""The largest id of a component; Discord documents 32 bits, but not whether they are signed."""
NAME, DESCRIPTION, CHOICE_NAME, COMMAND_TEXT = 32, 100, 100, 8_000
WEBHOOKS, WEBHOOK_NAME = 15, 80
EMOJI_SIZE = 256 * 1024

ROW, BUTTON, SELECT, INPUT_LINE, CONTAINER, FRAME, CHECKBOX = 1, 2, 3, 4, 17, 18, 23
SUBCOMMAND, GROUP = OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP
ANSWERS = {
    Kind.COMMAND: {Answer.MESSAGE, Answer.THINKING, Answer.MODAL},
    Kind.COMPONENT: set(Answer) - {Answer.CHOICES},
    Kind.AUTOCOMPLETE: {Answer.CHOICES},
    Kind.MODAL: {Answer.MESSAGE, Answer.THINKING, Answer.SILENCE},
}
"""The possible first answers to each type of interaction."""

NOT_IN_WEBHOOK_NAMES = ("clyde", "discord", "```", "system message")
NO_WEBHOOK_NAMES = ("everyone", "here")
"""Discord documents what the names of webhooks and users cannot contain and cannot be, except for
the system message, which stands for the rules that Discord does not publish."""

PNG = b"\x89PNG\r\n\x1a\n"
"""The first bytes of a picture of the only type that the bot makes."""


def check(fine: object, where: str) -> None:
    """Refuse the body of a request unless it is fine; ``where`` names the key."""
    if not fine:
        raise Refused(400, 50035, f"Invalid Form Body: {where}")


def check_length(text: object, least: int, most: int, where: str) -> None:
    """Refuse a text whose length is out of range."""
    check(isinstance(text, str) and least <= len(text) <= most, f"{where}: {least} to {most}")


def check_answer(kind: Kind, how: object) -> Answer:
    """Return the type of a first answer, if the interaction allows it."""
    check(how in ANSWERS[kind], f"type: {how} does not answer a {kind.name.lower()}")
    return Answer(how)


@contextmanager
def _refusing_components() -> Iterator[None]:
    """Refuse the components in which simcord finds a fault."""
    try:
        yield
    except ComponentValidationError as error:
        raise Refused(400, 50035, f"Invalid Form Body: {error}") from error


def check_version(version: Version) -> None:
    """Check a message: its content, its components, and the files that these show."""
    if not (version.content.strip() or version.components or version.attachments):
        raise Refused(400, 50006, "Cannot send an empty message")
    check(len(version.attachments) <= FILES, "attachments")
    with _refusing_components():
        validate_message_state(
            version.components,
            flags=COMPONENTS_V2 * version.is_v2,
            content=version.content,
            embeds=[],
        )
        resolve_attachment_references(version.components, version.attachments)
    for part in walk_components(version.components):
        check(part.get("id", 0) <= COMPONENT_ID, "components: id")
        if part["type"] == BUTTON:
            check(part.get("label") or part.get("emoji"), "a button needs a label or an emoji")
        check(part["type"] != CONTAINER or part["components"], "components: an empty container")
        check_menu(part)


def check_menu(component: Json) -> None:
    """Check that a menu has as many options as people may choose."""
    most = component.get("max_values", 1)
    check(component["type"] != SELECT or most <= len(component["options"]), "max_values")


def find_text(body: Json) -> str:
    """Return all texts of a message."""
    shown = component_mentions(body.get("components") or [])
    return "\n".join(filter(None, (body.get("content"), shown)))


def could_ping(body: Json) -> bool:
    """Return whether a message could ping somebody, because it allows the parsing of mentions."""
    allowed = body.get("allowed_mentions") or {}
    mentions = ("replied_user", "users", "roles")
    pings = allowed.get("parse") != [] or any(allowed.get(name) for name in mentions)
    return pings and find_text(body) != ""


def check_modal(body: Json) -> None:
    """Check a modal window."""
    with _refusing_components():
        validate_modal(body)
    check(all(row["type"] in (ROW, FRAME) for row in body["components"]), "components")
    for label, field in inputs(body):
        check(label, "label")
        known = field["type"] in (SELECT, CHECKBOX, INPUT_LINE)
        check(known, "components: only menus, checkboxes and text inputs")
        check_menu(field)
        if value := field.get("value"):
            least, most = field.get("min_length", 0), field.get("max_length", INPUT)
            check_length(value, least, most, "value")


def check_choices(found: Sequence[Json]) -> None:
    """Check the suggestions of autocompletion, or the choices of an option."""
    check(len(found) <= CHOICES, f"choices: at most {CHOICES}")
    for choice in found:
        check_length(choice.get("name"), 1, CHOICE_NAME, "choices.name")


def interactive(found: Iterable[Json]) -> Iterator[Json]:
    """Yield the buttons and menus among components and inside them."""
    return (part for part in walk_components(found) if part.get("type") in (BUTTON, SELECT))


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
    return Refused(400, 50035, "Invalid Form Body", errors=errors)


def parse_image(uri: object) -> bytes:
    """Return the bytes of a PNG picture in a data URI."""
    kind, _, content = str(uri).removeprefix("data:").partition(";base64,")
    try:
        found = base64.b64decode(content, validate=True)
    except binascii.Error:
        found = b""
    check(kind == "image/png" and found.startswith(PNG), "image: not a data URI of a picture")
    return found


def check_emoji(name: object, image: bytes, others: Container[str]) -> None:
    """Check a new emoji; ``others`` are the names of the application's existing emojis."""
    check(re.fullmatch(r"[A-Za-z0-9_]{2,32}", str(name)), "name: 2 to 32 of [A-Za-z0-9_]")
    check(name not in others, "name: APPLICATION_EMOJI_NAME_ALREADY_TAKEN")
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
        check(option["type"] in set(OptionType), "options: type")
        found = option.get("choices") or []
        check_choices(found)
        check(not (found and option.get("autocomplete")), "options: choices or autocomplete")


def _texts(option: Json) -> int:
    """Return the number of characters of a command's names, descriptions and values."""
    mine = len(option["name"]) + len(option.get("description") or "")
    mine += sum(len(c["name"]) + len(str(c["value"])) for c in option.get("choices") or [])
    return mine + sum(map(_texts, option.get("options") or []))
