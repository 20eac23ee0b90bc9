"""Test what people with a German Discord see, beside others.

The real bot plays at the project's own Discord, see `tests.fake_discord`.
"""

from __future__ import annotations

import pytest

from tests.fake_discord.people import Channel, Discord, Guild, Person

from .test_at_once import (
    BY_PERSON,
    HEADING,
    Inside,
    address,
    ann,
    begin,
    channel,
    discord,
    end,
    guild,
    inside,
    script,
    settings,
    slow_down,
)

__all__ = ["address", "ann", "channel", "discord", "guild", "inside", "settings"]

GERMAN = ["Weiter", "Zurücknehmen", "Schreiben"]
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
    undone = ["Weiter", "Zurücknehmen", "Wiederherstellen", "Schreiben"]
    assert channel.panel().labels == undone
    refused = await (await hans.slash(channel, "edit", line=5)).shows("Zeile")
    assert refused.content == "Das Skript hat nur 1 Zeile. Wähle eine davon."
    refused = await (await ann.slash(channel, "edit", line=5)).shows("line")
    assert refused.content == "The script has only 1 line. Choose one of them."
    written = await (await ann.slash(channel, "write", text="Wind.")).is_done()
    assert written.labels == BY_PERSON
    assert await script(hans, channel) == [HEADING, "Wind."]


async def test_commands_are_named_as_each_of_them_sees_them(
    channel: Channel, ann: Person, hans: Person
):
    await (await ann.slash(channel, "start", title="The Diner")).shows("starts here")
    asked = [await one.slash(channel, "history") for one in (hans, ann)]
    german, english = "Schreib eine Zeile, oder nimm /weiter.", "Write a line, or use /continue."
    assert (await asked[0].shows("nimm")).content.endswith(german)
    assert (await asked[1].shows("use")).content.endswith(english)
    told = await (await hans.slash(channel, "help")).shows("On Book")
    assert "`/skript zeigen`" in told.content
    assert "mit `rolle` bestimmst du, wer spricht" in told.content


async def test_settings_have_german_numbers(channel: Channel, hans: Person):
    await begin(hans, channel)
    told = await (await hans.slash(channel, "settings show")).shows("Die Einstellungen von")
    assert "\n- Temperatur 0,75 (0,1 bis 2,0)\n" in told.content
    assert "\n- Länge 60 Zeichen (0 bis 1.500)\n" in told.content
    assert "/einstellungen zurücksetzen" in told.content


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


async def test_takes_and_their_vote(channel: Channel, ann: Person, hans: Person):
    await begin(hans, channel)
    shown = await (await hans.slash(channel, "continue", takes=2, vote=600)).shows("Fassung 1")
    assert shown.content.startswith(
        "-# 2 Fassungen: Alle haben eine Stimme. Die Abstimmung endet <t:"
    )
    assert "**Fassung 1**: tiny, Seed " in shown.content
    label, second = "Für Fassung 2", shown.buttons["Für Fassung 2"]
    said = await (await hans.click(shown, label)).shows("Fassung 2")
    assert said.content.startswith("Deine Stimme für Fassung 2 ist gezählt.")
    # The message may show the count by now, in the server's language.
    said = await (await ann.click(shown, label, custom_id=second)).shows("take 2")
    assert said.content.startswith("Vote for take 2 counted.")


async def test_a_take_is_read_whole(channel: Channel, ann: Person, hans: Person):
    await begin(hans, channel)
    shown = await (await hans.slash(channel, "continue", takes=5, lines=10)).shows("Fassung 1")
    [menu] = shown.menus
    read = [await one.choose(shown, menu, "0") for one in (hans, ann)]
    assert (await read[0].shows("Fassung 1")).only_for == hans.id
    assert (await read[1].shows("Take 1")).only_for == ann.id


async def test_a_take_that_is_picked(channel: Channel, hans: Person):
    await begin(hans, channel)
    shown = await (await hans.slash(channel, "continue", takes=2)).shows("Fassung 1")
    assert shown.content.startswith(f"-# 2 Fassungen: <@{hans.id}> oder die Moderation wählt eine.")
    picked = await (await hans.click(shown, "Fassung 1")).is_done()
    assert picked.labels == ["Weiter", "Andere Fassung", "Zurücknehmen", "Schreiben"]
    closed = "-# Fassung 1 wurde gewählt. Die anderen findest du in /verlauf."
    await hans.discord.until(lambda: shown.content.startswith(closed))


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
    await (await hans.click(shown, "Für Fassung 2")).shows("ist gezählt")
    [ballot] = await inside.services.store.polls.list_unannounced_polls()
    await end(inside, ballot)

    def told() -> list[str]:
        return [one.content for one in channel.messages() if over in one.content]

    await inside.discord.until(told)
    await inside.discord.until(lambda: channel.messages()[-1].labels[:1] == [won])


async def test_how_far_a_turn_is(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    guild = await inside.discord.guild("Das Schauspielhaus")
    hans = await guild.person("Hans", locale="de")
    await slow_down(inside.services, monkeypatch)
    await begin(inside.ann, inside.channel)
    asked = await hans.slash(inside.channel, "continue", lines=10)
    shown = await asked.shows("Die Stimme schreibt. Fertige Zeilen: 2.")
    assert shown.labels == ["Stopp"]
    await hans.click(shown, "Stopp")
    await asked.is_done()


async def test_what_is_stored_is_the_same_in_each_language(
    discord: Discord, guild: Guild, ann: Person, hans: Person
):
    channels = [await guild.channel(name) for name in ("stage", "bühne")]
    files = []
    for person, place in zip((ann, hans), channels, strict=True):
        await begin(person, place)
        await (await person.slash(place, "continue", seed=7)).is_done()
        await (await person.slash(place, "write", text="Rain.")).shows("Rain.")
        files.append(await script(ann, place))
    assert files[0] == files[1]


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
