"""Build what Discord's client sends when a person acts, and refuse what it does not offer."""

import base64
from collections.abc import Iterator, Sequence

from simcord.enums import AppCommandType, OptionType

from . import payloads, rules
from .state import Json, Message, NotPossible, Version, World


def require(fine: object, why: str) -> None:
    """Raise NotPossible with this reason unless the action is fine."""
    if not fine:
        raise NotPossible(why)


def find_command(world: World, kind: int, name: str) -> Json:
    """Return the registered command for a name, such as ``script show``."""
    known = sorted(name for of, name in world.commands if of == kind)
    first = name.split()[0] if kind == AppCommandType.CHAT_INPUT else name
    require((kind, first) in world.commands, f"no command {first!r} among {known}")
    return world.commands[kind, first]


def slash(world: World, command: Json, name: str, given: Json, typed: str | None) -> Json:
    """Return the data of a slash command with all its words, such as ``script show``."""
    words, leaf = name.split(), command
    for word in words[1:]:
        [leaf] = [option for option in leaf["options"] if option["name"] == word] or [None]
        require(leaf and leaf["type"] in (rules.SUBCOMMAND, rules.GROUP), f"no {name!r}")
    resolved: Json = {}
    filled = list(_fill_in(world, leaf.get("options") or [], given, typed, resolved))
    data = nest(command["id"], words, filled)
    return data | ({"resolved": resolved} if resolved else {})


def nest(command: str, words: Sequence[str], options: list[Json]) -> Json:
    """Return the data of a slash command with this id, all its words and its filled options."""
    first, *rest = words
    for word in reversed(rest):
        kind = rules.SUBCOMMAND if word == rest[-1] else rules.GROUP
        options = [{"name": word, "type": kind, "options": options}]
    return {"id": command, "name": first, "type": AppCommandType.CHAT_INPUT, "options": options}


def _fill_in(
    world: World, options: Sequence[Json], given: Json, typed: str | None, resolved: Json
) -> Iterator[Json]:
    """Yield a command's options as a person filled them in, and add files to ``resolved``."""
    known = {option["name"]: option for option in options}
    nested = any(option["type"] in (rules.SUBCOMMAND, rules.GROUP) for option in options)
    require(not nested, "name the subcommand too")
    require(set(given) <= set(known), f"the options are {sorted(known)}")
    missing = {name for name, option in known.items() if option.get("required")} - set(given)
    require(typed or not missing, f"{missing} must be filled in")
    for name, value in given.items():
        option = known[name]
        filled: Json = {"name": name, "type": option["type"], "value": value}
        if name == typed:
            require(option.get("autocomplete"), f"{name} suggests nothing")
            filled["focused"] = True
        elif choices := option.get("choices"):
            known_values = [choice["value"] for choice in choices]
            require(value in known_values, f"{name}: the choices are {known_values}")
        if option["type"] == OptionType.ATTACHMENT:
            file = world.add_file(value["name"], base64.b64decode(value["content"]))
            resolved.setdefault("attachments", {})[file["id"]] = file
            filled["value"] = file["id"]
        yield filled


def on_message(world: World, command: Json, user: int, target: int) -> Json:
    """Return the data of a command that a person uses on a message."""
    shown = payloads.message(world, find_visible(world, user, target))
    data = {"id": command["id"], "name": command["name"], "type": AppCommandType.MESSAGE}
    return data | target_of(shown)


def target_of(shown: Json) -> Json:
    """Return the part of a command's data that says on which message it is used."""
    return {"target_id": shown["id"], "resolved": {"messages": {shown["id"]: shown}}}


def find_visible(world: World, user: int, message: int) -> Message:
    """Return a message that this person sees."""
    found = world.messages[message]
    seen = not found.deleted and found.only_for in (None, user)
    require(seen, "this person does not see that message")
    return found


def press(message: Message, custom_id: str, values: list[str] | None) -> tuple[Json, Version]:
    """Return the data of a pressed button or menu, and the message's version that had it."""
    component, version = _find_component(message, custom_id)
    data: Json = {"custom_id": custom_id, "component_type": component["type"]}
    if component["type"] == rules.SELECT:
        known = [option["value"] for option in component["options"]]
        least, most = component.get("min_values", 1), component.get("max_values", 1)
        require(values is not None and least <= len(values) <= most, "choose as many as asked")
        require(set(values or ()) <= set(known), f"the menu has {known}")
        data["values"] = values
    return data, version


def forge(kind: int, custom_id: str) -> list[Json]:
    """Return the components of a message with one button or menu."""
    made: Json = {"type": kind, "custom_id": custom_id}
    if kind == rules.BUTTON:
        made |= {"style": 1, "label": "x"}
    else:
        made["options"] = [{"label": "x", "value": "x"}]
    return [{"type": rules.ROW, "components": [made]}]


def _find_component(message: Message, custom_id: str) -> tuple[Json, Version]:
    """Return the button or menu with this id, and the last version of the message that had it."""
    for version in reversed(message.versions):
        for component in rules.interactive(version.components):
            if component.get("custom_id") == custom_id and not component.get("disabled"):
                return component, version
    raise NotPossible(f"the message has no {custom_id!r} that can be pressed")


def submit(modal: Json, values: dict[str, str]) -> Json:
    """Return the data of a submitted modal, with texts by the labels of its inputs.

    Any text ticks a checkbox.
    """
    inputs = dict(rules.inputs(modal))
    require(set(values) <= set(inputs), f"the modal has {sorted(inputs)}")
    rows: list[Json] = []
    fields = zip(modal["components"], inputs.items(), strict=True)
    for number, (row, (label, field)) in enumerate(fields, 1):
        if field["type"] == rules.SELECT:
            filled = _choose_in_modal(field, values.get(label))
        elif field["type"] == rules.CHECKBOX:
            is_ticked = label in values or field.get("default", False)
            filled = {"type": rules.CHECKBOX, "custom_id": field["custom_id"], "value": is_ticked}
        else:
            text = values.get(label, field.get("value") or "")
            needed = field.get("min_length", 0) or int(field.get("required", True))
            fits = needed <= len(text) <= field.get("max_length", rules.INPUT)
            require(fits or not (text or field.get("required", True)), f"{label}: its length")
            filled = {"type": 4, "id": number, "custom_id": field["custom_id"], "value": text}
        inside = {"component": filled} if "component" in row else {"components": [filled]}
        rows.append({"type": row["type"], "id": number, **inside})
    return {"custom_id": modal["custom_id"], "components": rows}


def _choose_in_modal(menu: Json, value: str | None) -> Json:
    """Return a menu of a submitted modal with the chosen value, or with its defaults."""
    offered = menu["options"]
    require(value in (None, *(option["value"] for option in offered)), "the list has no such value")
    defaults = [option["value"] for option in offered if option.get("default")]
    chosen = defaults if value is None else [value]
    return {"type": rules.SELECT, "custom_id": menu["custom_id"], "values": chosen}
