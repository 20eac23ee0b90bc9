"""Let teachers, which are networks, write the text that another network learns from.

Networks that have learned the same text make different errors, so their average errs less than each
of them, but costs as much to compute as all of them. One network can learn the average, but hardly
from a text that the teachers know by heart, because there they expect just what stands there. On
text that the teachers write themselves, nobody has learned the answers, and the expectation after
each character is known exactly: Bucila, Caruana & Niculescu-Mizil 2006, "Model Compression";
Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network".
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from .data.batches import Imagined
from .device import choose_device
from .errors import RunError
from .model.network import CharLSTM

STREAMS = 512
"""Pieces of text written side by side."""

PRIMED = 200
"""Characters of human text read before a piece is written."""


@torch.no_grad()
def imagine(
    teachers: Sequence[CharLSTM],
    texts: Iterable[Tensor],
    characters: int,
    seed: int,
    folder: Path,
    streams: int = STREAMS,
) -> Imagined:
    """Have teachers of one vocabulary write together, by the mean of their logits.

    Each of ``streams`` pieces continues a random place in ``texts`` (token ids that the teachers
    have learned), and the pieces have about ``characters`` characters in all, at least one each.
    The files in ``folder`` take two bytes for each character written and each character of the
    vocabulary. Existing files are not written again. Raises RunError if the disk has no room.
    """
    if (folder / "expected.npy").exists():
        return Imagined(folder)
    folder.mkdir(parents=True, exist_ok=True)
    length, vocabulary = max(1, characters // streams), teachers[0].shape.vocabulary
    needed = 2 * streams * length * vocabulary
    if shutil.disk_usage(folder).free < needed:
        raise RunError(
            f"The teachers' text needs {needed / 1e6:,.0f} MB in {folder}, but less is free: make "
            f"room, then run the command again with --resume."
        )
    whole = torch.cat(list(texts))
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(max(1, len(whole) - PRIMED), (streams,), generator=generator)
    primed = whole[(starts + torch.arange(PRIMED)[:, None]) % len(whole)]
    device = choose_device("auto")
    networks = [network.to(device).eval() for network in teachers]
    read = primed[:-1].to(device)
    states = [network(read, network.start(streams))[1] for network in networks]
    tokens = np.empty((streams, length), dtype=np.int16)
    unfinished = folder / "unfinished.npy"
    expected = open_memmap(unfinished, "w+", np.float16, (streams, length, vocabulary))
    last = primed[-1]
    for i in tqdm(range(length), desc="imagined", unit_scale=streams, unit=" characters"):
        logits = torch.zeros(streams, vocabulary)
        for n, network in enumerate(networks):
            network_logits, states[n] = network(last[None].to(device), states[n])
            logits += functional.log_softmax(network_logits[0], dim=-1).cpu() / len(networks)
        after = functional.log_softmax(logits, dim=-1)
        tokens[:, i], expected[:, i] = last.numpy(), after.half().numpy()
        last = torch.multinomial(after.exp(), 1, generator=generator)[:, 0]
    expected.flush()
    np.save(folder / "tokens.npy", tokens)
    unfinished.rename(folder / "expected.npy")
    return Imagined(folder)
