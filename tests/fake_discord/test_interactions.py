"""Test interactions and rate limits of the fake Discord with requests over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from .conditions import Conditions
from .conftest import Place
from .people import Asked, Person
from .state import EPHEMERAL, EPOCH, TIME_TO_ANSWER, TOKEN, Answer, Json, NotPossible

SAY: Json = {"name": "say", "description": "d"}
TEXT: Json = {"type": 3, "name": "text", "description": "d"}


@dataclass
class Hand(Place):
    """A bot whose requests the test sends by itself; answers are a status and a code or body."""

    session: aiohttp.ClientSession
    ben: Person

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.session.request(method, f"/api/v10{path}", json=body) as response:
            said = await response.json() if response.status != 204 else None
            return response.status, said.get("code", said) if isinstance(said, dict) else said

    async def register(self, *commands: Json) -> None:
        path = f"/applications/{self.world.bot.id}/commands"
        assert (await self.ask("PUT", path, commands))[0] == 200

    async def answer(self, asked: Asked, kind: Answer, **data: Any) -> tuple[int, Any]:
        path = f"/interactions/{asked.id}/{self.token(asked)}/callback"
        return await self.ask("POST", path, {"type": kind, "data": data})

    async def follow_up(self, asked: Asked, **data: Any) -> tuple[int, Any]:
        return await self.ask("POST", f"/webhooks/1/{self.token(asked)}", data)

    async def original(self, asked: Asked, method: str, **data: Any) -> tuple[int, Any]:
        """Send a request about the first answer."""
        return await self.ask(method, f"/webhooks/1/{self.token(asked)}/messages/@original", data)

    def token(self, asked: Asked) -> str:
        return self.world.interactions[asked.id].token


@pytest.fixture
async def hand(place: Place) -> AsyncIterator[Hand]:
    """Yield a bot with the command /say, in a channel with two people."""
    place.world.time_to_answer = TIME_TO_ANSWER
    headers = {"Authorization": f"Bot {TOKEN}"}
    async with aiohttp.ClientSession(place.world.address, headers=headers) as session:
        hand = Hand(**vars(place), session=session, ben=await place.guild.person("Ben"))
        await hand.register(SAY | {"options": [TEXT]})
        yield hand


def buttons(*custom_ids: str) -> list[Json]:
    row = [{"type": 2, "style": 1, "label": name, "custom_id": name} for name in custom_ids]
    return [{"type": 1, "components": row}]


async def test_an_interaction_is_answered_once_and_within_three_seconds(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    assert await hand.original(asked, "PATCH", content="early") == (404, 10015)
    assert (await hand.answer(asked, Answer.MESSAGE, content="Hello."))[0] == 204
    assert await hand.answer(asked, Answer.MESSAGE, content="Hello.") == (400, 40060)
    late = await hand.ann.slash(hand.channel, "say")
    hand.world.ahead += 3.1
    assert await hand.answer(late, Answer.THINKING) == (404, 10062)
    await late.is_refused(10062)
    assert (late.how, late.seen, late.answers()) == (None, None, [])
    assert hand.channel.messages() == [await asked.shows("Hello.")]
    # An id holds the time at which it was made.
    assert abs((asked.id >> 22) / 1000 + EPOCH - asked.began) < 0.1


@pytest.mark.parametrize(("content", "code"), [("x" * 2001, 50035), ("", 50006)])
async def test_every_answer_is_checked(hand: Hand, content: str, code: int):
    asked = await hand.ann.slash(hand.channel, "say")
    assert await hand.answer(asked, Answer.MESSAGE, content=content) == (400, code)
    assert (await hand.answer(asked, Answer.MESSAGE, content="Hello."))[0] == 204
    assert await hand.original(asked, "PATCH", content=content) == (400, code)
    assert await hand.follow_up(asked, content=content) == (400, code)


async def test_one_person_sees_an_ephemeral_message(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    shown = {"content": "Psst.", "components": buttons("Yes"), "flags": EPHEMERAL}
    await hand.answer(asked, Answer.MESSAGE, **shown)
    message = await asked.shows("Psst.")
    assert (hand.ann.sees(hand.channel), hand.ben.sees(hand.channel)) == ([message], [])
    path = f"/channels/{hand.channel.id}/messages/{message.id}"
    assert await hand.ask("PATCH", path, {"content": "Loud."}) == (404, 10008)
    with pytest.raises(NotPossible, match="does not see"):
        await hand.ben.click(message, "Yes")
    await hand.ann.click(message, "Yes")


async def test_the_next_message_replaces_thinking(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    await hand.answer(asked, Answer.THINKING, flags=EPHEMERAL)
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


async def test_a_modal_is_filled_in(hand: Hand):
    asked = await hand.ann.slash(hand.channel, "say")
    line = {"type": 4, "style": 1, "label": "Text", "custom_id": "text", "max_length": 3}
    modal = {"title": "T", "custom_id": "m", "components": [{"type": 1, "components": [line]}]}
    assert await hand.answer(asked, Answer.MODAL, **modal | {"title": "T" * 46}) == (400, 50035)
    assert (await hand.answer(asked, Answer.MODAL, **modal))[0] == 204
    for values in ({"Text": "long"}, {"Text": ""}, {"Other": "x"}):
        with pytest.raises(NotPossible):
            await hand.ann.submit_modal(asked, values)
    with pytest.raises(NotPossible, match="no modal"):
        await hand.ben.submit_modal(asked, {"Text": "Hi."})
    submitted = await hand.ann.submit_modal(asked, {"Text": "Hi."})
    assert await hand.answer(submitted, Answer.MODAL, **modal) == (400, 50035)
    assert (await hand.answer(submitted, Answer.MESSAGE, content="Hi."))[0] == 204


async def test_people_cannot_send_what_their_client_does_not_offer(hand: Hand):
    choices = [{"name": "one", "value": 1}]
    lines = {"type": 4, "name": "lines", "description": "d", "choices": choices}
    on = {"type": 1, "name": "on", "description": "d", "options": [lines]}
    lock = {"type": 2, "name": "lock", "description": "d", "options": [on]}
    cast = {"name": "cast", "description": "d", "options": [lock]}
    await hand.register(SAY | {"options": [TEXT | {"autocomplete": True}]}, cast)
    for name, options in [
        *(("say", {"other": "x"}), ("cast lock on", {"lines": 3})),
        *(("shout", {}), ("cast", {}), ("cast lock off", {})),
    ]:
        with pytest.raises(NotPossible):
            await hand.ann.slash(hand.channel, name, **options)
    with pytest.raises(NotPossible, match="suggests nothing"):
        await hand.ann.autocomplete(hand.channel, "cast lock on", "lines", "t")
    asked = await hand.ann.slash(hand.channel, "say")
    options = [{"label": letter, "value": letter} for letter in "abc"]
    menu = {"type": 3, "custom_id": "m", "options": options, "max_values": 2}
    row = {"type": 1, "components": [menu]}
    await hand.answer(asked, Answer.MESSAGE, content="Hello.", components=[row])
    shown = await asked.shows("Hello.")
    for values in (["a", "b", "c"], [], ["d"]):
        with pytest.raises(NotPossible):
            await hand.ben.choose(shown, "m", *values)


async def test_suggestions_answer_an_unfinished_command(hand: Hand):
    await hand.register(SAY | {"options": [TEXT | {"autocomplete": True}]})
    asked = await hand.ann.type(hand.channel, "say", "text", "he")
    choices = [{"name": f"{number}", "value": f"hello {number}"} for number in range(26)]
    assert await hand.answer(asked, Answer.CHOICES, choices=choices) == (400, 50035)
    assert await hand.answer(asked, Answer.MESSAGE, content="Hello.") == (400, 50035)
    assert (await hand.answer(asked, Answer.CHOICES, choices=choices[:2]))[0] == 204


async def test_a_deleted_channel_takes_nothing(hand: Hand):
    asked, answered = [await hand.ann.slash(hand.channel, "say") for _ in "ab"]
    assert (await hand.answer(answered, Answer.MESSAGE, content="Hello."))[0] == 204
    path = f"/channels/{hand.channel.id}/messages"
    await hand.channel.delete()
    assert await hand.answer(asked, Answer.MESSAGE, content="Hello.") == (404, 10003)
    assert await hand.original(answered, "PATCH", content="Hello?") == (404, 10003)
    assert await hand.follow_up(answered, content="Hello?") == (404, 10003)
    assert await hand.ask("POST", path, {"content": "Hello?"}) == (404, 10003)
    await hand.discord.until(lambda: hand.channel.messages() == [])


async def test_unknown_routes_and_tokens_are_refused(hand: Hand):
    assert (await hand.ask("GET", "/guilds/1/emojis"))[0] == 501
    await hand.discord.until(lambda: "add it to tests/fake_disc" in "".join(hand.discord.refusals))
    hand.session.headers["Authorization"] = "Bot another"
    assert await hand.ask("GET", "/users/@me") == (401, 0)


# Latencies and limits --------------------------------------------------------------------------


async def test_requests_take_the_set_latency(hand: Hand):
    await hand.discord.conditions(0.05, 0.1)
    asked = await hand.ann.slash(hand.channel, "say")
    began = time.perf_counter()
    assert (await hand.answer(asked, Answer.MESSAGE, content="Hello."))[0] == 204
    assert time.perf_counter() - began >= 0.05


async def test_a_channel_takes_five_messages_in_five_seconds(hand: Hand):
    await hand.discord.conditions(limited=True)
    path = f"/channels/{hand.channel.id}/messages"
    for left in range(4, -1, -1):
        async with hand.session.post(f"/api/v10{path}", json={"content": "x"}) as response:
            told = response.headers
            assert (told["X-RateLimit-Limit"], told["X-RateLimit-Remaining"]) == ("5", f"{left}")
            assert 4 < float(told["X-RateLimit-Reset-After"]) <= 5
    async with hand.session.post(f"/api/v10{path}", json={"content": "x"}) as response:
        assert (response.status, response.headers["X-RateLimit-Scope"]) == (429, "user")
        assert 4 < (await response.json())["retry_after"] <= 5
    assert (await hand.discord.counts())["invalid requests"] == 1
    await hand.discord.let_time_pass(5)
    assert (await hand.ask("POST", path, {"content": "x"}))[0] == 200


def test_a_bot_sends_fifty_requests_in_a_second():
    conditions = Conditions()
    assert [conditions.global_wait(10.0 + n / 100) for n in range(50)] == [0.0] * 50
    assert conditions.global_wait(10.6) == pytest.approx(0.4)
    assert conditions.global_wait(11.0) == 0.0


async def test_answers_to_interactions_have_no_limit(hand: Hand):
    everyone = [await hand.ann.slash(hand.channel, "say") for _ in range(60)]
    await hand.discord.conditions(limited=True)
    answers = [hand.answer(asked, Answer.MESSAGE, content="Hello.") for asked in everyone]
    assert {status for status, _ in await asyncio.gather(*answers)} == {204}
