"""Test ``python -m bot play`` in two runs, as a browser would use its page."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import pairwise
from json import dumps, loads
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from simcord import SetupError

from bot.app import LOCAL_GUILD
from bot.app.local import _call_later, _update_page, run_locally
from bot.errors import RunnerError
from bot.settings import RunnerSettings
from tests.bot.conftest import count
from tests.bot.session_harness import run_sql
from tests.fake_discord.people import letters
from tests.fake_discord.processes import ROOT

from .program import in_new_interpreter


class LocalPage:
    """A client that sends and receives what the page in a browser does."""

    def __init__(self, address: str) -> None:
        self.base, self.secret = address.split("/#")
        self.page, self.sequence = "", 0
        self.page = self.ask("/api/pages", {})["context"]["id"]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"X-Simcord-Capability": self.secret, "Content-Type": "application/json"}
        if self.page:
            headers["X-Simcord-Context"] = self.page
        data = None if body is None else dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return loads(answer.read())

    def act(self, kind: str, **what: Any) -> dict[str, Any]:
        state = self.ask("/api/state")
        self.sequence += 1
        envelope = {
            "protocol_version": 3,
            "sequence": self.sequence,
            "request_id": str(uuid.uuid4()),
            "generation": state["context"]["generation"],
            "bot_generation": state["botGeneration"],
            "published_revision": state["publishedRevision"],
            "kind": kind,
        }
        return self.ask("/api/action", envelope | what)

    def command(self, name: str, **options: str) -> None:
        self.act("run_command", **self.find_command(name), options=options)

    def press(self, message: dict[str, Any], label: str) -> None:
        key = find_button(message, label)
        self.act("click", target_id=message["id"], control_key=key, values=[])

    def suggest(self, name: str, focused: str, value: str) -> Any:
        how = {"focused": focused, "value": value, "options": {}}
        return self.act("autocomplete_command", **self.find_command(name), **how)

    def find_command(self, name: str) -> dict[str, Any]:
        commands = self.ask("/api/commands")["entries"]
        entry = next(command for command in commands if command["invocation"].lstrip("/") == name)
        return {
            "command_id": entry["commandId"],
            "path": entry["path"],
            "schema_fingerprint": entry["schemaFingerprint"],
        }

    def become(self, name: str) -> None:
        [viewer] = [known for known in self.ask("/api/state")["viewers"] if known["name"] == name]
        self.act("viewer", viewer_id=viewer["id"])

    def messages(self) -> list[dict[str, Any]]:
        state = self.ask("/api/state")
        return [state["messages"][key] for key in state["timeline"] if key in state["messages"]]


def read(message: dict[str, Any]) -> str:
    """Return all text of a message, in components too."""
    texts, components = [message["content"]], list(message["components"])
    while components:
        component = components.pop(0)
        texts.append(component.get("content") or "")
        components[:0] = component.get("components") or component.get("children") or []
    return "\n".join(filter(None, texts))


def find_button(message: dict[str, Any], label: str) -> str:
    rows = (row["components"] for row in message["components"])
    return next(item["control_key"] for row in rows for item in row if item.get("label") == label)


def start_page(chosen: RunnerSettings, **variables: str) -> subprocess.Popen[str]:
    """Start the bot with its page, whose address is the first line of its output."""
    models = {"ONBOOK_MODELS": str(chosen.models), "ONBOOK_MODEL": chosen.model}
    page = in_new_interpreter(chosen.database.parent, "play", "--port", "0", **models | variables)
    return subprocess.Popen(
        **page,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def local(chosen: RunnerSettings, **variables: str) -> Iterator[LocalPage]:
    """Run the bot with its page, and check that Ctrl-C ends the run cleanly."""
    process = start_page(chosen, **variables)
    try:
        assert process.stdout is not None
        yield LocalPage(process.stdout.readline().strip())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert out == ""
        assert "Traceback" not in err
        assert "the bot has stopped" in err
        # Nothing that alarms a newcomer, and no link that leads nowhere.
        assert not re.search(r"WARNING *\] discord|oauth2", err)
    finally:
        process.kill()
        process.communicate()


async def test_a_timer_runs_in_the_context_in_which_it_was_set():
    sender = ContextVar[str]("sender")
    sender.set("the simulation")
    ran: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    _call_later(threading.Event(), 0.0, lambda: ran.set_result(sender.get("Discord")))
    assert await ran == "the simulation"


async def test_an_update_that_an_action_prevents_comes_later():
    page, is_due = Mock(refresh=AsyncMock(side_effect=[SetupError, None])), threading.Event()
    is_due.set()
    with suppress(TimeoutError):
        await asyncio.wait_for(_update_page(page, is_due), 3.5)
    assert page.refresh.await_count == 2


async def test_a_port_in_use_is_explained(chosen: RunnerSettings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(RunnerError, match=rf"^Port {port} cannot .* with --port"):
            await run_locally(chosen, port)


def test_ctrl_c_during_the_start_is_quiet(chosen: RunnerSettings):
    with start_page(chosen) as process:
        assert process.stderr is not None
        assert "logging in" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


async def test_the_database_of_a_bot_on_discord_is_refused(chosen: RunnerSettings):
    run_sql(chosen.database, "INSERT INTO key_values VALUES ('guild-voice 7', 'tiny')")
    with pytest.raises(RunnerError, match=r"^This database belongs to a bot on Discord\."):
        await run_locally(chosen, 0)


def test_next_run_continues_the_script(chosen: RunnerSettings):
    with local(chosen) as page:
        limits, welcome = page.messages()
        assert "Ann, who moderates, or Ben, who does not" in read(limits)
        assert "/start" in read(welcome)
        page.command("start", title="The Heath", heading="ext. heath - dawn")
        page.command("write", text="ANN: Good morrow.")
        page.command("continue")
        before = page.messages()[3:-1]
        # Each line stands under the name and face of its speaker.
        assert (before[1]["author"]["name"], letters(read(before[1]))) == ("ANN", "GOODMORROW")
        assert all(line["author"]["avatar_available"] for line in before)
        compact = [line["compact"] for line in before]
        names = [line["author"]["name"] for line in before]
        assert compact == [False, *(above == name for above, name in pairwise(names))]
    own = run_sql(chosen.database.parent / "play.db", "SELECT guild FROM scripts")
    assert own == [[str(LOCAL_GUILD)]]  # by which a bot on Discord knows the page's database
    with local(chosen, ONBOOK_LOOK="typewriter") as page:
        _limits, *lines, panel = page.messages()
        assert len(lines) == len(before)
        for line, old in zip(lines, before, strict=True):
            assert letters(read(old)) in letters(read(line))
        page.press(panel, "Continue")
        assert len(page.messages()) == len(before) + 3
        page.command("banned", add="zounds")
        assert "zounds" in read(page.messages()[-1])
        page.command("write", text="Exit ANN")
        assert read(page.messages()[-2]) == "```\nExit ANN\n```"
        page.command("continue", takes="2", vote="10")
        began = time.monotonic()
        # The page has not waited for the vote.
        assert not any("Voting has ended" in read(message) for message in page.messages())
        time.sleep(max(0.0, began + 13 - time.monotonic()))
        assert any("Voting has ended" in read(message) for message in page.messages())


def test_the_next_run_shows_one_panel_and_where_the_earlier_lines_are(chosen: RunnerSettings):
    database = chosen.database.parent / "play.db"
    with local(chosen) as page:
        page.command("start", title="The Heath", heading="ext. heath - dawn")
        page.command("write", text="\n\n".join(f"ANN: {name}." for name in "BCDEFGHIJK"))
    columns = "script, writers, turn, since, hours, skips, must_ping, passed_by"
    overdue = "SELECT id, '[' || owner || ', 7]', 1, '2020-01-01 00:00:00', 1, 0, 0, '[]'"
    run_sql(database, f"INSERT INTO rotations ({columns}) {overdue} FROM scripts")
    with local(chosen) as page:
        limits, *others, panel = page.messages()
        assert "\n-# One earlier line is in </script show:" in read(limits)
        assert [letters(read(line)) for line in others if letters(read(line)) in "BCDEFGHIJK"]
        assert any("it is your turn" in read(message) for message in others)
        find_button(panel, "Continue")
        assert not any(message["components"] for message in others)
    run_sql(database, "UPDATE scripts SET running = 0")
    with local(chosen) as page:
        _limits, welcome = page.messages()
        page.press(welcome, "All scripts")
        assert "**The Heath**: paused, 11 lines" in read(page.messages()[-1])


def test_the_page_goes_on_when_more_lines_are_posted_than_discord_takes_at_once(
    chosen: RunnerSettings,
):
    with local(chosen) as page:
        page.command("start", title="The Heath", heading="ext. heath - dawn")
        said = "\n\n".join(f"{name}: I." for name in "BCDEFGH")
        page.command("write", text=f"A: I.\n\nIt rains.\n\n{said}")
        # The action is the narrator's, who has the name of the script.
        page.command("script fork", title="The Moor")
        page.command("script edit", line="2")
        page.press(page.messages()[-1], "Rewrite this line")
        window = page.ask("/api/state")["modal"]
        [row] = window["payload"]["components"]
        values = {row["component"]["custom_id"]: "Oh."}
        page.act("modal_submit", modal_handle=window["handle"], values=values)
        names = [message["author"]["name"] for message in page.messages()]
        assert names[-9:-1] == ["The Moor", *"BCDEFGH"]


def test_the_page_leaves_the_messages_of_a_bot_on_discord_alone(chosen: RunnerSettings):
    run_sql(
        chosen.database, "INSERT INTO channels (id, panel, asked_for_webhooks) VALUES (7, 8, 0)"
    )
    with local(chosen, ONBOOK_DATABASE=str(chosen.database)) as page:
        page.command("start", title="The Heath", heading="ext. heath - dawn")
    assert run_sql(chosen.database, "SELECT panel FROM channels") == [["8"]]
    assert count(chosen.database, "scripts") == 0


def test_the_page_needs_no_package_for_metrics(chosen: RunnerSettings, tmp_path: Path):
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "prometheus_client.py").write_text("raise ModuleNotFoundError(name=__name__)")
    hidden = os.pathsep.join([str(missing), str(ROOT)])
    with local(chosen, ONBOOK_METRICS_PORT="9100", PYTHONPATH=hidden) as page:
        assert page.messages()


def test_messages_become_lines_on_the_page(chosen: RunnerSettings):
    with local(chosen) as page:
        page.command("start", title="The Heath", heading="ext. heath - dawn")
        page.command("write", text="ANN: Good morrow.")
        assert "or mention me" in read(page.messages()[-1])
        for text, place in (
            ("ANN: One.", -1),
            ("@on book ANN: Two.", -2),
            ("@On Book, ANN: Three.", None),
            ("ANN: Four.", -1),
        ):
            before = page.messages()
            target = None if place is None else before[place]["id"]
            sent = page.act("send_message", content=text, reply_to_id=target)
            assert (sent["settlement"], sent["uncertain"]) == ("settled", False)
            assert letters(read(page.messages()[-2])) == letters(text.rpartition(":")[2])
            # The line has replaced the message.
            assert len(page.messages()) == len(before) + 1
        page.act("send_message", content="ANN: Five.", reply_to_id=None)
        assert read(page.messages()[-1]) == "ANN: Five."
        many = "\n\n".join(["Rain."] * 11)
        page.act("send_message", content=f"@On Book {many}", reply_to_id=None)
        assert read(page.messages()[-1]) == "That is 11 lines at once. Write at most 10."
        long = f"@On Book ANN: {'x' * 1_986}"
        for text, last in (
            (long, "A Discord message can have at most 2,000 characters"),
            ("ANN: Six.", "ANN: Six."),
        ):
            sent = page.act("send_message", content=text, reply_to_id=None)
            assert sent["settlement"] == "settled"
            assert read(page.messages()[-1]).startswith(last)
        assert read(page.messages()[-3]) == long


def test_the_page_is_a_sandbox_for_two_and_says_what_it_lacks(chosen: RunnerSettings):
    with local(chosen) as page:
        assert "shows only “Completing action…”" in read(page.messages()[0])
        page.command("start", title="The Heath", heading="ext. heath - dawn")
        page.command("write", text="ANN: Good morrow.")
        line = page.messages()[-2]
        page.become("Ben")
        # Ben is no moderator, and Ann owns the script.
        page.command("undo")
        assert "would remove Ann's line" in read(page.messages()[-1])
        page.command("settings", setting="look", value="cards")
        assert read(page.messages()[-1]).startswith("Only the script's owner or a moderator")
        # A command stands in for the menus of messages, of which the page has none.
        suggested = str(page.suggest("apps", "message", "morrow"))
        assert "ANN Good morrow." in suggested
        assert line["id"] in suggested
        page.command("apps", entry="Details", message=line["id"])
        assert "Ann" in read(page.messages()[-1])
        page.command("apps", entry="Details", message="7")
        assert read(page.messages()[-1]) == "That message is gone. Choose another one."
        page.act("send_message", content="HELEN: Get me down.", reply_to_id=None)
        page.command("apps", entry="Add to the script", message=page.messages()[-1]["id"])
        said = page.messages()[-2]
        assert (said["author"]["name"], letters(read(said))) == ("HELEN", "GETMEDOWN")
        page.become("Ann")
        page.command("settings", setting="look", value="cards")
        page.command("write", text="HELEN: Now!")
        assert letters(read(page.messages()[-2])) == "HELENNOW"
