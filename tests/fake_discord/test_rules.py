"""Test the fake Discord's rules with requests over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from .conditions import Conditions
from .people import PATIENCE, Asked, Channel, Discord, Person
from .processes import fake_discord
from .state import EPHEMERAL, TOKEN, NotPossible

MESSAGE, THINKING, SILENCE, UPDATE, CHOICES, MODAL = range(4, 10)


@dataclass
class Hand:
    """A bot whose requests the test sends by itself; answers are a status and a code or body."""

    discord: Discord
    session: aiohttp.ClientSession
    channel: Channel
    ann: Person
    ben: Person
    application: str = ""

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.session.request(method, f"/api/v10{path}", json=body) as response:
            said = await response.json() if response.status != 204 else None
            return response.status, said.get("code", said) if isinstance(said, dict) else said

    async def register(self, *commands: dict[str, Any]) -> int:
        """Register commands; return the status."""
        status, _ = await self.ask("PUT", f"/applications/{self.application}/commands", commands)
        return status

    async def answer(self, asked: Asked, kind: int, **data: Any) -> tuple[int, Any]:
        interaction = asked.id, await self.token(asked)
        path = "/interactions/{}/{}/callback".format(*interaction)
        return await self.ask("POST", path, {"type": kind, "data": data})

    async def follow_up(self, asked: Asked, **data: Any) -> tuple[int, Any]:
        return await self.ask("POST", f"/webhooks/1/{await self.token(asked)}", data)

    async def original(self, asked: Asked, method: str, **data: Any) -> tuple[int, Any]:
        """Send a request about the first answer."""
        path = f"/webhooks/1/{await self.token(asked)}/messages/@original"
        return await self.ask(method, path, data)

    async def told(self, asked: Asked) -> dict[str, Any]:
        """Return the payload that the gateway delivers."""
        return await self.discord.do("payload", interaction=asked.id)

    async def token(self, asked: Asked) -> str:
        """Return the interaction's own token."""
        return str((await self.told(asked))["token"])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Yield the address of a fake Discord."""
    with fake_discord() as address:
        yield address


@pytest.fixture
async def hand(address: str) -> AsyncIterator[Hand]:
    """Yield a bot with the command /say, in a channel with two people."""
    headers = {"Authorization": f"Bot {TOKEN}"}
    async with (
        Discord(address) as discord,
        aiohttp.ClientSession(address, headers=headers) as session,
    ):
        guild = await discord.guild("The Playhouse")
        people = [await guild.person(name) for name in ("Ann", "Ben")]
        hand = Hand(discord, session, await guild.channel("stage"), *people)
        async with session.get("/api/v10/users/@me") as response:
            hand.application = (await response.json())["id"]
        text = {"type": 3, "name": "text", "description": "What", "max_length": 5}
        assert (
            await hand.register({"name": "say", "description": "Say it", "options": [text]}) == 200
        )
        yield hand
        await discord.conditions()


def rows(*lengths: int) -> list[dict[str, Any]]:
    """Return rows of buttons, with these lengths."""
    return [
        {"type": 1, "components": [button(f"{row}-{place}") for place in range(length)]}
        for row, length in enumerate(lengths)
    ]


def button(custom_id: str, **more: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": custom_id[:20], "custom_id": custom_id} | more


async def test_an_interaction_is_answered_once_and_within_three_seconds(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    assert await hand.original(asked, "PATCH", content="early") == (404, 10015)
    assert (await hand.answer(asked, MESSAGE, content="Hello."))[0] == 204
    assert await hand.answer(asked, MESSAGE, content="Hello.") == (400, 40060)
    late = await hand.ann.slash(hand.channel, "say")
    await hand.discord.let_time_pass(3.1)
    assert await hand.answer(late, THINKING) == (404, 10062)
    await late.is_refused(10062)
    assert (late.how, late.seen, late.answers()) == (None, None, [])
    assert hand.channel.messages() == [await asked.shows("Hello.")]


async def test_a_token_lives_for_fifteen_minutes(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    await hand.answer(asked, THINKING)
    await hand.discord.let_time_pass(14.9 * 60)
    assert (await hand.original(asked, "PATCH", content="Late."))[0] == 200
    await hand.discord.let_time_pass(0.2 * 60)
    assert await hand.original(asked, "PATCH", content="Too late.") == (401, 50027)
    assert await hand.follow_up(asked, content="Too late.") == (401, 50027)


@pytest.mark.parametrize(
    ("fine", "wrong"),
    [
        ({"content": "x" * 2000}, {"content": "x" * 2001}),
        ({"content": "x"}, {"content": ""}),
        ({"components": rows(5, 5, 5, 5, 5)}, {"components": rows(5, 5, 5, 5, 5, 5)}),
        ({"components": rows(5)}, {"components": rows(6)}),
        (
            {"components": [{"type": 1, "components": [button("x" * 100)]}]},
            {"components": [{"type": 1, "components": [button("x" * 101)]}]},
        ),
        (
            {"components": [{"type": 1, "components": [button("x"), button("y")]}]},
            {"components": [{"type": 1, "components": [button("x"), button("x")]}]},
        ),
        ({"embeds": [{"description": "x" * 4096}]}, {"embeds": [{"description": "x" * 4097}]}),
        (
            {"embeds": [{"description": "x" * 3000}] * 2},
            {"embeds": [{"description": "x" * 3000}] * 2 + [{"title": "x"}]},
        ),
    ],
)
async def test_a_message_has_its_limits(hand: Hand, fine: dict[str, Any], wrong: dict[str, Any]):
    asked = await hand.ann.slash(hand.channel, "say")
    refused = await hand.answer(asked, MESSAGE, **wrong)
    assert refused in ((400, 50035), (400, 50006))
    assert (await hand.answer(asked, MESSAGE, **fine))[0] == 204
    assert await hand.original(asked, "PATCH", **wrong) == refused
    assert await hand.follow_up(asked, **wrong) == refused


async def test_an_ephemeral_message_is_seen_by_one_person(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    await hand.answer(asked, MESSAGE, content="Psst.", flags=EPHEMERAL, components=rows(1))
    shown = await asked.shows("Psst.")
    assert (hand.ann.sees(hand.channel), hand.ben.sees(hand.channel)) == ([shown], [])
    path = f"/channels/{hand.channel.id}/messages/{shown.id}"
    assert await hand.ask("PATCH", path, {"content": "Loud."}) == (404, 10008)
    with pytest.raises(NotPossible, match="does not see"):
        await hand.ben.click(shown, "0-0")
    await hand.ann.click(shown, "0-0")


async def test_thinking_is_seen_and_becomes_the_next_message(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    await hand.answer(asked, THINKING, flags=EPHEMERAL)
    await hand.discord.until(lambda: asked.seen)
    [thinking] = asked.answers()
    assert (thinking.thinking, thinking.content) == (True, "")
    # The first follow-up takes the place of "thinking", and is as visible as that was.
    await hand.follow_up(asked, content="Hello.")
    assert await asked.shows("Hello.") is thinking
    assert (thinking.thinking, thinking.only_for) == (False, hand.ann.id)
    await hand.follow_up(asked, content="And more.")
    assert (await asked.shows("And more.")).only_for is None
    assert (await hand.original(asked, "DELETE"))[0] == 204
    assert await hand.original(asked, "PATCH", content="Hello.") == (404, 10008)


async def test_a_button_changes_its_own_message(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    await hand.answer(asked, MESSAGE, content="One", components=rows(2))
    shown = await asked.shows("One")
    pressed = await hand.ben.click(shown, "0-1")
    assert (await hand.answer(pressed, UPDATE, content="Two", components=[]))[0] == 204
    await hand.discord.until(lambda: shown.content == "Two")
    assert [version.content for version in shown.versions] == ["One", "Two"]
    with pytest.raises(NotPossible, match="no button"):
        await hand.ben.click(shown, "0-1")
    # A person whose client is a moment behind may still press the old button.
    late = await hand.ben.click(shown, "0-1", custom_id="0-1")
    assert (await hand.answer(late, SILENCE))[0] == 204
    assert (await hand.original(late, "PATCH", content="Three"))[0] == 200
    await hand.discord.until(lambda: shown.content == "Three")


async def test_a_modal_is_filled_in(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    line = {"type": 4, "style": 1, "label": "Text", "custom_id": "text", "max_length": 3}
    modal = {"title": "T", "custom_id": "m", "components": [{"type": 1, "components": [line]}]}
    assert await hand.answer(asked, MODAL, **modal | {"title": "T" * 46}) == (400, 50035)
    assert (await hand.answer(asked, MODAL, **modal))[0] == 204
    for values in ({"Text": "long"}, {"Text": ""}, {"Other": "x"}):
        with pytest.raises(NotPossible):
            await hand.ann.submit_modal(asked, values)
    with pytest.raises(NotPossible, match="no modal"):
        await hand.ben.submit_modal(asked, {"Text": "Hi."})
    submitted = await hand.ann.submit_modal(asked, {"Text": "Hi."})
    assert await hand.answer(submitted, MODAL, **modal) == (400, 50035)
    assert (await hand.answer(submitted, MESSAGE, content="Hi."))[0] == 204


async def test_people_cannot_use_a_command_wrongly(hand: Hand):
    for options in ({"text": "longer"}, {"text": 5}, {"other": "x"}):
        with pytest.raises(NotPossible):
            await hand.ann.slash(hand.channel, "say", **options)
    with pytest.raises(NotPossible, match="no command"):
        await hand.ann.slash(hand.channel, "shout")
    with pytest.raises(NotPossible, match="suggests nothing"):
        await hand.ann.autocomplete(hand.channel, "say", "text", "t")


async def test_options_arrive_as_people_filled_them_in(hand: Hand):
    options = [
        {"type": 11, "name": "file", "description": "d"},
        {"type": 6, "name": "player", "description": "d"},
        {"type": 4, "name": "lines", "description": "d", "min_value": 1, "max_value": 10},
    ]
    group = {"type": 2, "name": "lock", "description": "d"}
    group["options"] = [{"type": 1, "name": "on", "description": "d", "options": options}]
    await hand.register({"name": "cast", "description": "d", "options": [group]})
    asked = await hand.ann.slash(
        hand.channel, "cast lock on", file=("a.txt", b"Rain."), player=hand.ben, lines=10
    )
    data = (await hand.told(asked))["data"]
    [lock] = data["options"]
    [on] = lock["options"]
    assert (data["name"], lock["name"], lock["type"], on["name"], on["type"]) == (
        "cast",
        "lock",
        2,
        "on",
        1,
    )
    file, player, lines = (one["value"] for one in on["options"])
    assert await hand.discord.read(data["resolved"]["attachments"][file]) == "Rain."
    assert data["resolved"]["users"][player]["global_name"] == "Ben"
    assert lines == 10
    for name, wrong in (("cast lock on", {"lines": 11}), ("cast", {}), ("cast lock off", {})):
        with pytest.raises(NotPossible):
            await hand.ann.slash(hand.channel, name, **wrong)


async def test_suggestions_come_while_somebody_types(hand: Hand):
    text = {"type": 3, "name": "text", "description": "d", "autocomplete": True}
    await hand.register({"name": "say", "description": "d", "options": [text]})
    typing = asyncio.create_task(hand.ann.autocomplete(hand.channel, "say", "text", "he"))
    mine = hand.ann.id
    [asked] = await hand.discord.until(
        lambda: [one for one in hand.discord.all_asked() if one.user == mine]
    )
    [option] = (await hand.told(asked))["data"]["options"]
    assert option == {"name": "text", "type": 3, "value": "he", "focused": True}
    choices = [{"name": f"{number}", "value": f"hello {number}"} for number in range(26)]
    assert await hand.answer(asked, CHOICES, choices=choices) == (400, 50035)
    assert await hand.answer(asked, MESSAGE, content="Hello.") == (400, 50035)
    assert (await hand.answer(asked, CHOICES, choices=choices[:2]))[0] == 204
    assert await typing == ["hello 0", "hello 1"]


async def test_messages_have_menus(hand: Hand):
    await hand.register({"name": "say", "description": "d"}, {"name": "From here", "type": 3})
    asked = await hand.ann.slash(hand.channel, "say")
    options = [{"label": one, "value": one} for one in "abc"]
    menu = {"type": 3, "custom_id": "m", "options": options, "max_values": 2}
    row = {"type": 1, "components": [menu]}
    await hand.answer(asked, MESSAGE, content="Hello.", components=[row])
    shown = await asked.shows("Hello.")
    chosen = await hand.told(await hand.ben.choose(shown, "m", "a", "c"))
    assert (chosen["data"]["values"], chosen["message"]["content"]) == (["a", "c"], "Hello.")
    for values in (["a", "b", "c"], [], ["d"]):
        with pytest.raises(NotPossible):
            await hand.ben.choose(shown, "m", *values)
    told = (await hand.told(await hand.ben.menu(shown, "From here")))["data"]
    assert (told["type"], told["target_id"]) == (3, str(shown.id))
    assert told["resolved"]["messages"][str(shown.id)]["content"] == "Hello."


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Say"},
        {"name": "say it"},
        {"name": "s" * 33},
        {"description": ""},
        {"description": "d" * 101},
        {"options": [{"type": 3, "name": f"o{n}", "description": "d"} for n in range(26)]},
        {"options": [{"type": 3, "name": "o", "description": "d"}] * 2},
        {
            "options": [
                {"type": 3, "name": "a", "description": "d"},
                {"type": 3, "name": "b", "description": "d", "required": True},
            ]
        },
        {"options": [{"type": 3, "name": "o", "description": "d", "choices": [{"name": ""}]}]},
    ],
)
async def test_commands_are_registered_as_discord_wants_them(hand: Hand, wrong: dict[str, Any]):
    fine = {"name": "say", "description": "Say it"}
    assert await hand.register(fine | wrong) == 400
    assert await hand.register(*({"name": f"c{n}", "description": "d"} for n in range(101))) == 400
    assert await hand.register(fine, fine) == 400
    assert await hand.register(fine) == 200


async def test_only_the_bot_may_ask(hand: Hand):
    hand.session.headers["Authorization"] = "Bot another"
    assert await hand.ask("GET", "/users/@me") == (401, 0)


async def test_an_unknown_route_is_refused(hand: Hand):
    assert (await hand.ask("GET", "/guilds/1/emojis"))[0] == 501
    await hand.discord.until(lambda: "add it to tests/fake_disc" in "".join(hand.discord.refusals))


async def test_ids_are_made_from_the_clock(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    await hand.discord.until(lambda: asked.began)
    assert abs((asked.id >> 22) / 1000 + 1_420_070_400 - asked.began) < 0.1


async def test_requests_take_as_long_as_the_conditions_say(hand: Hand):
    await hand.discord.conditions(0.05, 0.1)
    asked = await hand.ann.slash(hand.channel, "say")
    began = time.perf_counter()
    assert (await hand.answer(asked, MESSAGE, content="Hello."))[0] == 204
    took = time.perf_counter() - began
    shown = await asked.shows("Hello.")
    assert took >= 0.05
    # No gateway is connected, so only the request's way has a latency.
    assert 0.025 <= asked.answered_travelled <= 0.05
    assert shown.versions[0].travelled == asked.answered_travelled
    await hand.original(asked, "PATCH", content="Hello again.")
    await asked.shows("again")
    assert 0.1 <= shown.versions[1].travelled <= 0.2


async def test_a_channel_takes_five_messages_in_five_seconds(hand: Hand):
    await hand.discord.conditions(limited=True)
    before = await hand.discord.counts()
    path = f"/channels/{hand.channel.id}/messages"
    async with hand.session.post(f"/api/v10{path}", json={"content": "1"}) as response:
        told = response.headers
        assert (told["X-RateLimit-Limit"], told["X-RateLimit-Remaining"]) == ("5", "4")
        assert 4 < float(told["X-RateLimit-Reset-After"]) <= 5
    for number in range(4):
        assert (await hand.ask("POST", path, {"content": f"{number}"}))[0] == 200
    async with hand.session.post(f"/api/v10{path}", json={"content": "6"}) as response:
        assert (response.status, response.headers["X-RateLimit-Scope"]) == (429, "user")
        assert 4 < (await response.json())["retry_after"] <= 5
    counts = await hand.discord.counts()
    assert counts["invalid requests"] == before.get("invalid requests", 0) + 1
    await hand.discord.let_time_pass(5)
    assert (await hand.ask("POST", path, {"content": "6"}))[0] == 200
    await hand.discord.until(lambda: len(hand.channel.messages()) == 6)


def test_a_bot_asks_fifty_times_a_second():
    conditions = Conditions()
    assert [conditions.global_wait(10.0 + n / 100) for n in range(50)] == [0.0] * 50
    assert conditions.global_wait(10.6) == pytest.approx(0.4)
    assert conditions.global_wait(11.0) == 0.0


async def test_a_bot_answers_as_often_as_it_is_asked(hand: Hand):
    everyone = [await hand.ann.slash(hand.channel, "say") for _ in range(60)]
    await hand.discord.conditions(limited=True)
    answers = [hand.answer(asked, MESSAGE, content="Hello.") for asked in everyone]
    assert {status for status, _ in await asyncio.gather(*answers)} == {204}


async def test_identifies_and_events_keep_to_the_conditions(
    hand: Hand,
):
    await hand.discord.conditions(0.05, 0.1, limited=True)
    await hand.discord.let_time_pass(5)
    identify = {"op": 2, "d": {"token": TOKEN, "shard": [0, 1]}}

    async def heard(socket: aiohttp.ClientWebSocketResponse, what: str | int) -> Any:
        async with asyncio.timeout(PATIENCE):
            async for frame in socket:
                told = frame.json()
                if what in (told["op"], told.get("t")):
                    return told["d"]
        raise AssertionError("it was closed")

    async with hand.session.ws_connect("/") as first, hand.session.ws_connect("/") as second:
        await first.send_json(identify)
        session = (await heard(first, "READY"))["session_id"]
        await second.send_json(identify)
        assert await heard(second, 9) is False
        began = time.perf_counter()
        asked = await hand.ann.slash(hand.channel, "say")
        assert (await heard(first, "INTERACTION_CREATE"))["id"] == str(asked.id)
        assert time.perf_counter() - began >= 0.05
        # A session survives its connection; only 1000 and 1001 end it.
        await first.close(code=4000)
        async with hand.session.ws_connect("/") as third:
            resume = {"token": TOKEN, "session_id": session, "seq": 1}
            await third.send_json({"op": 6, "d": resume})
            assert await heard(third, "RESUMED") == {}
    counts = await hand.discord.counts()
    found = [counts[name] for name in ("identifies", "identifies too soon", "resumes")]
    assert found == [2, 1, 1]
