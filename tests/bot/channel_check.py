"""Read what a channel shows, and compare it with what is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.session.posts import MAX_FIRST_LINES
from bot.storage.schema import Line, Script
from bot.storage.store import Store
from tests.fake_discord.people import letters

from .conftest import Stage, buttons, find_components, labels
from .session_harness import load_tree


def read(message: Any) -> str:
    """Return all text of a message, in components too."""
    texts = (part.get("content") for part in find_components(message))
    return "\n".join(filter(None, [message.content, *texts]))


def says(message: Any, line: Line) -> bool:
    """Return whether a message shows a line, with the speaker as its author or in its text."""
    text = read(message)
    shown = letters(" ".join(line.element.shown))
    return shown in (letters(text), letters(message.author.name + text))


def is_line(message: Any) -> bool:
    """Return whether a message appears to show a line, in any look."""
    # The closing card of a script is a card too, and has files.
    is_card = message.flags.components_v2 and not message.attachments
    return message.webhook_id is not None or is_card or message.content.startswith("```")


@dataclass
class Reader:
    """A reader of all messages of a channel, who knows the stored state."""

    left: set[int] = field(default_factory=set)
    """The messages that showed lines of scripts which are deleted, and stay."""
    shown: set[int] = field(default_factory=set)
    """The messages that showed lines when the reader last looked."""

    async def faults(self, store: Store, channel: int, messages: Sequence[Any]) -> list[str]:
        """Return the contradictions between messages, oldest first, and the stored state."""
        running = await store.scripts.find_running_script(channel)
        path, tree = list[int](), set[int]()
        if running:
            path = await store.lines.load_path_ids(running.head)
            tree = {line.id for line in await load_tree(store, running)}
        found, order, seen = list[str](), list[int](), set[int]()
        for message in filter(is_line, messages):
            post = await store.messages.find_post(message.id)
            line = post and await store.lines.find_line(post.line)
            if not line:
                if message.id in self.shown:
                    self.left.add(message.id)
                if message.id not in self.left:
                    found.append(f"{message.id} shows what is not recorded: {read(message)}")
                continue
            seen.add(message.id)
            if not says(message, line):
                found.append(f"{message.id} does not show line {line.id}: {read(message)}")
            order += [line.id] if line.id in tree else []
        self.shown = seen
        if order != path[len(path) - len(order) :] or len(order) < min(len(path), MAX_FIRST_LINES):
            found.append(f"lines {order} are shown of {path}")
        return [*found, *self._panel(running, messages)]

    def _panel(self, running: Script | None, messages: Sequence[Any]) -> Iterator[str]:
        panels = [message for message in messages if "Write" in labels(message)]
        if running is None:
            if panels:
                yield f"nothing runs, and there are {len(panels)} panels"
            return
        if len(panels) != 1:
            yield f"there are {len(panels)} panels"
            return
        [panel] = panels
        place = f":{running.id}:{running.head or 0}"
        if not buttons(panel)["Write"].endswith(place):
            yield f"the panel stands at {buttons(panel)['Write']}, the script at {place}"
        if any(message.id > panel.id for message in filter(is_line, messages)):
            yield "a line stands below the panel"


async def assert_channel_is_true(stage: Stage, channel: Any = None) -> None:
    """Check what everybody sees of a channel against the stored script."""
    channel = channel or stage.channel
    store, messages = stage.store, stage.messages(channel)
    assert await Reader().faults(store, channel.id, messages) == []
