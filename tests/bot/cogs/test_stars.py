"""Test stars: a line that people liked, through undo, edits, forks and deletion."""

import asyncio
import json

from bot.cogs.privacy import make_export_file
from tests.bot.conftest import BOTH, Stage, count, labels, poll, start_script
from tests.bot.playing import click, press_star, use_on_message, write_lines
from tests.bot.session_harness import SessionHarness

DATABASES = BOTH

ANN, BEN = 1, 2


async def best(harness: SessionHarness, head: int | None) -> list[tuple[str, int]]:
    found = await harness.store.stars.load_best_lines(head, 5)
    return [(line.text, stars) for line, stars in found]


async def test_a_star_is_given_and_taken_back(stage: Stage):
    await start_script(stage)
    shown = await write_lines(stage, "MAYA: Rain.")
    given = await press_star(stage, stage.ann, shown)
    assert given.ephemeral
    assert given.content == (
        "You gave “MAYA\\: Rain\\.” a star. It now has 1 star. Press **Star** again to take yours "
        "back."
    )
    assert "It now has 2 stars." in (await press_star(stage, stage.ben, shown)).content
    told = await use_on_message(stage, stage.ben, "Details", shown)
    assert "2 stars" in told.content
    assert labels(told) == ["Take my star back"]
    taken = await click(stage.ben, told, "Take my star back")
    assert taken.content == "“MAYA\\: Rain\\.” no longer has your star."
    [(_, stars)] = await stage.store.stars.load_best_lines((await stage.script()).head, 5)
    assert stars == 1
    await stage.ann.slash(stage.channel, "continue", takes=2)
    takes = await use_on_message(stage, stage.ben, "Details", poll(stage))
    assert labels(takes) == []
    assert f"requested by <@{stage.ann.id}>" in takes.content
    assert "requested by" not in told.content
    await stage.store.scripts.update_script((await stage.script()).id, {"voice": "removed"})
    without_voice = await use_on_message(stage, stage.ben, "Details", shown)
    assert "1 star" in without_voice.content
    assert labels(without_voice) == ["Star"]


async def test_the_best_lines_have_the_most_stars(harness: SessionHarness):
    await harness.start()
    stars = harness.store.stars
    rain, snow, hail = (await harness.write("Rain.\n\nSnow.\n\nHail.")).lines
    for line, person in ((hail, ANN), (hail, BEN), (rain, ANN), (snow, ANN)):
        assert await stars.toggle_star(line.id, person)
    assert not await stars.toggle_star(snow.id, ANN)
    assert await best(harness, hail.id) == [("Hail.", 2), ("Rain.", 1)]
    assert await best(harness, snow.id) == [("Rain.", 1)]
    assert await best(harness, None) == []
    assert len(await stars.load_best_lines(hail.id, 1)) == 1


async def test_copies_share_the_stars_of_their_original(harness: SessionHarness):
    script = (await harness.start()).script
    rain, snow = (await harness.write("Rain.\n\nSnow.")).lines
    stars, scripts = harness.store.stars, harness.store.scripts
    for line in (rain, snow):
        await stars.toggle_star(line.id, ANN)
    head = (await harness.rewrite(rain, "Drizzle.")).script.head  # the copy of “Snow.”
    assert await best(harness, head) == [("Snow.", 1)]
    await stars.toggle_star(head, BEN)
    assert await best(harness, head) == [("Snow.", 2)]
    assert await best(harness, snow.id) == [("Snow.", 2), ("Rain.", 1)]
    # The fork keeps the copy and its stars. “Rain.” and “Snow.” are deleted.
    fork = (await harness.fork("Fork")).script
    assert fork.head == head
    await scripts.delete_script(script.id)
    assert await best(harness, head) == [("Snow.", 2)]
    kept = await harness.store.people.load_personal_data(ANN)
    assert [line.text for line, _ in kept.starred] == ["Snow."]
    database = harness.settings.database_location
    assert await asyncio.to_thread(count, database, "stars") == 2
    await scripts.delete_script(fork.id)
    assert await asyncio.to_thread(count, database, "stars") == 0


async def test_stars_are_exported_and_erased(harness: SessionHarness):
    await harness.start()
    people, stars = harness.store.people, harness.store.stars
    rain, snow = (await harness.write("Rain.\n\nSnow.")).lines
    for line in (rain, snow):
        await stars.toggle_star(line.id, BEN)
    await stars.toggle_star(snow.id, ANN)
    _, content = make_export_file(await people.load_personal_data(BEN), 10_000)
    assert [star["text"] for star in json.loads(content)["stars"]] == ["Rain.", "Snow."]
    await people.erase_person(BEN, text=False)
    assert not await people.load_personal_data(BEN)
    assert await best(harness, snow.id) == [("Snow.", 1)]
    # A line whose text was erased is none of the best.
    await people.erase_person(harness.writer().id, text=True)
    assert await best(harness, snow.id) == []
