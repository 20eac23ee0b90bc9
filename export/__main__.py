"""``python -m export``: write a run as a voice file, once the two are proven to agree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from training.errors import RunError, TextError, VoiceError
from training.run import Run
from training.voice_file import Voice

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
    print(f"{options.output} holds the voice: {size:.1f} MB, fingerprint {voice.fingerprint[:12]}.")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(
        prog="python -m export",
        description="Make a voice file of a run, or another voice file of one.",
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("source", type=Path, metavar="RUN", help="a run folder, or a voice file")
    one.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx")
    one.add_argument(
        "--bits",
        type=int,
        choices=[8, 32],
        default=8,
        help="of a recurrent weight; 8 is smaller and faster (%(default)s)",
    )
    one.add_argument(
        "--heldout",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="texts to prove the voice on, where the run folder has none",
    )
    one.add_argument(
        "--openings",
        type=Path,
        metavar="FILE.toml",
        help="passages by the styles that a script can begin in, instead of those that lie in "
        "export/styles under the voice's name",
    )
    return one


def _check_target(path: Path) -> None:
    if not path.parent.is_dir():
        raise VoiceError(f"There is no folder {path.parent}: make it, or choose another with -o.")
    if path.is_dir():
        raise VoiceError(f"{path} is a folder: name a file in it with -o.")


def _with_openings(options: argparse.Namespace) -> Voice | None:
    """Return the voice of a file with other openings, or None if a voice must be built.

    Raises VoiceError for openings together with ``--bits 32`` or ``--heldout``.
    """
    if options.openings is None or not options.source.is_file():
        return None
    if options.bits == 32 or options.heldout:
        raise VoiceError("Openings change no network: leave out --bits and --heldout.")
    return with_openings(Voice.read(options.source), options.openings)


def _proven(options: argparse.Namespace) -> Voice:
    """Return a new voice; raise VoiceError where a check against its source fails."""
    print("Comparing the voice with what it is made of: minutes, for long texts.", flush=True)
    voice, proof = _make(options)
    print(proof.table())
    _require(proof, options.output)
    return voice


def _make(options: argparse.Namespace) -> tuple[Voice, Proof]:
    source: Path = options.source
    if source.is_dir():
        return from_run(Run(source), options.bits, options.heldout, options.openings)
    if not source.exists():
        raise VoiceError(f"There is no {source}: name the folder of a run, or a voice file.")
    if options.bits != 32:
        raise VoiceError(f"{source} is a file, of which only --bits 32 can be made: name its run.")
    if options.heldout:
        raise VoiceError("A voice file is proven on what it writes itself: leave out --heldout.")
    return in_32_bits(Voice.read(source))


def _require(proof: Proof, path: Path) -> None:
    if proof.failed:
        checks = len(proof.checks)
        raise VoiceError(f"{path} was not written: {proof.failed} of {checks} checks failed.")


if __name__ == "__main__":
    sys.exit(main())
