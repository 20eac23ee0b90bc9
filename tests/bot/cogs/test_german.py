"""Test what people with a German Discord see, beside others.

The real bot plays at the project's own Discord, see `tests.fake_discord`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bot.conftest import Inside
from tests.fake_discord.people import Channel, Discord, Guild, Person

from .test_concurrency import (
    BY_PERSON,
    HEADING,
    address,
    ann,
    begin,
    channel,
    discord,
    guild,
    script,
    settings,
)

__all__ = ["address", "ann", "channel", "discord", "guild", "settings"]

GERMAN = ["Weiter", "Zurücknehmen", "Schreiben", "Mehr …"]
"""The buttons under a person's line."""


@pytest.fixture
async def hans(guild: Guild) -> Person:
    """Return Hans, whose Discord is German."""
    return await guild.person("Hans", locale="de")


async def test_each_is_answered_in_their_own_language(channel: Channel, ann: Person, hans: Person):
    begun = await begin(hans, channel)
    assert begun.labels == GERMAN
    await (await hans.slash(channel, "write", text="Rain.")).is_done()
    assert channel.panel().labels == GERMAN
    await (await hans.slash(channel, "undo")).shows("hat die letzte Zeile zurückgenommen.")
    undone = ["Weiter", "Zurücknehmen", "Wiederherstellen", "Schreiben", "Mehr …"]
    assert channel.panel().labels == undone
    refused = await (await hans.slash(channel, "script edit", line=5)).shows("Zeile")
    assert refused.content == "Das Skript hat nur 1 Zeile. Wähle eine davon."
    refused = await (await ann.slash(channel, "script edit", line=5)).shows("line")
    assert refused.content == "The script has only 1 line. Choose one of them."
    written = await (await ann.slash(channel, "write", text="Wind.")).is_done()
    assert written.labels == BY_PERSON
    assert await script(hans, channel) == [HEADING, "Wind."]


async def test_commands_are_named_as_each_of_them_sees_them(
    channel: Channel, ann: Person, hans: Person
):
    await (await ann.slash(channel, "start", title="The Diner")).shows("starts here")
    asked = [await one.slash(channel, "script history") for one in (hans, ann)]
    german, english = (
        "Schreib eine Zeile, oder nimm </continue:",
        "Write a line, or use </continue:",
    )
    assert german in (await asked[0].shows("nimm")).content
    assert english in (await asked[1].shows("use")).content
    told = await (await hans.slash(channel, "help")).shows("On Book")
    assert "</script show:" in told.content
    assert told.labels == ["Ein Skript beginnen"]


async def test_a_window_is_in_the_language_of_whoever_opens_it(
    channel: Channel, ann: Person, hans: Person
):
    begun = await begin(ann, channel)
    shown = await hans.click(begun, "Write")
    assert (await shown.shows_modal())["title"] == "Die nächsten Zeilen schreiben"
    filled = await hans.submit_modal(shown, {"Wer spricht": "MAYA", "Text": "Oh!"})
    written = await filled.is_done()
    assert written.labels == GERMAN
    shown = await ann.click(written, "Schreiben")
    assert (await shown.shows_modal())["title"] == "Write the next lines"


@pytest.mark.parametrize(
    ("locale", "over", "won"),
    [
        ("de", "Die Abstimmung ist zu Ende. Fassung 2 hat mit 1 von 1 Stimme gewonnen.", "Weiter"),
        ("en-US", "Voting has ended. Take 2 won with 1 of 1 vote.", "Continue"),
    ],
)
async def test_a_vote_ends_in_the_language_of_the_server(
    inside: Inside, locale: str, over: str, won: str
):
    guild = await inside.discord.guild("Das Schauspielhaus", locale=locale)
    channel, hans = await guild.channel("bühne"), await guild.person("Hans", locale="de")
    await begin(hans, channel)
    shown = await (await hans.slash(channel, "continue", takes=2, vote=600)).shows("Fassung 1")
    await hans.click(shown, shown.find_button("2 · "))
    # The vote ends, because everybody who is present has voted.

    def told() -> list[str]:
        return [one.content for one in channel.messages() if over in one.content]

    await inside.discord.until(told)
    await inside.discord.until(lambda: channel.messages()[-1].labels[:1] == [won])


async def test_what_is_stored_is_the_same_in_each_language(
    discord: Discord, guild: Guild, ann: Person, hans: Person
):
    channels = [await guild.channel(name) for name in ("stage", "bühne")]
    files = []
    for person, place in zip((ann, hans), channels, strict=True):
        await begin(person, place)
        await (await person.slash(place, "settings writing", seed=7)).shows("7")
        await (await person.slash(place, "continue")).is_done()
        await (await person.slash(place, "write", text="Rain.")).shows("Rain.")
        files.append(await script(ann, place))
    assert files[0] == files[1]


async def test_that_a_voice_writes_english_is_told_once(
    guild: Guild, channel: Channel, ann: Person, hans: Person
):
    await begin(hans, channel)
    told = "„tiny“ schreibt Englisch, was auch immer du schreibst."
    await hans.discord.until(lambda: [one for one in hans.sees(channel) if one.content == told])
    await begin(hans, elsewhere := await guild.channel("elsewhere"))
    await (await hans.slash(elsewhere, "write", text="Rain.")).shows("Rain.")
    await begin(ann, third := await guild.channel("third"))
    seen = [*hans.sees(elsewhere), *ann.sees(third)]
    assert not [
        one for one in seen if "schreibt Englisch" in one.content or "writes" in one.content
    ]


async def test_no_name_of_a_command_has_an_umlaut(discord: Discord):
    def names(command: dict[str, Any]) -> Iterator[str]:
        yield from (command.get("name_localizations") or {}).values()
        for option in command.get("options") or ():
            yield from names(option)

    slash = [one for one in (await discord.commands()).values() if one.get("type", 1) == 1]
    found = [name for command in slash for name in names(command)]
    assert "datenschutz" in found
    assert [name for name in found if set(name) & set("äöüß")] == []


async def test_names_and_descriptions_are_registered_in_german(discord: Discord):
    registered = await discord.commands()
    assert registered["continue"]["name_localizations"] == {"de": "weiter"}
    described = registered["continue"]["description_localizations"]
    assert described == {"de": "Die Stimme die nächsten Zeilen schreiben lassen"}
    options = {one["name"]: one for one in registered["continue"]["options"]}
    assert options["character"]["name_localizations"] == {"de": "rolle"}
    [speech, *_] = options["kind"]["choices"]
    assert speech["name_localizations"] == {"de": "Dialog"}
    shown = {one["name"]: one for one in registered["script"]["options"]}
    assert shown["show"]["name_localizations"] == {"de": "zeigen"}
    assert registered["Rewrite this line"]["name_localizations"] == {
        "de": "Diese Zeile umschreiben"
    }
