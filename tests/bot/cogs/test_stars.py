"""Test stars: a line that people liked, through undo, edits, forks, deletion and backups."""

from __future__ import annotations

import asyncio
import json

from bot.cogs.privacy import make_export_file
from bot.session.turn import ScriptPosition
from tests.bot.conftest import BOTH, Stage, answer, count, poll, start_script
from tests.bot.session_harness import SessionHarness

from .test_panel_buttons import write

DATABASES = BOTH

ANN, BEN = 1, 2


async def best(harness: SessionHarness, head: int | None) -> list[tuple[str, int]]:
    """Return the best lines of a path, and their stars."""
    return [
        (line.text, stars) for line, stars in await harness.store.stars.load_best_lines(head, 5)
    ]


async def test_a_star_is_given_and_taken_back(stage: Stage):
    await start_script(stage)
    await write(stage, "MAYA: Rain.")
    shown = stage.messages()[-2]
    given = answer(await stage.ann.context_menu(stage.channel, "Star", shown))
    assert given.ephemeral
    assert given.content == (
        "You starred “MAYA\\: Rain\\.”. It has 1 star now. Choose **Star** again to take yours "
        "back."
    )
    given = answer(await stage.ben.context_menu(stage.channel, "Star", shown))
    assert "It has 2 stars now." in given.content
    told = answer(await stage.ben.context_menu(stage.channel, "Details", shown))
    assert "2 stars" in told.content
    taken = answer(await stage.ben.context_menu(stage.channel, "Star", shown))
    assert taken.content == "You took your star back from “MAYA\\: Rain\\.”."
    script = await stage.script()
    [(_, stars)] = await stage.store.stars.load_best_lines(script.head, 5)
    assert stars == 1


async def test_only_lines_have_stars(stage: Stage):
    await start_script(stage)
    said = await stage.ben.send(stage.channel, "hello")
    refused = answer(await stage.ben.context_menu(stage.channel, "Star", said))
    assert refused.content.startswith("That message shows no line of a script.")
    await stage.ann.slash(stage.channel, "continue", takes=2)
    refused = answer(await stage.ben.context_menu(stage.channel, "Star", poll(stage)))
    assert refused.content.startswith("A take has no stars.")


async def test_the_best_lines_have_the_most_stars(harness: SessionHarness):
    await harness.start()
    rain, snow, hail = (await harness.write("Rain.\n\nSnow.\n\nHail.")).lines
    for person in (ANN, BEN):
        assert await harness.store.stars.toggle_star(hail.id, person)
    assert await harness.store.stars.toggle_star(rain.id, ANN)
    assert await harness.store.stars.toggle_star(snow.id, ANN)
    assert not await harness.store.stars.toggle_star(snow.id, ANN)
    assert await best(harness, hail.id) == [("Hail.", 2), ("Rain.", 1)]
    assert await best(harness, snow.id) == [("Rain.", 1)]
    assert await best(harness, None) == []
    assert await harness.store.stars.load_best_lines(hail.id, 1) != []


async def test_an_edit_has_no_stars_and_the_lines_below_share_theirs(harness: SessionHarness):
    script = (await harness.start()).script
    rain, snow = (await harness.write("Rain.\n\nSnow.")).lines
    for line in (rain, snow):
        await harness.store.stars.toggle_star(line.id, ANN)
    position = ScriptPosition(script.id, rain.id)
    edited = await harness.session.history.rewrite(harness.writer(), position, "Drizzle.")
    assert await best(harness, edited.script.head) == [("Snow.", 1)]
    await harness.store.stars.toggle_star(edited.script.head, BEN)  # the copy of “Snow.”
    assert await best(harness, edited.script.head) == [("Snow.", 2)]
    assert await best(harness, snow.id) == [("Snow.", 2), ("Rain.", 1)]


async def test_a_fork_shares_the_stars_and_keeps_them(harness: SessionHarness):
    script = (await harness.start()).script
    rain, snow = (await harness.write("Rain.\n\nSnow.")).lines
    await harness.store.stars.toggle_star(snow.id, ANN)
    position = ScriptPosition(script.id, rain.id)
    edited = await harness.session.history.rewrite(harness.writer(), position, "Drizzle.")
    await harness.store.stars.toggle_star(rain.id, ANN)
    fork = (await harness.fork("Fork")).script
    await harness.store.scripts.delete_script(script.id)
    # “Snow.” itself is gone with the first script, but not its copy. “Rain.” is gone.
    assert fork.head == edited.script.head
    assert await best(harness, fork.head) == [("Snow.", 1)]
    assert await asyncio.to_thread(count, harness.settings.database_location, "stars") == 1
    kept = await harness.store.people.load_personal_data(ANN)
    assert [line.text for line, _ in kept.starred] == ["Snow."]
    await harness.store.scripts.delete_script(fork.id)
    assert await asyncio.to_thread(count, harness.settings.database_location, "stars") == 0


async def test_stars_are_exported_and_erased(harness: SessionHarness):
    await harness.start()
    rain, snow = (await harness.write("Rain.\n\nSnow.")).lines
    await harness.store.stars.toggle_star(rain.id, BEN)
    await harness.store.stars.toggle_star(snow.id, BEN)
    kept = await harness.store.people.load_personal_data(BEN)
    _, content = make_export_file(kept, 10_000)
    assert [one["text"] for one in json.loads(content)["stars"]] == ["Rain.", "Snow."]
    await harness.store.people.erase_person(BEN, text=False)
    assert not await harness.store.people.load_personal_data(BEN)
    assert await best(harness, snow.id) == []


async def test_a_line_whose_text_was_removed_is_none_of_the_best(harness: SessionHarness):
    await harness.start()
    [rain] = (await harness.write("Rain.")).lines
    await harness.store.stars.toggle_star(rain.id, BEN)
    await harness.store.people.erase_person(harness.writer().id, text=True)
    assert await best(harness, rain.id) == []
