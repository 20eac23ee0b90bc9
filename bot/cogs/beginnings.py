"""Begin a script: what the commands and buttons that begin one share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import SystemRandom

from ..generation.options import OptionValue
from ..i18n.catalogue import LANGUAGES, say
from ..screenplay.elements import Element
from ..screenplay.free_text import clean_title, parse_cast
from ..session.channel_session import ChannelSession
from ..session.situations import Situation, draw_situation, load_situations
from ..session.turn import (
    ContinueRequest,
    Job,
    NewScript,
    Requester,
    ScriptPosition,
    TurnResult,
)
from ..storage.schema import Script
from ..ui.components import SCRIPT, Interaction
from ..ui.installations import find_installer
from ..ui.markdown import inline
from ..ui.model_cards import find_language, list_styles, name_language
from .feature import UNTITLED, FeatureCog
from .requester import get_guild
from .turns import TurnFunction

CAST_SIZE = 500
"""The size of the names of a cast in the sentence about it."""


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
    opening: Sequence[Element] = ()
    """The first elements of a situation that was drawn."""


def make_new_script(beginning: Beginning, guild: int | None) -> NewScript:
    """Return the script that a beginning asks for; raise RequestError for an invalid cast."""
    return NewScript(
        title=clean_title(beginning.title) or say(UNTITLED),
        guild=guild,
        cast=parse_cast(beginning.cast),
        options=beginning.options,
        voice=beginning.voice,
        style=beginning.style,
    )


class BeginningCog(FeatureCog):
    """A feature that begins scripts."""

    def draw_situation(self, voice: str | None) -> Situation:
        """Draw a situation for a voice, or of any voice that is here."""
        if voice:
            return draw_situation(voice, SystemRandom())
        names = self.services.voices.names()
        written = [one for one in load_situations() if one.voice in names]
        return SystemRandom().choice(written or load_situations())

    async def draw_beginning(self, interaction: Interaction, wanted: Beginning) -> Beginning:
        """Draw what a person leaves open: the cast, the opening, and a style that the voice has."""
        library, guild = self.services.admit_to_session(interaction).library, get_guild(interaction)
        chosen = wanted.voice or await library.find_guild_model(guild)
        situation = self.draw_situation(chosen)
        is_here = situation.voice in self.services.voices.names()
        voice = chosen or (situation.voice if is_here else await library.find_chosen_model(guild))
        styles = list_styles(await self.services.voices.look(voice))
        drawn_style = situation.style if situation.style in styles else None
        return replace(
            wanted,
            title=wanted.title or situation.title,
            cast=", ".join(situation.cast),
            voice=voice,
            style=wanted.style or drawn_style,
            opening=situation.elements,
        )

    async def begin(
        self,
        interaction: Interaction,
        begin: TurnFunction,
        sentence: Callable[[str], str] | None = None,
        request: ContinueRequest | None = None,
    ) -> None:
        """Begin a script, and tell a person once in which language its voice writes.

        The ``sentence`` announces a title. The voice goes on as ``request`` says, if it does.
        """

        async def describe_language(script: Script) -> str:
            spoken, person = interaction.locale.value.partition("-")[0], interaction.user.id
            if spoken not in LANGUAGES:
                return ""
            language = find_language(await self.services.voices.look(script.voice))
            notifications = self.services.sessions.notifications
            if language == spoken or not notifications.should_tell_language(person):
                return ""
            return say(
                "“{voice}” writes {language}, whatever you write.",
                voice=inline(script.voice, 40),
                language=name_language(language),
            )

        format_start = sentence or (lambda title: say("“{title}” starts here.", title=title))

        def announce(script: Script) -> str:
            sentences = [format_start(inline(script.title, 100))]
            if script.lock:
                names = inline(", ".join(script.cast), CAST_SIZE)
                sentences.append(say("The voice writes only for {names}.", names=names))
                if find_installer(interaction) is None:
                    sentences.append(say("Change that with {/cast}."))
            return " ".join(sentences)

        await self.turns.take_turn(
            interaction,
            begin,
            kind=SCRIPT,
            announce=announce,
            tell=describe_language,
            then=partial(_go_on, request) if request else None,
            is_checked=True,
        )


async def _go_on(
    request: ContinueRequest,
    expected: ScriptPosition,
    session: ChannelSession,
    requester: Requester,
    job: Job,
) -> TurnResult:
    """Let the voice go on below an opening, if nobody else has meanwhile."""
    # The lines of the opening have the interaction itself as their delivery.
    requester = replace(requester, delivery=f"{requester.delivery} next")
    return await session.continuation.generate(requester, request, expected, job)
