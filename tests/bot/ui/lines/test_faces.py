"""Test how characters get their faces when Discord fails.

The real bot plays at the project's own Discord.
"""

from bot.ui.images.monogram import monogram_of
from tests.bot.conftest import Inside
from tests.bot.playing import begin_script
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import BOT_MAY, Channel, Person
from tests.fake_discord.state import MANAGE_WEBHOOKS

EMOJIS = "/emojis$"


async def begin(inside: Inside) -> tuple[Person, Channel]:
    """Begin a script in which characters speak; return a person who writes it, and its channel."""
    inside.services.messages._look = "characters"
    guild = await inside.discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS)
    ann, channel = await guild.person("Ann"), await guild.channel("stage")
    await begin_script(ann, channel)
    return ann, channel


async def see_faces(ann: Person, channel: Channel, *names: str) -> list[str | None]:
    """Write a line for each name, and return the pictures that they have."""
    text = "\n\n".join(f"{name}: Hello." for name in names)
    await (await ann.slash(channel, "write", text=text)).is_done()
    lines = [message for message in channel.messages() if message.is_line]
    return [line.avatar for line in lines[-len(names) :]]


async def test_a_face_is_found_although_its_answer_was_lost(inside: Inside):
    ann, channel = await begin(inside)
    await inside.discord.fail(Kind.STATUS, "POST", EMOJIS, status=502, heard=True)
    first, second = await see_faces(ann, channel, "MAYA", "MAYA")
    [emoji] = await inside.services.bot.fetch_application_emojis()
    assert first == second == emoji.url
    # discord.py has sent the request again.
    [refused] = inside.discord.refusals
    assert "ALREADY_TAKEN" in refused
    inside.discord.refusals.clear()


async def test_a_face_that_another_process_has_made_is_found(inside: Inside):
    ann, channel = await begin(inside)
    await see_faces(ann, channel, "MAYA")
    monogram = monogram_of("JONAS")
    made = await inside.services.bot.create_application_emoji(
        name=monogram.emoji_name, image=monogram.png()
    )
    assert await see_faces(ann, channel, "JONAS", "JONAS") == [made.url, made.url]
    assert len(inside.discord.refusals) == 1
    inside.discord.refusals.clear()


async def test_a_face_is_not_requested_at_each_line(inside: Inside):
    ann, channel = await begin(inside)
    await inside.discord.fail(Kind.STATUS, "POST", EMOJIS, most=None, status=503)
    assert await see_faces(ann, channel, "MAYA", "MAYA", "JONAS") == [None] * 3
    assert len(inside.discord.faults) == 1
    await inside.discord.mend()
    inside.services.messages.line_messages._faces._retry_at = 0.0
    assert None not in await see_faces(ann, channel, "MAYA", "JONAS")
