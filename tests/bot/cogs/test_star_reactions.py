"""Test stars that people give by reactions, at the project's own Discord and in simcord."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.settings import RunnerSettings
from tests.bot.conftest import HEADING, Inside, Stage, bot_at, start_script
from tests.bot.playing import (
    ask_to_forget,
    begin_script,
    press_star_of,
    read_true_script,
    use_on_message,
    write_lines,
)
from tests.fake_discord.people import BOT_MAY, PATIENCE, Discord, Message
from tests.fake_discord.state import MANAGE_WEBHOOKS

STAR = "\N{WHITE MEDIUM STAR}"


async def write(inside: Inside, *lines: str) -> list[Message]:
    """Write lines as Ann, and return the messages of all lines."""
    asked = await inside.ann.slash(inside.channel, "write", text="\n\n".join(lines))
    await asked.is_done()
    await read_true_script(inside.ann, inside.channel)
    return [message for message in inside.channel.messages() if message.is_line]


async def until_stars(inside: Inside, *expected: tuple[str, int]) -> None:
    """Wait until the best lines of the script have these stars."""
    found = None
    async with asyncio.timeout(PATIENCE):
        while found != list(expected):
            script = await inside.script()
            best = await inside.store.stars.load_best_lines(script and script.head, 5)
            found = [(line.text, stars) for line, stars in best]
            await asyncio.sleep(0.01)


async def test_a_reaction_is_a_star_until_it_is_taken_away(inside: Inside):
    discord, ann, ben = inside.discord, inside.ann, inside.ben
    await begin_script(ann, inside.channel)
    _, rain, snow = await write(inside, "Rain.", "Snow.")
    for person in (ann, ben):
        await person.react(rain, STAR)
    await ann.react(snow, f"{STAR}\N{VARIATION SELECTOR-16}")
    await until_stars(inside, ("Rain.", 2), ("Snow.", 1))
    told = await (await ann.menu(rain, "Details")).shows("2 stars")
    assert told.only_for == ann.id
    await ben.react(snow, "\N{THUMBS UP SIGN}")
    await ben.react(inside.channel.panel(), STAR)
    # A command does not take the star of a reaction back, which stands for all to see.
    await (await press_star_of(ben, rain)).shows("Your star is a reaction.")
    await ben.unreact(rain, STAR)
    await until_stars(inside, ("Rain.", 1), ("Snow.", 1))
    await discord.clear_reactions(rain)
    await until_stars(inside, ("Snow.", 1))
    # A command's star is no reaction, and stays when these are cleared.
    await (await press_star_of(ben, snow)).shows("2 stars")
    await discord.clear_reactions(snow, f"{STAR}\N{VARIATION SELECTOR-16}")
    await until_stars(inside, ("Snow.", 1))
    await ben.react(snow, STAR)
    await ben.unreact(snow, STAR)
    await until_stars(inside)


async def test_the_last_of_many_reactions_counts(inside: Inside):
    await begin_script(inside.ann, inside.channel)
    _, rain, snow = await write(inside, "Rain.", "Snow.")
    for line in (rain, snow) * 5:
        await inside.ben.react(line, STAR)
        await inside.ben.unreact(line, STAR)
    await inside.ben.react(snow, STAR)
    await until_stars(inside, ("Snow.", 1))


async def test_a_star_stays_with_the_line_that_it_was_given_to(inside: Inside):
    await begin_script(inside.ann, inside.channel)
    _, rain = await write(inside, "Rain.")
    await inside.ben.react(rain, STAR)
    await until_stars(inside, ("Rain.", 1))
    opened = await inside.ann.menu(rain, "Rewrite this line")
    await (await inside.ann.submit_modal(opened, {"Text": "Drizzle."})).is_done()
    await inside.discord.until(lambda: "Drizzle" in rain.text)
    await until_stars(inside)
    stars = inside.store.stars
    assert await stars.load_reactions([rain.id]) == {rain.id: {inside.ben.id}}
    await inside.ben.unreact(rain, STAR)
    async with asyncio.timeout(PATIENCE):
        while await stars.load_reactions([rain.id]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def playing(discord: Discord, chosen: RunnerSettings, *before: Any) -> AsyncIterator[Inside]:
    """Start a bot, in a channel and with two people who were there ``before``."""
    settings = chosen.model_copy(update={"look": "characters"})
    async with bot_at(discord, settings) as bot:
        if not before:
            guild = await discord.guild("The Playhouse", BOT_MAY | MANAGE_WEBHOOKS)
            people = [await guild.person(name) for name in ("Ann", "Ben")]
            before = await guild.channel("stage"), *people
        yield Inside(discord, bot.services, *before)
    await discord.bot_is_gone()


async def test_stars_of_meanwhile_are_found_again(bare_discord: Discord, chosen: RunnerSettings):
    async with playing(bare_discord, chosen) as inside:
        await begin_script(inside.ann, inside.channel)
        _, rain, snow, hail, wind = await write(inside, "HELEN: Rain.", "Snow.", "Hail.", "Wind.")
        for line in (rain, snow, wind):
            await inside.ann.react(line, STAR)
        await (await press_star_of(inside.ann, hail)).shows("1 star")
        await until_stars(inside, ("HELEN\nRain.", 1), ("Snow.", 1), ("Hail.", 1), ("Wind.", 1))
    before = inside.channel, inside.ann, inside.ben
    await inside.ben.react(rain, STAR)
    await inside.ann.unreact(snow, STAR)
    await inside.ann.unreact(wind, STAR)
    await inside.ben.react(wind, STAR)
    await inside.ben.write(inside.channel, "Which of them is best?")
    async with playing(bare_discord, chosen, *before) as inside:
        await until_stars(inside, ("HELEN\nRain.", 2), ("Hail.", 1), ("Wind.", 1))
        reactions = await inside.store.stars.load_reactions([wind.id])
        assert reactions == {wind.id: {inside.ben.id}}
        await read_true_script(inside.ann, inside.channel)


async def test_whoever_was_forgotten_is_not_found_again(
    bare_discord: Discord, chosen: RunnerSettings
):
    async with playing(bare_discord, chosen) as inside:
        await begin_script(inside.ann, inside.channel)
        heading, rain = await write(inside, "Rain.")
        await inside.ben.react(rain, STAR)
        await until_stars(inside, ("Rain.", 1))
        question = await ask_to_forget(inside.ben, inside.channel)
        await (await inside.ben.click(question, "Forget me")).shows("You are forgotten.")
        # The reaction is still there for all to see, and so is somebody's star.
        await until_stars(inside, ("Rain.", 1))
    await inside.ann.react(heading, STAR)
    async with playing(bare_discord, chosen, inside.channel, inside.ann, inside.ben) as inside:
        await until_stars(inside, (HEADING, 1), ("Rain.", 1))
        assert not await inside.store.people.load_personal_data(inside.ben.id)
        await bare_discord.clear_reactions(rain)
        await until_stars(inside, (HEADING, 1))


async def test_reactions_of_bots_and_elsewhere_are_none_of_the_scripts(stage: Stage):
    await start_script(stage)
    shown = await write_lines(stage, "MAYA: Rain.")
    said = await stage.ben.send(stage.channel, "hello")
    await stage.ben.react(said, STAR)
    await stage.ben.react(shown, STAR)
    with stage.world._bot_scope():
        channel = stage.world.bot.get_channel(stage.channel.id)
        await channel.get_partial_message(shown.id).add_reaction(STAR)
    await stage.world.settle()
    assert "1 star" in (await use_on_message(stage, stage.ben, "Details", shown)).content
    await stage.restart()
    await stage.ben.unreact(shown, STAR)
    assert "star" not in (await use_on_message(stage, stage.ben, "Details", shown)).content
