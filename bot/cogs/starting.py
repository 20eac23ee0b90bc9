"""Start a script: the command, its modal, and the offer to shelve the running script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import discord
from discord import app_commands, ui

from ..generation.openings import label_style
from ..i18n.catalogue import phrase, say
from ..inference.model import LONGEST_STYLE
from ..interactions import attachments
from ..interactions.requester import get_guild
from ..interactions.turns import Turn
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import has_scene_prefix
from ..screenplay.free_text import TITLE_LIMIT, clean_title, make_heading
from ..screenplay.importers import check_file, list_endings
from ..screenplay.importers.manuscript import Manuscript
from ..session.preferences import combine_options
from ..session.rate_limits import Cost
from ..session.turn import NO_SCRIPT, OPENING_WRITER, ContinueRequest, NewScript
from ..ui.cards.model_cards import label_model, list_styles
from ..ui.components import SCRIPT, Interaction, make_options, position_pattern
from ..ui.delivery.sending import complete_response
from ..ui.markdown import inline
from .beginnings import Beginning, BeginningCog, make_new_script
from .feature import (
    BELOW_SCRIPT,
    Choice,
    Choices,
    FeatureCog,
    Temperature,
    answer_suggestions,
    command,
    listens_to,
    suggest,
    takes_mood,
)

MAX_HEADING_LENGTH, MAX_CAST_LENGTH = 200, 1000
"""The maximum number of characters in a scene heading, and in a list of names."""

STARTS_HERE = phrase("“{title}” starts here.")
"""The announcement of a new script."""

BY_HEADING = "*heading"
"""The value in the window's list of voices that is not the name of a voice."""

START_OPTIONS = {
    "title": phrase("The script's title"),
    "heading": phrase("Where it starts, such as INT. DINER - NIGHT"),
    "cast": phrase("The characters, separated by commas"),
    "voice": phrase("The voice to write with"),
    "style": phrase("The tone to start in; each voice has its own"),
}
"""The meanings of the options of /start, as Discord shows them."""


class Starting(BeginningCog, name="OnBook.starting"):
    """Start a script."""

    @command("start", everywhere=True)
    @app_commands.describe(
        **START_OPTIONS, surprise="Pick an opening at random, and whatever you leave out"
    )
    @app_commands.autocomplete(voice=FeatureCog.suggest_model)
    @takes_mood
    @listens_to(position_pattern("start"))
    @listens_to(position_pattern("surprise"), surprise=True)
    async def start(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100] = "",
        heading: app_commands.Range[str, 1, MAX_HEADING_LENGTH] = "",
        cast: app_commands.Range[str, 1, MAX_CAST_LENGTH] = "",
        voice: app_commands.Range[str, 1, 100] | None = None,
        style: app_commands.Range[str, 1, LONGEST_STYLE] | None = None,
        temperature: Temperature | None = None,
        mood: app_commands.Range[str, 1, 40] | None = None,
        surprise: bool = False,
    ) -> None:
        """Start a new script in this channel"""
        options = combine_options(mood, temperature, self.services.settings)
        beginning = Beginning(title, heading, cast, voice, style, options, surprise)
        if beginning == Beginning():
            await self._open_window(interaction)
        else:
            await self._begin_script(interaction, beginning)

    @command("import", extras=BELOW_SCRIPT)
    @app_commands.describe(
        file=f"A script to continue: {list_endings()}, up to 1 MB", **START_OPTIONS
    )
    @app_commands.autocomplete(voice=FeatureCog.suggest_model)
    @takes_mood
    async def import_(
        self,
        interaction: Interaction,
        file: discord.Attachment,
        title: app_commands.Range[str, 1, 100] = "",
        heading: app_commands.Range[str, 1, MAX_HEADING_LENGTH] = "",
        cast: app_commands.Range[str, 1, MAX_CAST_LENGTH] = "",
        voice: app_commands.Range[str, 1, 100] | None = None,
        style: app_commands.Range[str, 1, LONGEST_STYLE] | None = None,
        temperature: Temperature | None = None,
        mood: app_commands.Range[str, 1, 40] | None = None,
    ) -> None:
        """Start a new script from a file"""
        options = combine_options(mood, temperature, self.services.settings)
        beginning = Beginning(title, heading, cast, voice, style, options, file=file)
        await self._begin_script(interaction, beginning)

    @start.autocomplete("style")
    @import_.autocomplete("style")
    @answer_suggestions
    async def _suggest_style(self, interaction: Interaction, current: str) -> Choices:
        model = interaction.namespace.voice
        if not model:
            session, guild = self.services.admit_to_session(interaction), get_guild(interaction)
            heading = interaction.namespace.heading or ""
            model = await session.library.find_chosen_model(guild, heading)
        styles = list_styles(await self.services.models.look(model))
        return suggest({style: label_style(style) for style in styles}, current)

    async def _open_window(self, interaction: Interaction) -> None:
        """Open a window with a situation, which people may leave or change."""
        library = self.services.admit_to_session(interaction).library
        preset = library.recall_preset_model(get_guild(interaction))
        situation = self.draw_situation(preset)
        surprise = ui.Checkbox[Any]()
        first = label_model(preset) if preset else say("As the heading suggests")
        voices = {preset or BY_HEADING: first}
        voices |= {name: label_model(name) for name in self.services.models.names()}
        menu = ui.Select[Any](required=False, options=make_options(voices, preset or BY_HEADING))
        make_input = partial(ui.TextInput[Any], required=False)
        title = make_input(default=situation.title, max_length=TITLE_LIMIT)
        heading = make_input(default=situation.heading, max_length=MAX_HEADING_LENGTH)
        cast = make_input(default=", ".join(situation.cast), max_length=MAX_CAST_LENGTH)
        labels = [
            ui.Label[Any](
                text=say("Surprise me"),
                description=say(
                    "Picks an opening at random, and whatever you leave unchanged; then the voice "
                    "continues"
                ),
                component=surprise,
            ),
            ui.Label[Any](text=say("Voice"), component=menu),
            ui.Label[Any](text=say("Title"), component=title),
            ui.Label[Any](
                text=say("First scene heading"),
                description=None
                if preset
                else say(
                    "INT. or EXT. suggests the film voice; any other heading, the stage voice"
                ),
                component=heading,
            ),
            ui.Label[Any](
                text=say("Cast"),
                description=say("Separated by commas; only they speak"),
                component=cast,
            ),
        ]

        async def submit(answer: Interaction) -> None:
            model = menu.values[0] if menu.values and menu.values[0] != BY_HEADING else None

            def read(text: ui.TextInput[Any]) -> str:
                # A surprise draws something other than what was suggested.
                return "" if surprise.value and text.value == text.default else text.value

            texts = read(title), read(heading), read(cast)
            await self._begin_script(answer, Beginning(*texts, model, surprise=surprise.value))

        await self.open_modal(interaction, say("Start a script"), labels, submit)

    async def _begin_script(self, interaction: Interaction, beginning: Beginning) -> None:
        """Start a script; if another one is running, ask which of them to go on with.

        For a surprise, first draw what is left open.
        """
        keep = "\n".join(filter(None, (beginning.title, beginning.heading, beginning.cast)))
        async with self.answering(interaction, keep=keep):
            turn = await self.turns.admit(interaction)
            if beginning.surprise:
                guild = get_guild(interaction)
                beginning = await self.draw_beginning(turn.session, guild, beginning)
            await self._check_and_begin(turn, beginning, keep)

    async def _check_and_begin(self, turn: Turn, beginning: Beginning, keep: str) -> None:
        if file := beginning.file:
            check_file(file.filename, file.size)
        guild = get_guild(turn.interaction)
        new = make_new_script(beginning, guild)
        self.services.charge(turn.interaction, Cost(characters=file.size if file else 0))
        library = turn.session.library
        running = await library.find_running()
        new = replace(
            new,
            model=new.model or await library.find_chosen_model(guild, beginning.heading),
            # An offer can become outdated, and two people can begin at once, so only the script
            # that was seen may be shelved.
            replaced=running.id if running else NO_SCRIPT,
        )
        # Nobody loses a place in a script that has no line.
        if running is None or running.head is None:
            new = replace(new, only_empty=True)
            await self._begin(turn, new, beginning)
            return

        async def start(chosen: Interaction) -> None:
            await self._begin(await self.turns.admit(chosen), new, beginning)

        question = say(
            "“{title}” is running in this channel. Continue it, or pause it? Paused scripts are "
            "kept.",
            title=inline(running.title, 100),
        )
        go_on = Choice(say("Continue it"), self._keep_running, discord.ButtonStyle.primary)
        pause = Choice(say("Pause it and start the new one"), start)
        await self.offer(turn.interaction, question, go_on, pause, keep=keep)

    async def _begin(self, turn: Turn, new: NewScript, beginning: Beginning) -> None:
        """Begin a script; if it is a file without speech, ask first."""
        heading = [make_heading(beginning.heading)] if beginning.heading.strip() else []
        opening = [*heading, *beginning.opening]
        if file := beginning.file:
            manuscript = await attachments.read_attachment(file, new.cast)
            begin = partial(self._import, new, beginning, opening, file, manuscript)

            async def import_anyway(chosen: Interaction) -> None:
                await begin(await self.turns.admit(chosen))

            if manuscript.has_speech:
                await begin(turn)
                return
            question = say(
                "No speech was found. If there is some, put each speaker's name in capitals on the "
                "row above, and import the file again."
            )
            anyway = Choice(say("Import it anyway"), import_anyway)
            await self.offer(turn.interaction, question, anyway)
            return
        author = OPENING_WRITER if beginning.opening else None
        result = await turn.session.library.begin(turn.requester, new, *opening, author=author)
        request = ContinueRequest() if beginning.surprise else None
        await self.show_beginning(turn, result, STARTS_HERE, request)

    async def _import(
        self,
        new: NewScript,
        beginning: Beginning,
        opening: Sequence[Element],
        file: discord.Attachment,
        manuscript: Manuscript,
        turn: Turn,
    ) -> None:
        """Begin a script with the elements of a file, below the opening."""
        model = new.model
        if not beginning.model and not opening:
            headings = (each.body for each in manuscript.elements if each.kind is Kind.HEADING)
            # An act or a teaser may stand above the first scene.
            heading = max(headings, key=has_scene_prefix, default="")
            model = await turn.session.library.find_chosen_model(new.guild, heading)
        title = clean_title(beginning.title) or attachments.choose_title(file, manuscript)
        authors = clean_title(manuscript.authors)
        new = replace(new, title=title or new.title, model=model)
        async with self.turns.show_progress(turn.interaction, SCRIPT) as job:
            result = await turn.session.library.import_script(
                turn.requester, new, manuscript.elements, job, opening, authors
            )
        lines = len(opening) + len(manuscript.elements)
        note = attachments.format_import_note(manuscript, lines, result.unread)
        await self.show_beginning(turn, replace(result, note=note), STARTS_HERE)

    async def _keep_running(self, interaction: Interaction) -> None:
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        script = await session.library.load_script()
        sentence = say("“{title}” continues.", title=inline(script.title, 100))
        await complete_response(interaction, content=sentence)
        await self.turns.sync(interaction, session)
