"""Make a voice and its proof from a checkpoint, or from a voice in 8 bits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx

from . import TextError, VoiceError, __version__, graph, openings
from .graph_builder import Bits
from .proof import LARGEST_LOSS, Proof, check_loss, encode_text, prove
from .runtime import Runtime
from .trained import (
    KINDS_IN_WORDS,
    Cost,
    FoldedNetwork,
    Run,
    Text,
    Vocabulary,
    Voice,
    list_folder,
    read_each,
    serialise,
)

WRITTEN = 4_000
"""Characters that a voice writes as the text of its own proof when its run is missing."""

LEAST = 1_000
"""The fewest characters of named texts that prove a voice: fewer are a matter of chance."""

HELDOUT = ("validation", "test")
"""The parts that the network was not trained on, which prove a voice."""

MOST_POINTS = 80
"""The most points of each line of the training curve in a voice file."""

DOC_STRING = """\
{name}: a voice for On Book, a recurrent network that writes scripts character by character.

Each row of a batch reads one character:
tokens int64 [batch], state float32 [batch, S] -> logits float32 [batch, V], next_state [batch, S]
The state before the first character is zeros; the logits are of the next character. The metadata
property onbook.vocabulary lists the V characters by token.

Trained on: {corpus}
Licence: {licence}
"""
"""What other ONNX tools show of a voice file."""


def make_voice(
    run: Run, bits: Bits, texts: Sequence[Path], styles: Path | None
) -> tuple[Voice, Proof]:
    """Return a voice of a run's best weights, with its proof on held-out texts.

    ``bits``: the bits of a matrix entry; ``texts``: files and folders to read instead of the run's
    held-out texts; ``styles``: the file of openings, or None for the one that is shipped under the
    voice's name. Raises RunError or TextError for what cannot be read or is too short, and
    VoiceError if there are no held-out texts or an opening cannot be used.
    """
    model, vocabulary = run.model(), run.vocabulary()
    passages = openings.read_openings(
        styles or openings.find_shipped(run.config().name), vocabulary
    )
    heldout = read_heldout(texts) if texts else collect_heldout(run)
    if not heldout:
        raise VoiceError(
            f"{run.folder} has no held-out texts to verify the voice on. Name some with --heldout."
        )
    if texts and (size := sum(len(text.content) for text in heldout)) < LEAST:
        raise TextError(f"--heldout has {size} of the {LEAST:,} characters needed. Name more text.")
    step = serialise(graph.build(FoldedNetwork.of(model), bits))
    proof = prove(Runtime(step), model, vocabulary, heldout, bits)
    return describe(step, _collect_metadata(run, vocabulary, bits, proof) | passages), proof


def replace_openings(voice: Voice, styles: Path) -> Voice:
    """Return a voice with the openings of a file instead of its own; raise VoiceError."""
    kept = {name: value for name, value in voice.metadata.items() if name != "onbook.openings"}
    return describe(voice.graph, kept | openings.read_openings(styles, voice.vocabulary()))


def convert_to_32_bits(voice: Voice) -> tuple[Voice, Proof]:
    """Return an 8-bit voice in 32 bits, with its proof on a text that the voice writes itself.

    Raises VoiceError for a voice that is in 32 bits already, or that `graph.build` did not make.
    """
    stored = onnx.ModelProto.FromString(voice.graph)
    if graph.find_bits(stored) == 32:
        raise VoiceError("This voice is already in 32 bits. Use the file as it is.")
    network, vocabulary = voice.network(), voice.vocabulary()
    step = serialise(graph.build(network, 32))
    before, after = Runtime(voice.graph), Runtime(step)
    # A text that the voice writes from nothing, the same text each time.
    [newline] = vocabulary.encode("\n")
    written = before.write(newline, WRITTEN, seed=1)
    text = Text("what the voice itself writes", vocabulary.decode(written))
    [cost] = before.measure_carried([encode_text(vocabulary, text)])
    proof = prove(after, network.unfold(), vocabulary, [text], 32)
    conversion = check_loss("8 bits -> 32 bits", cost, proof.texts[0].exported, LARGEST_LOSS[8])
    proof = dataclasses.replace(proof, checks=(*proof.checks, conversion))
    note = {
        "from": voice.fingerprint(),
        "note": "32 bits, made of the 8 bits of another file, whose figures are those of `texts`; "
        "both read a text that the voice wrote.",
        "characters": cost.characters,
        "bits_8": _round_cost(cost),
        "bits_32": _round_cost(proof.texts[0].exported),
    }
    evaluation = json.loads(voice.metadata.get("onbook.evaluation", "{}")) | {"converted": note}
    return describe(step, dict(voice.metadata) | {"onbook.evaluation": _to_json(evaluation)}), proof


def describe(step: bytes, metadata: Mapping[str, str]) -> Voice:
    """Return a voice whose description for other ONNX tools follows from its metadata."""
    evaluation = json.loads(metadata.get("onbook.evaluation", "{}"))
    names = ("name", "corpus", "licence")
    facts = {name: metadata.get(f"onbook.{name}", "unstated") for name in names}
    description = {
        "producer_version": __version__,
        "model_version": evaluation.get("step") or 0,
        "doc_string": DOC_STRING.format(**facts),
    }
    return Voice(step, metadata, description)


def collect_heldout(run: Run) -> tuple[Text, ...]:
    """Return all held-out texts of a run, by part and name."""
    return tuple(
        Text(f"{part}/{text.name}", text.content)
        for part in HELDOUT
        for text in run.read_heldout(part)
    )


def read_heldout(paths: Sequence[Path]) -> tuple[Text, ...]:
    """Return the texts of files and folders, or only the held-out parts of a corpus folder.

    Raises TextError for a path that is missing or holds no text.
    """
    named: list[tuple[str, Path]] = []
    for path in paths:
        if not path.is_dir():
            named.append((path.stem, path))
            continue
        parts = [path / part for part in HELDOUT if (path / part).is_dir()] or [path]
        files = [file for part in parts for file, _ in list_folder(part)]
        if not files:
            raise TextError(
                f"There is no text in {path}. Give files of the kinds {KINDS_IN_WORDS}."
            )
        named += [(file.relative_to(path).with_suffix("").as_posix(), file) for file in files]
    texts = read_each(file for _, file in named)
    return tuple(Text(name, text.content) for (name, _), text in zip(named, texts, strict=True))


def _collect_metadata(run: Run, vocabulary: Vocabulary, bits: Bits, proof: Proof) -> dict[str, str]:
    config, best = run.config(), run.best()
    evaluation = {
        "protocol": "carried state",
        "weight_bits": bits,
        "step": best.get("step"),
        "seconds": best.get("seconds"),
        "texts": [
            {
                "name": text.name,
                "characters": text.exported.characters,
                "pytorch": _round_cost(text.pytorch),
                "exported": _round_cost(text.exported),
            }
            for text in proof.texts
        ],
    }
    return {
        "onbook.name": config.name,
        "onbook.vocabulary": _to_json(vocabulary.characters),
        "onbook.fold": _to_json(dict(vocabulary.fold)),
        "onbook.corpus": config.corpus,
        "onbook.licence": config.licence,
        "onbook.language": config.language,
        "onbook.trained": best.get("trained", ""),
        "onbook.memory": _to_json(config.shape(vocabulary).packed),
        "onbook.config": _to_json(json.loads(config.to_json())),
        "onbook.evaluation": _to_json(evaluation),
        "onbook.curve": _to_json(_read_curve(run)),
    }


def _read_curve(run: Run) -> dict[str, list[list[float]]]:
    """Return the learning curve of a run as thinned pairs of a step and bits per character.

    ``training`` was measured with dropout, ``validation`` on the text that chose the best weights.
    """
    lines = {"training": "train_bits", "validation": "validation_bits"}
    return {
        name: _thin_out([[step, round(bits, 3)] for step, bits in run.read_curve(key)])
        for name, key in lines.items()
    }


def _thin_out(points: list[list[float]]) -> list[list[float]]:
    """Return at most `MOST_POINTS` of the points, the last one among them."""
    every = -(-len(points) // MOST_POINTS) or 1
    return points[::-1][::every][::-1]


def _round_cost(cost: Cost) -> float:
    """Return bits per character to five decimals, because further decimals vary by processor."""
    return round(cost.per_character, 5)


def _to_json(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
