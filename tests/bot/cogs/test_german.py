"""Test what people with a German Discord see, beside others.

The real bot plays at the project's own Discord, see `tests.fake_discord`.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bot.conftest import HEADING
from tests.bot.playing import BY_PERSON, begin_script, read_script
from tests.fake_discord.people import Channel, Discord, Guild, Person

GERMAN = ["Weiter", "Drei Fassungen", "Zurücknehmen", "Schreiben", "Mehr …"]
"""The buttons under a person's line."""


@pytest.fixture
async def hans(guild: Guild) -> Person:
    """Return Hans, whose Discord is German."""
    return await guild.person("Hans", locale="de")


async def test_people_are_answered_in_their_own_language(
    guild: Guild, channel: Channel, ann: Person, hans: Person
):
    begun = await begin_script(hans, channel)
    assert begun.labels == GERMAN
    await (await hans.slash(channel, "write", text="Rain.")).is_done()
    assert channel.panel().labels == GERMAN
    await (await hans.slash(channel, "undo")).shows("hat die letzte Zeile zurückgenommen.")
    assert channel.panel().labels == [*GERMAN[:3], "Wiederherstellen", *GERMAN[3:]]
    for person, words in (
        (hans, "Das Skript hat nur 1 Zeile. Wähle eine, die es gibt."),
        (ann, "The script has only 1 line. Choose an existing line."),
    ):
        await (await person.slash(channel, "script edit", line="5")).shows(words)

    shown = await (await hans.slash(channel, "settings", setting="everything")).shows("Stimme")
    opened = await (await hans.click(shown, "Erweitert")).shows_modal()
    assert "'0,95'" in str(opened)
    shown = await hans.click(channel.panel(), "Schreiben")
    assert (await shown.shows_modal())["title"] == "Die nächsten Zeilen schreiben"
    filled = await hans.submit_modal(shown, {"Wer spricht": "MAYA", "Text": "Oh!"})
    written = await filled.is_done()
    assert [label for label in written.labels if label in GERMAN] == GERMAN
    shown = await ann.click(written, "Schreiben")
    assert (await shown.shows_modal())["title"] == "Write the next lines"
    filled = await ann.submit_modal(shown, {"Text": "Wind."})
    assert (await filled.is_done()).labels == BY_PERSON
    assert await read_script(hans, channel) == [HEADING, "MAYA\nOh!", "Wind."]

    empty = await guild.channel("empty")
    await (await ann.slash(empty, "start", title="The Diner")).shows("starts here")
    for person, words in (
        (hans, "Schreib eine Zeile, oder nimm </continue:"),
        (ann, "Write a line, or use </continue:"),
    ):
        await (await person.slash(empty, "script history")).shows(words)
    everything = await hans.slash(channel, "settings", setting="everything")
    assert "In diesem Kanal: nichts" in (await everything.shows("Stil: ohne")).content
    told = await (await hans.slash(channel, "help")).shows("On Book")
    assert "</script show:" in told.content
    assert told.labels == ["Ein Skript beginnen", "Überrasch mich"]


async def test_the_same_script_is_stored_in_each_language(guild: Guild, ann: Person, hans: Person):
    scripts = []
    for person in (ann, hans):
        channel = await guild.channel(person.name)
        await begin_script(person, channel)
        await (await person.slash(channel, "settings", setting="seed", value="7")).shows("7")
        await (await person.slash(channel, "continue")).is_done()
        await (await person.slash(channel, "write", text="Rain.")).shows("Rain.")
        scripts.append(await read_script(ann, channel))
    assert scripts[0] == scripts[1]


async def test_people_are_told_once_that_a_voice_writes_another_language(
    guild: Guild, channel: Channel, ann: Person, hans: Person
):
    await begin_script(hans, channel)
    told = "„tiny“ schreibt Englisch, auch wenn du es nicht tust."
    await hans.discord.until(lambda: [post for post in hans.sees(channel) if post.content == told])
    await begin_script(hans, elsewhere := await guild.channel("elsewhere"))
    await (await hans.slash(elsewhere, "write", text="Rain.")).shows("Rain.")
    await begin_script(ann, third := await guild.channel("third"))
    seen = [message.content for message in (*hans.sees(elsewhere), *ann.sees(third))]
    assert not [text for text in seen if "schreibt Englisch" in text or "writes" in text]


async def test_commands_are_registered_in_german_without_umlauts(discord: Discord):
    def names(command: dict[str, Any]) -> Iterator[str]:
        yield from (command.get("name_localizations") or {}).values()
        for option in command.get("options") or ():
            yield from names(option)

    registered = await discord.commands()
    slash = [command for command in registered.values() if command.get("type", 1) == 1]
    found = [name for command in slash for name in names(command)]
    assert "datenschutz" in found
    assert [name for name in found if set(name) & set("äöüß")] == []
    described = registered["continue"]["description_localizations"]
    assert described == {"de": "Die Stimme die nächsten Zeilen schreiben lassen"}
    options = {option["name"]: option for option in registered["continue"]["options"]}
    below = {option["name"]: option for option in registered["script"]["options"]}
    for named, german in (
        (registered["continue"], "weiter"),
        (options["character"], "rolle"),
        (options["kind"]["choices"][0], "Dialog"),
        (below["show"], "zeigen"),
        (registered["Rewrite this line"], "Diese Zeile umschreiben"),
    ):
        assert named["name_localizations"] == {"de": german}
