"""Run sessions without Discord, with a real voice and a real database."""

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from sqlalchemy import URL, select

from bot.generation.options import OPTIONS
from bot.inference.request import Request
from bot.screenplay.fountain import format_for_model
from bot.screenplay.free_text import make_heading
from bot.session.channel_session import ChannelSession, ChannelSessions
from bot.session.turn import ContinueRequest, NewScript, Requester, ScriptPosition, TurnResult
from bot.settings import Settings
from bot.storage.line_tree import is_in_tree
from bot.storage.schema import Line, Script
from bot.storage.store import Store
from tests.tools.postgres_server import ask

CHANNEL = 1


def run_sql(where: Path | URL, *statements: str) -> list[list[str]]:
    """Run statements over a separate connection, and return the rows of the last as texts."""
    if isinstance(where, URL):
        return ask(where, *statements)
    with closing(sqlite3.connect(where)) as connection, connection:
        rows = [connection.execute(statement).fetchall() for statement in statements][-1]
    return [[str(value) for value in row] for row in rows]


class SessionHarness:
    """Sessions without Discord, and shortcuts for what people do in them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.deliveries = count()

    async def open(self) -> None:
        self.sessions = await ChannelSessions.open(self.settings)
        self.store, self.models = self.sessions.store, self.sessions.models
        self.session = self.sessions.get(CHANNEL)

    async def close(self) -> None:
        await self.sessions.close()

    async def restart(self, *statements: str) -> None:
        """Close the database, run statements in it, and open everything again."""
        await self.close()
        if statements:
            run_sql(self.settings.database_location, *statements)
        await self.open()

    def writer(self, name: str = "Ann") -> Requester:
        return Requester(sum(map(ord, name)), name, f"delivery {next(self.deliveries)}")

    def session_with(self, **changes: object) -> ChannelSession:
        """Return a session of the same channel with other settings."""
        settings = self.settings.model_copy(update=changes)
        return ChannelSessions(self.store, self.models, settings).get(CHANNEL)

    async def start(self, room: ChannelSession | None = None, **how: object) -> TurnResult:
        arguments = {"title": "The Diner", "heading": make_heading("int. diner - night")} | how
        opening = filter(None, [arguments.pop("heading")])
        if temperature := arguments.pop("temperature", None):
            arguments["options"] = {"temperature": temperature}
        return await (room or self.session).library.begin(
            self.writer(), NewScript(**arguments), *opening
        )

    async def write(self, text: str, character: str | None = None, by: str = "Ann") -> TurnResult:
        return await self.session.continuation.write(self.writer(by), text, character)

    async def generate(self, by: str = "Ann", **wish: object) -> TurnResult:
        return await self.session.continuation.generate(self.writer(by), make_request(**wish))

    async def continue_script(self, seed: int | None = None, **wish: object) -> list[Line]:
        return (await self.generate(seed=seed, **wish)).lines

    async def retry(self) -> TurnResult:
        return await self.session.continuation.retry(self.writer())

    async def undo(self) -> TurnResult:
        return await self.session.history.undo(self.writer())

    async def redo(self) -> TurnResult:
        return await self.session.history.redo(self.writer())

    async def jump(self, position: ScriptPosition) -> TurnResult:
        return await self.session.history.jump_to(self.writer(), position)

    async def rewrite(self, line: Line, text: str, by: str = "Ann") -> TurnResult:
        position = ScriptPosition((await self.session.library.load_script()).id, line.id)
        return await self.session.history.rewrite(self.writer(by), position, text)

    async def fork(self, title: str, **how: int) -> TurnResult:
        return await self.session.history.fork(self.writer(), title, **how)

    async def change_preferences(self, changes: dict[str, object]) -> TurnResult:
        return await self.session.library.change_preferences(self.writer(), changes)

    async def lines(self) -> list[Line]:
        return await self.session.library.load_lines()

    async def state(self, line: Line, voice: str = "tiny") -> bytes | None:
        fingerprint = (await self.models.engine(voice)).model.fingerprint
        kept = await self.store.states.find_state(line.id, fingerprint)
        return None if kept is None else kept.tobytes()

    async def read_from_start(self, lines: list[Line], voice: str = "tiny") -> bytes:
        """Return the state of a voice after reading only these lines."""
        engine = await self.models.engine(voice)
        text = "".join(format_for_model(line.text) for line in lines)
        reply = await engine.run(Request(engine.model.start(), engine.model.encode(text)))
        return reply.state.tobytes()


def make_request(**wish: object) -> ContinueRequest:
    """Return a request for lines, with options and other arguments mixed."""
    options = {option.name: wish.pop(option.name) for option in OPTIONS if option.name in wish}
    return ContinueRequest(options=options, **wish)


async def load_tree(store: Store, script: Script) -> list[Line]:
    """Load all lines of a script's tree, in the order in which they were written."""
    return await store.lines._scalars(select(Line).where(is_in_tree(script)).order_by(Line.id))


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]
