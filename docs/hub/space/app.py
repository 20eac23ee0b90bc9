"""Play On Book's voices in a browser, without Discord: ``pip install onbook gradio``.

The page keeps no script: each press of a button reads the text box, writes, and forgets.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from random import SystemRandom

import gradio as gr
from onbook.errors import RequestError, ServiceError
from onbook.screenplay.elements import Element
from onbook.screenplay.free_text import parse_name
from onbook.screenplay.importers.fountain_reader import read_fountain
from onbook.session.channel_session import ChannelSessions
from onbook.session.situations import draw_situation
from onbook.session.turn import MAX_LINES, ContinueRequest, NewScript, Requester
from onbook.settings import Settings
from onbook.ui.delivery.responses import format_error
from onbook.ui.markdown import to_plain_text

VOICES = {"screen": "screen: films", "stage": "stage: plays"}

NOBODY = "anybody"
"""Stands for the choice to let the voice choose who speaks."""

LONGEST_SCRIPT = 20_000
"""Characters of a script; a longer one takes too long to read at each press."""


class Writer:
    """Writes with the voices, as a channel of Discord does."""

    def __init__(self, folder: str) -> None:
        self._settings = Settings(database=Path(folder, "scripts.db"))
        self._channels = count(1)
        self._opening = asyncio.Lock()
        self._sessions: ChannelSessions | None = None

    async def write(
        self, script: str, voice: str, speaker: str, temperature: float, lines: float
    ) -> str:
        """Return a script with more lines, or as it was, with a warning that says what to do."""
        if len(script) > LONGEST_SCRIPT:
            gr.Warning(f"Shorten the script to {LONGEST_SCRIPT:,} characters.")
            return script
        try:
            return await self._write(script, voice, speaker, temperature, round(lines))
        except (RequestError, ServiceError) as error:
            gr.Warning(to_plain_text(format_error(error)))
            return script

    async def _write(
        self, script: str, voice: str, speaker: str, temperature: float, lines: int
    ) -> str:
        session = (await self._open()).get(next(self._channels))
        elements = read_fountain(script.encode()).elements
        begun = await session.library.import_script(
            make_requester(), NewScript(title="Untitled", model=voice), elements
        )
        request = ContinueRequest(
            lines=lines,
            character=None if speaker in ("", NOBODY) else parse_name(speaker),
            takes=1,
            options={"temperature": temperature},
        )
        try:
            result = await session.continuation.generate(make_requester(), request)
        finally:
            await session.library.delete(make_requester(), begun.script.id)
        if result.failure:
            gr.Warning(to_plain_text(format_error(result.failure)))
        return format_script([*elements, *(line.element for line in result.lines)])

    async def _open(self) -> ChannelSessions:
        """Open the voices when somebody first writes, in the event loop that serves the page."""
        async with self._opening:
            if self._sessions is None:
                self._sessions = await ChannelSessions.open(self._settings)
            return self._sessions


def make_requester() -> Requester:
    """Return who asks, once for each thing, because none is done twice."""
    return Requester(1, "You", uuid.uuid4().hex, moderator=True)


def surprise(voice: str) -> str:
    """Return the beginning of a scene for a voice."""
    return format_script(draw_situation(voice, SystemRandom()).elements)


def format_script(elements: Sequence[Element]) -> str:
    """Return elements as the text of a script."""
    return "\n\n".join(element.text for element in elements) + "\n"


def list_speakers(script: str) -> gr.Dropdown:
    """Return the choice of who speaks next, with everybody who has spoken."""
    elements = read_fountain(script.encode()).elements
    names = dict.fromkeys(element.cue for element in elements if element.cue)
    return gr.Dropdown([NOBODY, *names])


def make_page(writer: Writer) -> gr.Blocks:
    """Return the page."""
    first = surprise("screen")
    with gr.Blocks(title="On Book") as page:
        gr.Markdown("# On Book\nWrite a scene, and let a small network write on.")
        script = gr.Textbox(first, label="Script (Fountain)", lines=16, max_lines=40)
        with gr.Row():
            go_on = gr.Button("Continue", variant="primary")
            again = gr.Button("Surprise me")
        with gr.Row():
            choices = [(label, name) for name, label in VOICES.items()]
            voice = gr.Dropdown(choices, value="screen", label="Voice")
            speaker = gr.Dropdown(
                [NOBODY], value=NOBODY, label="Who speaks next?", allow_custom_value=True
            )
        with gr.Row():
            temperature = gr.Slider(0.1, 2.0, 0.65, step=0.05, label="Temperature")
            lines = gr.Slider(1, MAX_LINES, 1, step=1, label="Lines")
        inputs = [script, voice, speaker, temperature, lines]
        go_on.click(writer.write, inputs, script, api_name="continue", concurrency_limit=4)
        again.click(surprise, voice, script, api_name="surprise")
        gr.on([page.load, script.change], list_speakers, script, speaker, show_progress="hidden")
    return page


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        make_page(Writer(folder)).launch()
