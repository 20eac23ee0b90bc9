"""Training one network in several processes, on one machine or on several, as torchrun starts them.

Each reads streams of its own, and all take every step together, with the mean of their gradients.
Whatever must be found, shown or written once is the first one's to do.
"""

# Annotations are evaluated here, for DistributedDataParallel looks at those of its hook.

import datetime as dt
import os
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
"""How long a process waits for the others: the first evaluates alone, and all wait for it. One
that has ended is noticed at once."""


@dataclass(frozen=True)
class Team:
    """The processes that train one network, as one of them sees them; perhaps it is alone.

    What has to do with the others must be done by all of them, in the same order.
    """

    rank: int = 0
    """Which of them this is, from 0."""
    size: int = 1
    """How many there are."""

    @property
    def leads(self) -> bool:
        """Whether this is the first, which alone evaluates, prints, draws and writes files."""
        return self.rank == 0

    def own(self, streams: int) -> slice:
        """Which of so many streams are this process's, if all can have as many as one another."""
        share = streams // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def together(self, network: nn.Module) -> nn.Module:
        """The network so that its gradients are the mean of all; at first it must be the same.

        Its buffers never change, and are not looked after.
        """
        if self.size == 1:
            return network
        whole = DistributedDataParallel(network, forward_sync_buffers=False)
        whole.register_comm_hook(self.size, _mean)
        return whole

    def hear(self, word: T) -> list[T]:
        """What each process says, in their order; tensors should be on the processor."""
        if self.size == 1:
            return [word]
        words = [word] * self.size
        distributed.all_gather_object(words, word)
        return words

    def by_first(self, do: Callable[[], T]) -> T:
        """What comes of something that the first process does while the others wait.

        Where it raises, only the first has something to say about that: the others end silently.
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


def _mean(size: int, bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """The mean of the gradients in a bucket over all processes.

    The sum of a whole bucket would be rounded by where in it a number lies, and buckets are packed
    anew after the first step of a process, so that a run that goes on would not be the same.
    """
    bucket.buffer().div_(size)
    sums = [distributed.all_reduce(one, async_op=True).get_future() for one in bucket.gradients()]
    return torch.futures.collect_all(sums).then(lambda _: bucket.buffer())


@contextmanager
def joined() -> Iterator[Team]:
    """The team that torchrun has started, which stays together until all are done, or `ALONE`.

    Each process has a CUDA device of its own where there are any, the one of its number on its
    machine.
    """
    if not distributed.is_torchelastic_launched():
        yield ALONE
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        # Words go from processor to processor, so that no device is kept busy by waiting.
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        team = Team(distributed.get_rank(), distributed.get_world_size())
        yield team
        # torchrun stops all as soon as one has ended other than well.
        team.hear(None)
    finally:
        distributed.destroy_process_group()


def leave(code: int) -> NoReturn:
    """Ends the process with an exit code, when all that it had to do is done.

    One of torchrun's ends without what Python does at its end: gloo's threads outlive the group
    where a network was trained in it, and processes were seen to abort just then.
    """
    if distributed.is_torchelastic_launched():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
