"""Write a script in a terminal, with the same session as a channel of Discord."""

from __future__ import annotations

import asyncio
import getpass
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from difflib import get_close_matches
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from random import SystemRandom

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.shortcuts import CompleteStyle

from ..cogs.cast import format_cast
from ..cogs.feature import UNTITLED
from ..cogs.reading import make_file_name
from ..errors import NoScript, RequestError, RunnerError, ServiceError
from ..interactions.turns import format_model_change, format_warnings
from ..screenplay.elements import Element, Kind
from ..screenplay.exporters import list_endings
from ..screenplay.free_text import make_heading, parse_cast, parse_name
from ..screenplay.page_layout import lay_out_page
from ..session.channel_session import ChannelSession, ChannelSessions
from ..session.preferences import LOCK
from ..session.situations import draw_situation
from ..session.turn import (
    MAX_LINES,
    OPENING_WRITER,
    ContinueRequest,
    Job,
    NewScript,
    Requester,
    TurnResult,
)
from ..settings import Settings
from ..storage.schema import Line, Script
from ..ui.delivery.responses import format_error
from ..ui.markdown import to_plain_text
from .runner import cancel_on_signal
from .script_files import find_format, quote_end, write_script

TERMINAL_CHANNEL = -1
"""The channel of the terminal's scripts: negative, like a private one, so no bot shows them."""

TERMINAL_WRITER = 1
"""The id of the terminal's writer, which Discord gives to nobody."""

UNTITLED_SCRIPT = NewScript(title=UNTITLED)

LINES_AT_START = 6
"""The number of last lines of a script that are shown when the program starts."""

MODEL, PERSON, NOTE = "ansicyan", "", "ansibrightblack"
"""The colours of the voice's lines, of a person's, and of what the program says."""

HELP = f"""\
Type a line of the script: INT. DINER - NIGHT, Maya: Hello., CUT TO:, or an action.
Press Enter alone, and the voice writes the next line. Ctrl-C stops it.

/continue [LINES] [NAME]  let the voice write up to 10 lines; NAME speaks first
/take                     get another take of the voice's last line
/undo, /redo              take the last line or edit back, or restore it
/cast [add|remove NAMES]  show or change the cast
/cast lock, /cast unlock  let only the cast speak, or anyone
/start [HEADING]          pause this script, and start one at HEADING, or in a random situation
/script [list|NUMBER]     read the whole script, list all, or go on with another one
/export [FILE]            save the script as FILE{list_endings()}
/help, /quit              show this, or leave; the script is kept"""


async def write(settings: Settings) -> None:
    """Write until /quit or the end of the input; raise RunnerError, ModelError and StoreError."""
    if sys.stdin is None:
        raise RunnerError("The input is closed. Write in a terminal, or through a pipe.")
    if isinstance(sys.stdin, TextIOWrapper):
        # By default, bytes that are not text stop the program, or are dropped by the cleaning.
        sys.stdin.reconfigure(errors="replace")
    sessions = await ChannelSessions.open(settings)
    try:
        await sessions.housekeeping.evict_states()  # once, because one person writes few lines
        await Terminal(sessions.get(TERMINAL_CHANNEL)).run()
    finally:
        await sessions.close()


def _find_user_name() -> str:
    """Return the name of the system's user, or "You" for one without a name, as in a container."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # by the system, and by the version of Python
        return "You"


def _choose_path(script: Script, file: str) -> Path:
    """Return the path of a file, or of a new one in this folder if only its ending is given.

    A second export is `title-2.fountain`.
    """
    if "." in file:
        return Path(file).expanduser()
    name, ending = make_file_name(script), file or "fountain"
    names = (f"{name}-{number}" if number > 1 else name for number in count(1))
    return next(path for each in names if not (path := Path(f"{each}.{ending}")).exists())


class Terminal:
    """A terminal that reads lines and commands, and shows what they did to the script."""

    def __init__(self, session: ChannelSession) -> None:
        self.session = session
        self.commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "/continue": self.continue_,
            "/take": self.take,
            "/undo": self.undo,
            "/redo": self.redo,
            "/cast": self.cast,
            "/start": self.start,
            "/script": self.script,
            "/export": self.export,
            "/help": self.help,
            "/quit": self.quit,
        }

    async def run(self) -> None:
        """Answer what is typed until /quit or the end of the input."""
        try:
            await self.show_end(LINES_AT_START)
        except NoScript:
            # Piped input is a script of its own.
            await self.start("") if sys.stdin.isatty() else await self.begin(UNTITLED_SCRIPT)
        self.note("Type a line, or press Enter to let the voice write. /help explains the rest.")
        read = self._make_reader()
        while True:
            try:
                await self.answer((await read()).strip())
            except (EOFError, KeyboardInterrupt):
                return
            except (RequestError, ServiceError) as error:
                self.note(to_plain_text(format_error(error)))
            except RunnerError as error:
                self.note(str(error))

    def _make_reader(self) -> Callable[[], Awaitable[str]]:
        """Return a prompt with history, or a reader of a pipe; both raise EOFError at the end."""
        if sys.stdin.isatty():
            names = WordCompleter(list(self.commands), sentence=True)
            prompt: PromptSession[str] = PromptSession(
                "> ", completer=names, complete_style=CompleteStyle.READLINE_LIKE
            )
            return prompt.prompt_async

        async def read() -> str:
            line: str = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                raise EOFError
            return line

        return read

    async def answer(self, typed: str) -> None:
        """Run a command, or add a line to the script."""
        name, _, rest = typed.partition(" ")
        if not typed:
            await self.continue_("")
        elif command := self.commands.get(name.lower()):
            await command(rest.strip())
        elif name.startswith("/"):
            similar = get_close_matches(name.lower(), self.commands, 1)
            suggestion = f"Did you mean {similar[0]}? " if similar else ""
            self.note(f"There is no command {name}. {suggestion}/help shows all.")
        else:
            async with self._take_turn() as job:
                result = await self.session.continuation.write(self._requester(), typed, job=job)
            self.show_result(result)

    # Commands, which `HELP` explains

    async def continue_(self, rest: str) -> None:
        words = rest.split()
        lines = int(words.pop(0)) if words and words[0].isdecimal() else 1
        character = parse_name(" ".join(words)) if words else None
        if not 1 <= lines <= MAX_LINES:
            self.note(f"The voice writes 1 to {MAX_LINES} lines at a time.")
            return
        request = ContinueRequest(lines=lines, character=character, takes=1)
        async with self._take_turn() as job:
            result = await self.session.continuation.generate(self._requester(), request, job=job)
        self.show_result(result)

    async def take(self, _rest: str) -> None:
        async with self._take_turn() as job:
            result = await self.session.continuation.retry(self._requester(), job=job)
        self.show_result(result)

    async def undo(self, _rest: str) -> None:
        await self.session.history.undo(self._requester())
        self.note("Undone. The script ends like this now:\n")
        await self.show_end(1)

    async def redo(self, _rest: str) -> None:
        await self.session.history.redo(self._requester())
        self.note("Restored:\n")
        await self.show_end(1)

    async def cast(self, rest: str) -> None:
        action, _, names = rest.partition(" ")
        action = action.lower()
        library, requester = self.session.library, self._requester()
        match action:
            case "":
                script = await library.load_script()
            case "add":
                script = await library.add_to_cast(requester, parse_cast(names))
            case "remove":
                script = await library.remove_from_cast(requester, parse_cast(names))
            case "lock" | "unlock":
                script = await library.change_preferences(requester, {LOCK.name: action == "lock"})
            case _:
                self.note(
                    "Use /cast alone, or with add, remove, lock or unlock: /cast add MAYA, JONAS"
                )
                return
        self.note(to_plain_text(format_cast(script)))

    async def start(self, rest: str) -> None:
        """Start a script in a place or a situation, and shelve the one that runs."""
        library = self.session.library
        if rest:
            model = await library.find_chosen_model(None, rest)
            await self.begin(replace(UNTITLED_SCRIPT, model=model), make_heading(rest))
        else:
            situation = draw_situation([library.settings.model], SystemRandom())
            new = NewScript(title=situation.title, cast=situation.cast)
            await self.begin(new, *situation.elements, author=OPENING_WRITER)

    async def begin(
        self, new: NewScript, *opening: Element, author: Requester | None = None
    ) -> None:
        """Begin a script, shelve the one that runs, and show the new one."""
        await self.session.library.begin(self._requester(), new, *opening, author=author)
        await self.show_end(None)

    async def script(self, rest: str) -> None:
        """Show the whole script, list all, or go on with another one."""
        if not rest:
            await self.show_end(None)
            return
        scripts = await self.session.library.list_scripts()
        numbered = {str(number): script for number, script in enumerate(scripts, 1)}
        if chosen := numbered.get(rest):
            await self.session.library.switch(self._requester(), chosen.id)
            await self.show_end(LINES_AT_START)
            return
        if rest.lower() != "list":
            self.note(f"There is no script {rest}. Choose one of these by its number:")
        for number, script in numbered.items():
            end = await quote_end(self.session.store, script)
            self.note(f"{number}  {script.title}: {end}"[:75])

    async def export(self, rest: str) -> None:
        script = await self.session.library.load_nonempty_script()
        path = _choose_path(script, rest)
        export_format = find_format(path)
        lines = await self.session.library.load_lines()
        left_out = await asyncio.to_thread(write_script, script, lines, path, export_format)
        self.note(f"Saved {path}. {left_out}".rstrip())

    async def help(self, _rest: str) -> None:
        self.note(HELP)

    async def quit(self, _rest: str) -> None:
        raise EOFError

    # Turns and their lines

    def _requester(self) -> Requester:
        return Requester(TERMINAL_WRITER, _find_user_name(), uuid.uuid4().hex, moderator=True)

    @asynccontextmanager
    async def _take_turn(self) -> AsyncIterator[Job]:
        """Show that a turn takes time, and let Ctrl-C stop its job."""
        job = Job()
        stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stop.add_done_callback(lambda _: job.stop())
        with cancel_on_signal(stop):
            if sys.stdout.isatty():
                self.note("…")
            yield job

    def show_result(self, result: TurnResult) -> None:
        """Show the lines of a turn, and say what the writer must know."""
        self.show(result.lines)
        failure = format_error(result.failure) if result.failure else ""
        for said in filter(None, (failure, format_model_change(result), *format_warnings(result))):
            self.note(to_plain_text(said))

    async def show_end(self, count: int | None) -> None:
        """Show the last lines of the script, or all, below its title."""
        script = await self.session.library.load_script()
        lines = await self.session.library.load_lines()
        if lines:
            self.show(lines if count is None else lines[-count:])
        else:
            self.note(f"“{script.title}” has no line yet.")

    def show(self, lines: Sequence[Line]) -> None:
        """Show lines as a page, in the colour of who wrote them."""
        for line in lines:
            colour = PERSON if line.author else MODEL
            bold = " bold" if line.element.kind is Kind.HEADING else ""
            self.print(f"{lay_out_page([line.element])}\n", colour + bold)

    def note(self, text: str) -> None:
        """Say something that is not part of the script."""
        self.print(text, NOTE)

    def print(self, text: str, style: str) -> None:
        if sys.stdout.isatty():
            print_formatted_text(FormattedText([(style, text)]))
        else:
            print(text, flush=True)
