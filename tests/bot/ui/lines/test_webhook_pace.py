"""Test the pace of webhook posts by a simulated clock."""

import asyncio

import pytest

from bot.ui.lines import webhook_pace
from bot.ui.lines.webhook_pace import LIMITS, MARGIN, WebhookPace


class Time:
    """A clock that advances when somebody sleeps, and posts that are paced by it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pace = WebhookPace(self.clock, self.sleep)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def posts(self, count: int, channel: int = 1) -> list[float]:
        """Post this many times, as fast as possible, and return the times since the first post."""
        began, found = self.now, []
        for _ in range(count):
            await self.pace.take(channel)
            found.append(self.now - began)
        return found


@pytest.fixture
def time() -> Time:
    return Time()


async def test_no_window_exceeds_its_limit(time: Time):
    at = await time.posts(100)
    # A turn of ten lines waits once.
    assert at[:10] == [0.0] * 5 + [2 + MARGIN] * 5
    for most, seconds in LIMITS:
        assert min(last - first for first, last in zip(at, at[most:], strict=False)) > seconds
    # The pace uses the whole limit of 30 posts a minute.
    assert at[-1] == pytest.approx(3 * (60 + MARGIN) + (2 + MARGIN), abs=0.01)


async def test_channels_do_not_wait_for_each_other(time: Time):
    await time.posts(5)
    assert await time.posts(5, channel=2) == [0.0] * 5
    assert await time.posts(5) == [2 + MARGIN] * 5


async def test_posts_keep_their_order(time: Time):
    asleep, wake, order = asyncio.Event(), asyncio.Event(), list[int]()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await wake.wait()

    async def post(number: int) -> None:
        await time.pace.take(1)
        order.append(number)

    time.pace = WebhookPace(time.clock, sleep)
    await asyncio.gather(*map(post, range(5)))
    waiting = asyncio.create_task(post(5))
    await asleep.wait()
    time.now += 2 + MARGIN
    late = asyncio.create_task(post(6))
    await asyncio.sleep(0.01)
    wake.set()
    await asyncio.gather(waiting, late)
    assert order == list(range(7))


async def test_cancelled_post_does_not_count(time: Time):
    asleep = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    time.pace = WebhookPace(time.clock, sleep)
    await time.posts(5)
    given_up = asyncio.create_task(time.posts(1))
    await asleep.wait()
    given_up.cancel()
    await asyncio.wait([given_up])
    time.now += 2 + MARGIN
    assert await time.posts(5) == [0.0] * 5


async def test_oldest_channels_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhook_pace, "MOST_KEPT", 2)
    time = Time()
    for channel in (1, 2, 3):
        await time.posts(5, channel)
    assert await time.posts(1, channel=2) == [2 + MARGIN]
    time.now -= 2 + MARGIN
    assert await time.posts(1, channel=1) == [0.0]
