"""Start a script: the command, its modal, and the offer to shelve the running script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import SystemRandom
from typing import Any

import discord
from discord import app_commands, ui

from ..generation.options import OptionValue
from ..i18n.catalogue import LANGUAGES, phrase, say
from ..inference.model import LONGEST_STYLE
from ..screenplay.elements import Element, Kind
from ..screenplay.free_text import TITLE_LIMIT, clean_title, make_heading, parse_cast
from ..screenplay.importers.import_formats import check_file, list_endings
from ..session.channel_session import ChannelSession
from ..session.preferences import combine_options
from ..session.rate_limits import Cost
from ..session.situations import Situation, draw_situation, load_situations, suggest_voice
from ..session.turn import NO_SCRIPT, Job, NewScript, Requester, TurnResult
from ..storage.schema import Script
from ..ui.components import SCRIPT, Interaction, position_pattern
from ..ui.delivery import FirstResponse, complete_response
from ..ui.markdown import inline, plain
from ..ui.model_cards import find_language, label_voice, list_styles, name_language
from ..ui.responses import check_bot_permissions
from . import attachments
from .feature import (
    BELOW_SCRIPT,
    MAX_CHOICES,
    UNTITLED,
    Choice,
    Choices,
    FeatureCog,
    allow_everywhere,
    answer_errors,
    answer_suggestions,
    listens_to,
    suggest,
)
from .requester import get_guild
from .services import CogServices
from .turns import TurnFunction

MAX_HEADING_LENGTH, MAX_CAST_LENGTH = 200, 1000
"""Characters of a scene heading, and of a list of names."""

BY_HEADING, SURPRISE = "*heading", "*surprise"
"""The values of the window's list of voices that are no names of voices."""

START_OPTIONS = {
    "title": phrase("The script's title"),
    "heading": phrase("Where it starts, such as INT. DINER - NIGHT"),
    "cast": phrase("The characters, separated by commas"),
    "voice": phrase("The voice to write with"),
    "style": phrase("The tone to start in; each voice has its own"),
    "temperature": phrase("How daring the voice is, from 0.1 to 2.0; overrides the mood"),
    "mood": phrase("How the voice feels"),
}
"""What the options of /start mean, as Discord shows it."""


@dataclass(frozen=True)
class Beginning:
    """How a person wants a script to begin."""

    title: str = ""
    heading: str = ""
    """The first scene heading, or ""."""
    cast: str = ""
    """The names, separated by commas."""
    voice: str | None = None
    """The voice; None for the server's, or else the one that the heading suggests."""
    style: str | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    elements: Sequence[Element] = ()
    """The first elements after the heading."""


class Starting(FeatureCog, name="OnBook.starting"):
    """Start a script."""

    def __init__(self, services: CogServices) -> None:
        super().__init__(services)
        self._told_language = set[int]()
        """The people who know that a voice writes another language than theirs."""

    @app_commands.command(name="start")
    @app_commands.describe(**START_OPTIONS)
    @app_commands.autocomplete(voice=FeatureCog.suggest_voice, mood=FeatureCog.suggest_mood)
    @allow_everywhere
    @listens_to(position_pattern("start"))
    @answer_errors
    async def start(
        self,
        interaction: Interaction,
        title: app_commands.Range[str, 1, 100] | None = None,
        heading: app_commands.Range[str, 1, MAX_HEADING_LENGTH] | None = None,
        cast: app_commands.Range[str, 1, MAX_CAST_LENGTH] | None = None,
        voice: app_commands.Range[str, 1, 100] | None = None,
        style: app_commands.Range[str, 1, LONGEST_STYLE] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        mood: app_commands.Range[str, 1, 40] | None = None,
    ) -> None:
        """Start a new script in this channel"""
        options = combine_options(mood, temperature, self.services.settings)
        if not (title or heading or cast or voice or style or options):
            await self._open_window(interaction)
            return
        beginning = Beginning(title or "", heading or "", cast or "", voice, style, options)
        await self._begin_script(interaction, beginning)

    @app_commands.command(name="import", extras=BELOW_SCRIPT)
    @app_commands.describe(
        file=f"A script to continue: {list_endings()}, up to 1 MB", **START_OPTIONS
    )
    @app_commands.autocomplete(voice=FeatureCog.suggest_voice, mood=FeatureCog.suggest_mood)
    @answer_errors
    async def import_(
        self,
        interaction: Interaction,
        file: discord.Attachment,
        title: app_commands.Range[str, 1, 100] | None = None,
        heading: app_commands.Range[str, 1, MAX_HEADING_LENGTH] | None = None,
        cast: app_commands.Range[str, 1, MAX_CAST_LENGTH] | None = None,
        voice: app_commands.Range[str, 1, 100] | None = None,
        style: app_commands.Range[str, 1, LONGEST_STYLE] | None = None,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        mood: app_commands.Range[str, 1, 40] | None = None,
    ) -> None:
        """Start a new script from a file"""
        options = combine_options(mood, temperature, self.services.settings)
        beginning = Beginning(title or "", heading or "", cast or "", voice, style, options)
        await self._begin_script(interaction, beginning, file)

    @start.autocomplete("style")
    @import_.autocomplete("style")
    @answer_suggestions
    async def _suggest_style(self, interaction: Interaction, current: str) -> Choices:
        voice = interaction.namespace.voice
        if not voice:
            session = self.services.admit_to_session(interaction)
            voice = await session.library.find_chosen_model(get_guild(interaction))
        return suggest(list_styles(await self.services.voices.look(voice)), current)

    async def _open_window(self, interaction: Interaction) -> None:
        """Open a window with a situation, which people may leave or change."""
        library = self.services.admit_to_session(interaction).library
        situation = self._draw_situation(library.recall_guild_model(get_guild(interaction)))
        voice = _make_voice_menu(self.services.voices.names())
        title = ui.TextInput[Any](default=situation.title, required=False, max_length=TITLE_LIMIT)
        heading = ui.TextInput[Any](
            default=situation.heading, required=False, max_length=MAX_HEADING_LENGTH
        )
        cast = ui.TextInput[Any](
            default=", ".join(situation.cast), required=False, max_length=MAX_CAST_LENGTH
        )
        labels = [
            ui.Label[Any](text=say("Voice"), component=voice),
            ui.Label[Any](text=say("Title"), component=title),
            ui.Label[Any](
                text=say("First scene heading"),
                description=say("INT. or EXT. suggests the film voice, an act the stage voice"),
                component=heading,
            ),
            ui.Label[Any](
                text=say("Cast"),
                description=say("Separated by commas; only they speak"),
                component=cast,
            ),
        ]

        async def submit(answer: Interaction) -> None:
            chosen_voice = voice.values[0] if voice.values else BY_HEADING
            if chosen_voice == SURPRISE:
                await self._surprise(answer)
                return
            own_voice = None if chosen_voice == BY_HEADING else chosen_voice
            beginning = Beginning(title.value, heading.value, cast.value, own_voice)
            await self._begin_script(answer, beginning)

        await self.open_modal(interaction, "start", say("Start a script"), labels, submit)

    def _draw_situation(self, guild_voice: str | None) -> Situation:
        """Draw a situation for the voice that a server has chosen, or of any voice that is here."""
        if guild_voice:
            return draw_situation(guild_voice, SystemRandom())
        names = self.services.voices.names()
        written = [one for one in load_situations() if one.voice in names]
        return SystemRandom().choice(written or load_situations())

    @answer_errors
    async def _surprise(self, interaction: Interaction) -> None:
        """Draw how a script begins, and begin it."""
        await self.turns.acknowledge(interaction)
        await self._begin_script(interaction, await self._draw_beginning(interaction))

    async def _draw_beginning(self, interaction: Interaction) -> Beginning:
        """Draw how a script begins, in the style of the situation if the voice has it."""
        library, guild = self.services.admit_to_session(interaction).library, get_guild(interaction)
        chosen = await library.find_guild_model(guild)
        situation = self._draw_situation(chosen)
        is_here = situation.voice in self.services.voices.names()
        voice = chosen or (situation.voice if is_here else await library.find_chosen_model(guild))
        styles = list_styles(await self.services.voices.look(voice))
        return Beginning(
            title=situation.title,
            cast=", ".join(situation.cast),
            voice=voice,
            style=situation.style if situation.style in styles else None,
            elements=situation.elements,
        )

    async def _begin_script(
        self,
        interaction: Interaction,
        beginning: Beginning,
        file: discord.Attachment | None = None,
    ) -> None:
        """Start a script, unless another one runs: then ask which of them to go on with."""
        keep = "\n".join(filter(None, (beginning.title, beginning.heading, beginning.cast)))
        async with self.answering(interaction, keep=keep):
            await self._check_and_begin(interaction, beginning, file)

    async def _check_and_begin(
        self, interaction: Interaction, beginning: Beginning, file: discord.Attachment | None
    ) -> None:
        check_bot_permissions(interaction)
        if file:
            check_file(file.filename, file.size)
        title = clean_title(beginning.title)
        heading = [make_heading(beginning.heading)] if beginning.heading.strip() else []
        opening = [*heading, *beginning.elements]
        cast = parse_cast(beginning.cast)
        session = self.services.admit_to_session(interaction)
        self.services.charge(interaction, Cost(characters=file.size if file else 0))
        await self.turns.acknowledge(interaction)
        running = await self.store.scripts.find_running_script(session.channel)
        new = NewScript(
            title=title or say(UNTITLED),
            guild=get_guild(interaction),
            cast=cast,
            options=beginning.options,
            voice=beginning.voice or await self._choose_voice(interaction, beginning.heading),
            style=beginning.style,
            # An offer can grow old, and two can begin at once: only the script that was seen may
            # be shelved.
            replaced=running.id if running else NO_SCRIPT,
        )

        async def begin(session: ChannelSession, requester: Requester, job: Job) -> TurnResult:
            if file is None:
                return await session.library.begin(requester, new, *opening)
            manuscript = await attachments.read_attachment(file)
            voice = new.voice
            if not beginning.voice and not heading:
                first = next((one for one in manuscript.elements if one.kind is Kind.HEADING), None)
                voice = await self._choose_voice(interaction, first.text if first else "")
            final_title = title or attachments.choose_title(file, manuscript) or new.title
            elements = [*opening, *manuscript.elements]
            result = await session.library.import_script(
                requester, replace(new, title=final_title, voice=voice), elements, job
            )
            return replace(result, note=attachments.format_import_note(manuscript, len(elements)))

        if running is None:
            await self._begin(interaction, begin)
        else:
            await self._offer_to_shelve(interaction, running, begin)

    async def _choose_voice(self, interaction: Interaction, heading: str) -> str | None:
        """Return the voice that a heading suggests, or None for the server's or the operator's."""
        session = self.services.admit_to_session(interaction)
        if await session.library.find_guild_model(get_guild(interaction)):
            return None
        suggested = suggest_voice(heading)
        return suggested if suggested in self.services.voices.names() else None

    async def _begin(self, interaction: Interaction, begin: TurnFunction) -> None:
        """Start the script, and tell a person once in which language its voice writes."""

        async def describe_language(script: Script) -> str:
            spoken, person = interaction.locale.value.partition("-")[0], interaction.user.id
            if spoken not in LANGUAGES or person in self._told_language:
                return ""
            language = find_language(await self.services.voices.look(script.voice))
            if language == spoken:
                return ""
            self._told_language.add(person)
            return say(
                "“{voice}” writes {language}, whatever you write.",
                voice=inline(script.voice, 40),
                language=name_language(language),
            )

        await self.turns.take_turn(
            interaction,
            begin,
            kind=SCRIPT,
            announce=lambda script: say("“{title}” starts here.", title=inline(script.title, 100)),
            tell=describe_language,
            is_checked=True,
        )

    async def _offer_to_shelve(
        self, interaction: Interaction, running: Script, begin: TurnFunction
    ) -> None:
        """Ask which of two scripts to go on with: the one that runs, or the new one."""
        question = say(
            "“{title}” is running in this channel. Continue it, or pause it? Paused scripts are "
            "kept.",
            title=inline(running.title, 100),
        )
        keep = Choice(say("Continue it"), self._keep_running, discord.ButtonStyle.primary)
        pause = Choice(say("Pause it and start the new one"), partial(self._begin, begin=begin))
        await self.offer(interaction, question, keep, pause)

    async def _keep_running(self, interaction: Interaction) -> None:
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        script = await session.library.load_script()
        sentence = say("“{title}” continues.", title=inline(script.title, 100))
        await complete_response(interaction, content=sentence)
        await self.turns.sync(interaction, session)


def _make_voice_menu(names: Sequence[str]) -> ui.Select[Any]:
    """Return the window's list of voices, and of ways to choose one."""
    return ui.Select(
        required=False,
        options=[
            discord.SelectOption(
                label=say("As the heading suggests"), value=BY_HEADING, default=True
            ),
            discord.SelectOption(
                label=say("Surprise me"),
                value=SURPRISE,
                description=say("Draws everything: voice, title, place, cast and first lines"),
            ),
            *(
                discord.SelectOption(label=plain(label_voice(name), 100), value=name)
                for name in names[: MAX_CHOICES - 2]
            ),
        ],
    )
