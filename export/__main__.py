"""``python -m export``: write a run as a voice file, once the two are proven to agree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from training.run import Run, RunError
from training.texts import TextError
from training.voice_file import Voice, VoiceError

from .make import from_run, in_32_bits, with_openings
from .proof import Proof

EXAMPLES = """\
  python -m export runs/stage -o stage.onnx
  python -m export released/stage --heldout data/plays -o stage.onnx
  python -m export stage.onnx --bits 32 -o stage-32.onnx
  python -m export stage.onnx --openings styles.toml -o stage.onnx
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one voice file; return the exit code, which is 1 after one sentence on stderr."""
    options = parser().parse_args(arguments)
    try:
        _check_target(options.output)
        voice = _with_openings(options) or _proven(options)
        voice.write(options.output)
    except (RunError, TextError, VoiceError) as error:
        print(error, file=sys.stderr)
        return 1
    size = options.output.stat().st_size / 1e6
    print(f"Wrote {options.output}: {size:.1f} MB, fingerprint {voice.fingerprint[:12]}.")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(
        prog="python -m export",
        description="Export a training run as a voice file, or convert a voice file.",
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument(
        "source", type=Path, metavar="RUN", help="the folder of a run, or a voice file"
    )
    one.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx")
    one.add_argument(
        "--bits",
        type=int,
        choices=[8, 32],
        default=8,
        help="bits per recurrent weight; 8 is smaller and faster (default: %(default)s)",
    )
    one.add_argument(
        "--heldout",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="texts to verify the voice on, if the run has no held-out texts",
    )
    one.add_argument(
        "--openings",
        type=Path,
        metavar="FILE.toml",
        help="opening passages by style, instead of the voice's own in export/styles",
    )
    return one


def _check_target(path: Path) -> None:
    if not path.parent.is_dir():
        raise VoiceError(
            f"There is no folder {path.parent}. Create it, or choose another one with -o."
        )
    if path.is_dir():
        raise VoiceError(f"{path} is a folder. Name a file in it with -o.")


def _with_openings(options: argparse.Namespace) -> Voice | None:
    """Return the voice of a file with other openings, or None if a voice must be built.

    Raises VoiceError for openings together with ``--bits 32`` or ``--heldout``.
    """
    if options.openings is None or not options.source.is_file():
        return None
    if options.bits == 32 or options.heldout:
        raise VoiceError(
            "New openings leave the network unchanged. Leave out --bits and --heldout."
        )
    return with_openings(Voice.read(options.source), options.openings)


def _proven(options: argparse.Namespace) -> Voice:
    """Return a new voice; raise VoiceError where a check against its source fails."""
    print("Comparing the voice with its source. Long texts take minutes.", flush=True)
    voice, proof = _make(options)
    print(proof.table())
    _require(proof, options.output)
    return voice


def _make(options: argparse.Namespace) -> tuple[Voice, Proof]:
    source: Path = options.source
    if source.is_dir():
        return from_run(Run(source), options.bits, options.heldout, options.openings)
    if not source.exists():
        raise VoiceError(f"{source} does not exist. Name the folder of a run, or a voice file.")
    if options.bits != 32:
        raise VoiceError(
            f"A voice file can only be converted to --bits 32. Name the run of {source} instead."
        )
    if options.heldout:
        raise VoiceError("A voice file is verified on text of its own. Leave out --heldout.")
    return in_32_bits(Voice.read(source))


def _require(proof: Proof, path: Path) -> None:
    if proof.failed:
        checks = len(proof.checks)
        raise VoiceError(
            f"{path} was not written, because {proof.failed} of {checks} checks failed."
        )


if __name__ == "__main__":
    sys.exit(main())
