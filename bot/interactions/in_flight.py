"""Track the tasks, jobs and modals that end when the cogs are unloaded."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakSet

import discord

from ..errors import EngineClosed, Overloaded, TransactionFailed
from ..session.turn import Job
from ..ui.channels.progress import ProgressDisplay
from ..ui.components import format_progress
from ..ui.delivery.sending import CONNECTION_ERRORS, log_failure

log = logging.getLogger("onbook.tasks")

PROGRESS_INTERVAL = 2.0
"""Seconds until everybody sees the progress of a job, and between two updates."""

CHANNEL_SHARE = 0.25
"""The share of all requests that one channel may have in progress, so that others have room."""

Opened = TypeVar("Opened", bound=discord.ui.View | discord.ui.Modal)


@dataclass(frozen=True)
class StoppableJob:
    """A job with a Stop button below its progress."""

    job: Job
    requester: int
    """The id of the person who requested it."""
    channel: int
    """The channel, as `requester.get_channel` returns it."""
    is_public: bool
    """Whether everybody in the channel sees the button."""

    def is_shown_to(self, person: int, channel: int) -> bool:
        """Return whether a person in a channel sees the button."""
        return channel == self.channel and (self.is_public or person == self.requester)


@dataclass
class Flight:
    """The people and the channel that a task is about."""

    people: set[int] = field(default_factory=set)
    """The ids of the people whom the task concerns."""
    channel: int | None = None
    """The channel of the request that the task answers, if it answers one."""


class InFlight:
    """The tasks that answer interactions, the jobs that can be stopped, and the open modals.

    At most ``most_requests`` are answered at the same time.
    """

    def __init__(self, most_requests: int) -> None:
        self.jobs: dict[int, StoppableJob] = {}
        """The jobs that can be stopped, by the ids of their interactions or messages."""
        self._most_requests = most_requests
        self._tasks: dict[asyncio.Task[Any], Flight] = {}
        self._registered: WeakSet[discord.ui.View | discord.ui.Modal] = WeakSet()
        self._closing = False

    @property
    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the tasks that have not ended."""
        return set(self._tasks)

    def admit(self) -> None:
        """Raise EngineClosed in a task that begins while the cogs are being unloaded."""
        if self._closing and asyncio.current_task() not in self._tasks:
            raise EngineClosed

    def track(self, task: asyncio.Task[Any]) -> None:
        """Track a task, so that an unload waits for the task."""
        if task not in self._tasks:
            self._tasks[task] = Flight()
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        """Forget a task that is done, and log its error, because nobody may await the task."""
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            log_failure(log, "a task failed", error)

    def track_person(self, person: int) -> None:
        """Track the current task as a task that concerns a person: see `wait_for`."""
        if task := asyncio.current_task():
            self.track(task)
            self._tasks[task].people.add(person)

    def count_request(self, channel: int) -> None:
        """Count the current task, which is tracked, as a request in a channel.

        Raises Overloaded if too many are already in progress: a request that begins is finished
        soon, and a request that would have to wait for long is refused at once.
        """
        by_channel = Counter(
            work.channel for work in self._tasks.values() if work.channel is not None
        )
        most_here = max(1, int(CHANNEL_SHARE * self._most_requests))
        if by_channel.total() >= self._most_requests or by_channel[channel] >= most_here:
            raise Overloaded
        if task := asyncio.current_task():
            self._tasks[task].channel = channel

    async def wait_for(self, person: int) -> None:
        """Wait for the tasks that concern a person: their own requests, and others that name them.

        Tasks that are themselves waiting here are not waited for.
        """
        current = asyncio.current_task()
        if current in self._tasks:
            # Otherwise two waiting tasks would wait for each other.
            self._tasks[current].people.clear()
        tasks = {task for task, flight in self._tasks.items() if person in flight.people}
        if tasks:
            await asyncio.wait(tasks)

    # Jobs

    @asynccontextmanager
    async def track_job(
        self, request: int, stoppable: StoppableJob, display: ProgressDisplay
    ) -> AsyncIterator[Job]:
        """Let a job be stopped and show its progress until the context exits.

        If the context then fails, what was there before is shown again. ``request`` is the id of
        the interaction or message that asks for the job.
        """
        job = stoppable.job
        # A request can be delivered twice: the Stop button stops the first job.
        first = self.jobs.setdefault(request, stoppable) is stoppable
        reporting = asyncio.create_task(_report_progress(job, display))
        try:
            yield job
        except Exception:
            job.finish()
            if await reporting:
                self.try_later(display.restore)
            raise
        else:
            job.finish()
            await reporting
        finally:
            reporting.cancel()
            if first:
                del self.jobs[request]

    def try_later(self, act: Callable[[], Awaitable[object]]) -> None:
        """Do something in a task of its own, and ignore any failure."""

        async def try_to_act() -> None:
            with suppress(TransactionFailed, discord.HTTPException, *CONNECTION_ERRORS):
                await act()

        self.track(asyncio.create_task(try_to_act()))

    def register(self, view: Opened) -> Opened:
        """Register and return a view or modal, which closes when the cogs are unloaded."""
        self._registered.add(view)
        return view

    # To the end

    def close(self) -> None:
        """Admit no further task, and let the client forget all offers and windows."""
        self._closing = True
        for view in list(self._registered):
            view.stop()

    def stop_jobs(self) -> None:
        """Stop all turns as their Stop buttons do, which keeps the finished lines."""
        for stoppable in self.jobs.values():
            stoppable.job.stop()

    def cancel(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def wait_until_finished(self, seconds: float) -> None:
        """Wait for all tasks, and for those that they start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while tasks := self.tasks:
                    await asyncio.wait(tasks)


async def _report_progress(job: Job, display: ProgressDisplay) -> bool:
    """Show a job's lines, and its progress while it runs; return whether any was shown."""
    is_shown = False
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROGRESS_INTERVAL):
                await job.news.wait()
        if job.is_finished:
            return is_shown
        is_new_line = job.news.is_set()
        if not (is_new_line or job.is_running):
            continue  # the job waits, perhaps for another one whose Stop button is shown there
        job.news.clear()
        try:
            if is_new_line:
                await display.show_lines()
            else:
                await display.show_progress(f"-# {format_progress(job.progress)}")
        except Exception as error:  # noqa: BLE001 - the job goes on, and its result is shown
            log_failure(log, "could not show progress", error)
        is_shown = True
