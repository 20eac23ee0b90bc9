"""Test stars: a line that people liked, through undo, edits, forks, deletion and backups."""

from __future__ import annotations

import asyncio
import json

from bot.cogs.privacy import make_export_file
from bot.session.turn import ScriptPosition

from .conftest import BOTH, Stage, answer, begin, count, poll
from .house import House
from .test_buttons import write

DATABASES = BOTH

ANN, BEN = 1, 2


async def best(house: House, head: int | None) -> list[tuple[str, int]]:
    """Return the best lines of a path, and their stars."""
    return [(line.text, stars) for line, stars in await house.store.stars.load_best_lines(head, 5)]


async def test_a_star_is_given_and_taken_back(stage: Stage):
    await begin(stage)
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
    await begin(stage)
    said = await stage.ben.send(stage.channel, "hello")
    refused = answer(await stage.ben.context_menu(stage.channel, "Star", said))
    assert refused.content.startswith("That message shows no line of a script.")
    await stage.ann.slash(stage.channel, "continue", takes=2)
    refused = answer(await stage.ben.context_menu(stage.channel, "Star", poll(stage)))
    assert refused.content.startswith("A take has no stars.")


async def test_the_best_lines_have_the_most_stars(house: House):
    await house.start()
    rain, snow, hail = (await house.write("Rain.\n\nSnow.\n\nHail.")).lines
    for person in (ANN, BEN):
        assert await house.store.stars.toggle_star(hail.id, person)
    assert await house.store.stars.toggle_star(rain.id, ANN)
    assert await house.store.stars.toggle_star(snow.id, ANN)
    assert not await house.store.stars.toggle_star(snow.id, ANN)
    assert await best(house, hail.id) == [("Hail.", 2), ("Rain.", 1)]
    assert await best(house, snow.id) == [("Rain.", 1)]
    assert await best(house, None) == []
    assert await house.store.stars.load_best_lines(hail.id, 1) != []


async def test_an_edit_has_no_stars_and_the_lines_below_share_theirs(house: House):
    script = (await house.start()).script
    rain, snow = (await house.write("Rain.\n\nSnow.")).lines
    for line in (rain, snow):
        await house.store.stars.toggle_star(line.id, ANN)
    position = ScriptPosition(script.id, rain.id)
    edited = await house.session.history.rewrite(house.writer(), position, "Drizzle.")
    assert await best(house, edited.script.head) == [("Snow.", 1)]
    await house.store.stars.toggle_star(edited.script.head, BEN)  # the copy of “Snow.”
    assert await best(house, edited.script.head) == [("Snow.", 2)]
    assert await best(house, snow.id) == [("Snow.", 2), ("Rain.", 1)]


async def test_a_fork_shares_the_stars_and_keeps_them(house: House):
    script = (await house.start()).script
    rain, snow = (await house.write("Rain.\n\nSnow.")).lines
    await house.store.stars.toggle_star(snow.id, ANN)
    position = ScriptPosition(script.id, rain.id)
    edited = await house.session.history.rewrite(house.writer(), position, "Drizzle.")
    await house.store.stars.toggle_star(rain.id, ANN)
    fork = (await house.fork("Fork")).script
    await house.store.scripts.delete_script(script.id)
    # “Snow.” itself is gone with the first script, but not its copy. “Rain.” is gone.
    assert fork.head == edited.script.head
    assert await best(house, fork.head) == [("Snow.", 1)]
    assert await asyncio.to_thread(count, house.settings.database_location, "stars") == 1
    kept = await house.store.people.load_personal_data(ANN)
    assert [line.text for line, _ in kept.starred] == ["Snow."]
    await house.store.scripts.delete_script(fork.id)
    assert await asyncio.to_thread(count, house.settings.database_location, "stars") == 0


async def test_stars_are_exported_and_erased(house: House):
    await house.start()
    rain, snow = (await house.write("Rain.\n\nSnow.")).lines
    await house.store.stars.toggle_star(rain.id, BEN)
    await house.store.stars.toggle_star(snow.id, BEN)
    kept = await house.store.people.load_personal_data(BEN)
    _, content = make_export_file(kept, 10_000)
    assert [one["text"] for one in json.loads(content)["stars"]] == ["Rain.", "Snow."]
    await house.store.people.erase_person(BEN, text=False)
    assert not await house.store.people.load_personal_data(BEN)
    assert await best(house, snow.id) == []


async def test_a_line_whose_text_was_removed_is_none_of_the_best(house: House):
    await house.start()
    [rain] = (await house.write("Rain.")).lines
    await house.store.stars.toggle_star(rain.id, BEN)
    await house.store.people.erase_person(house.writer().id, text=True)
    assert await best(house, rain.id) == []
