"""Begin a script: what the commands and buttons that begin one share."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import SystemRandom

import discord

from ..errors import OnBookError
from ..generation.openings import is_style
from ..generation.options import OptionValue
from ..i18n.catalogue import LANGUAGES, join_names, say
from ..interactions.turns import Turn
from ..screenplay.elements import Element
from ..screenplay.free_text import clean_title, parse_cast
from ..session.channel_session import ChannelSession
from ..session.preferences import LOCK
from ..session.situations import Situation, draw_situation
from ..session.turn import ContinueRequest, NewScript, TurnResult, current_position
from ..storage.schema import Script
from ..ui.cards.model_cards import find_language, list_styles, name_language
from ..ui.components import Interaction
from ..ui.markdown import inline
from .feature import UNTITLED, FeatureCog

TITLE_SIZE, CAST_SIZE = 100, 500
"""The sizes of a script's title in an announcement, and of the names of its locked cast."""


@dataclass(frozen=True)
class Beginning:
    """How a person wants a script to begin."""

    title: str = ""
    heading: str = ""
    """The first scene heading, or ""."""
    cast: str = ""
    """The names, separated by commas."""
    model: str | None = None
    """The voice; None for the preset one or, failing that, the one that the heading suggests."""
    style: str | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    surprise: bool = False
    """Whether the rest is drawn, after which the voice goes on."""
    opening: Sequence[Element] = ()
    """The first elements of a situation that was drawn."""
    file: discord.Attachment | None = None
    """A script whose lines follow."""


def make_new_script(beginning: Beginning, guild: int | None) -> NewScript:
    """Return the script that a beginning asks for; raise RequestError for an invalid cast."""
    return NewScript(
        title=clean_title(beginning.title) or say(UNTITLED),
        guild=guild,
        cast=parse_cast(beginning.cast),
        options=beginning.options,
        model=beginning.model,
        style=beginning.style,
    )


class BeginningCog(FeatureCog):
    """A feature that begins scripts."""

    def draw_situation(self, model: str | None, used_titles: Container[str] = ()) -> Situation:
        """Draw a situation for a voice, or for any available voice."""
        models = [model] if model else self.services.models.names()
        return draw_situation(models, SystemRandom(), used_titles)

    async def draw_beginning(
        self, session: ChannelSession, guild: int | None, wanted: Beginning
    ) -> Beginning:
        """Draw what a person leaves open: title, place, cast, opening, the voice and its style.

        If the person chooses the place, it is the whole opening. If they choose the cast, the drawn
        opening is the place alone, because a situation's action and speech are about its place and
        people.
        """
        title, heading, cast = wanted.title.strip(), wanted.heading.strip(), wanted.cast.strip()
        wanted = replace(wanted, title=title, heading=heading, cast=cast)
        library = session.library
        chosen = wanted.model or await library.find_preset_model(guild)
        if wanted.heading and not chosen:
            chosen = await library.find_chosen_model(guild, wanted.heading)
        if wanted.style and not chosen:
            able = [
                file.name
                for file in await self.services.models.examine_all()
                if any(is_style(style, wanted.style) for style in list_styles(file))
            ]
            chosen = SystemRandom().choice(able) if able else None
        used_titles = {script.title for script in await library.list_scripts()}
        situation = self.draw_situation(chosen, used_titles)
        is_here = situation.model in self.services.models.names()
        model = chosen or (situation.model if is_here else await library.find_chosen_model(guild))
        styles = list_styles(await self.services.models.look(model))
        drawn_style = situation.style if situation.style in styles else None
        opening = situation.elements[:1] if wanted.cast else situation.elements
        return replace(
            wanted,
            title=wanted.title or situation.title,
            cast=wanted.cast or ", ".join(situation.cast),
            model=model,
            style=wanted.style or drawn_style,
            opening=() if wanted.heading else opening,
        )

    async def show_beginning(
        self, turn: Turn, result: TurnResult, sentence: str, request: ContinueRequest | None = None
    ) -> None:
        """Show a new script, and tell a person once in which language its voice writes.

        The ``sentence`` is a phrase with ``{title}``. If there is a ``request``, the voice goes on
        accordingly; if it fails, the beginning stays.
        """
        announced = say(sentence, title=inline(result.script.title, TITLE_SIZE))
        announcement = " ".join([announced, *_describe_lock(turn, result.script)])
        if request:
            if turn.bot_is_member:
                await self.turns.show_script(turn, announcement)
                announcement = ""
            # The lines of the opening have the interaction itself as their delivery.
            requester = replace(turn.requester, delivery=f"{turn.requester.delivery} next")
            # The voice goes on only if nobody else has done so meanwhile.
            expected, continuation = current_position(result.script), turn.session.continuation
            try:
                async with self.turns.show_writing(turn) as job:
                    written = await continuation.generate(requester, request, expected, job)
                result = replace(written, before=result.before)
            except OnBookError as error:
                result = replace(result, failure=error)
        remark = await self._describe_language(turn.interaction, result.script)
        await self.turns.show(turn, result, "", announcement, remark)

    async def _describe_language(self, interaction: Interaction, script: Script) -> str:
        """Return, once per person, in which language a voice writes if it is not theirs, or ""."""
        spoken, person = interaction.locale.value.partition("-")[0], interaction.user.id
        if spoken not in LANGUAGES:
            return ""
        language = find_language(await self.services.models.look(script.model))
        notifications = self.services.sessions.notifications
        if language == spoken or not notifications.should_tell_language(person):
            return ""
        voice, name = inline(script.model, 40), name_language(language)
        return say(
            "“{voice}” always writes in {language}, even if you do not.", voice=voice, language=name
        )


def _describe_lock(turn: Turn, script: Script) -> list[str]:
    """Return sentences on whom alone a voice writes for in a new script with a locked cast."""
    if not LOCK.of(script):
        return []
    names = inline(join_names(script.cast), CAST_SIZE)
    sentences = [say("The voice writes only for {names}.", names=names)]
    if turn.bot_is_member:
        sentences.append(say("Change that with {/cast}."))
    return sentences
