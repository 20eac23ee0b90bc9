"""Train one network in several processes, on one machine or several, as torchrun starts them.

Each process reads streams of its own, and all processes take every step together, with the mean of
their gradients. The first process alone computes, prints and writes what is needed once.
"""

# No deferred annotations, because DistributedDataParallel inspects the annotations of its hook.

import datetime as dt
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")

PATIENCE = dt.timedelta(hours=6)
"""The longest wait for the other processes, since the first evaluates while all wait; a process
that has ended is noticed at once."""


@dataclass(frozen=True)
class Team:
    """The processes that train one network, as seen by one of them; a team can have one process.

    Collective operations must be called by all processes, in the same order.
    """

    rank: int = 0
    """The number of this process, from 0."""
    size: int = 1
    """Number of processes."""

    @property
    def leads(self) -> bool:
        """Return whether this is the first process, which alone evaluates and writes files."""
        return self.rank == 0

    def own(self, streams: int) -> slice:
        """Return the streams of this process, out of ``streams`` divided equally."""
        share = streams // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def wrap_network(self, network: nn.Module) -> nn.Module:
        """Wrap a network, equal in all processes at first, to average gradients over all.

        The network's buffers never change, and are not synchronised.
        """
        if self.size == 1:
            return network
        whole = DistributedDataParallel(network, forward_sync_buffers=False)
        whole.register_comm_hook(self.size, _average_gradients)
        return whole

    def gather(self, word: T) -> list[T]:
        """Return the word of each process, in their order; tensors should be on the CPU."""
        if self.size == 1:
            return [word]
        words = [word] * self.size
        distributed.all_gather_object(words, word)
        return words

    def run_on_first(self, do: Callable[[], T]) -> T:
        """Return the result of a function that the first process calls while the others wait.

        If the function raises, only the first process reports the error: the others end silently.
        """
        if self.size == 1:
            return do()
        done: list[Any] = [False, None]
        try:
            if self.leads:
                done = [True, do()]
        finally:
            distributed.broadcast_object_list(done)
        if not done[0]:
            sys.exit(1)
        return done[1]


ALONE = Team()


def _average_gradients(
    size: int, bucket: distributed.GradBucket
) -> torch.futures.Future[torch.Tensor]:
    """Return the mean of the gradients in a bucket over all processes.

    The rounding of a sum over a whole bucket would depend on each number's position, and buckets
    are repacked after the first step of a process, so a resumed run would differ.
    """
    bucket.buffer().div_(size)
    sums = [
        distributed.all_reduce(gradient, async_op=True).get_future()
        for gradient in bucket.gradients()
    ]
    return torch.futures.collect_all(sums).then(lambda _: bucket.buffer())


@contextmanager
def join_team() -> Iterator[Team]:
    """Join the team that torchrun has started until all are done, or yield `ALONE`.

    Each process has a CUDA device of its own where there are any, numbered as the process is on its
    machine.
    """
    if not distributed.is_torchelastic_launched():
        yield ALONE
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        # Objects are exchanged between CPUs, so that waiting keeps no GPU busy.
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        team = Team(distributed.get_rank(), distributed.get_world_size())
        yield team
        # A barrier, because torchrun stops all processes as soon as one has failed.
        team.gather(None)
    finally:
        distributed.destroy_process_group()


def end_process(code: int) -> NoReturn:
    """End the process with an exit code, after all its work is done.

    A process of torchrun skips Python's cleanup: gloo's threads outlive the group where a network
    was trained in it, and processes were seen to abort during the cleanup.
    """
    if distributed.is_torchelastic_launched():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


@contextmanager
def catch_interruption() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of ending the process; a second signal ends it at once.

    Under torchrun a second signal is collected too, because torchrun passes on each Ctrl-C that the
    terminal has already sent to every process, and itself ends the processes that take too long.
    """
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        if caught and not distributed.is_torchelastic_launched():
            os._exit(130)
        caught.append(number)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
