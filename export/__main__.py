"""``onbook-export``: write a run as a voice file, once the two are proven to agree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.conf import DisallowNone, Positional, PositionalMetavarFromFieldName, arg

from . import UserError, VoiceError, __version__

if TYPE_CHECKING:
    from .trained import Voice


@dataclass(frozen=True, kw_only=True)
class Export:
    """Export a training run as a voice file, or convert a voice file.

    For example:
    - onbook-export runs/stage -o stage.onnx
    - onbook-export runs/stage --heldout data/plays -o stage.onnx
    - onbook-export stage.onnx --bits 32 -o stage-32.onnx
    - onbook-export stage.onnx --openings styles.toml -o stage.onnx
    """

    source: Positional[Path]
    """The folder of a run, or a voice file."""
    output: Annotated[Path, arg(aliases=["-o"], metavar="FILE.onnx")]
    """The voice file to write."""
    bits: Literal[8, 32, "auto"] = "auto"
    """Bits per recurrent weight: 8 is smaller and faster; `auto` uses 32 if 8 loses too much."""
    heldout: Annotated[tuple[Path, ...], arg(help_behavior_hint="")] = ()
    """Texts to verify the voice on, instead of the run's held-out texts."""
    openings: Annotated[Path | None, arg(metavar="FILE.toml", help_behavior_hint="")] = None
    """A passage for each style that a script can begin in, instead of those of a shipped voice."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one voice file; return the exit code: 1 after a message on stderr, 130 after Ctrl-C."""
    given = sys.argv[1:] if arguments is None else arguments
    if not {"--version", "-V"}.isdisjoint(given):
        print(f"On Book {__version__}")
        return 0
    options = tyro.cli(
        Export,
        args=given,
        # Otherwise, the program would be called `__main__.py`.
        prog=f"python -m {__package__}" if sys.argv[0].endswith(".py") else "onbook-export",
        config=(DisallowNone, PositionalMetavarFromFieldName),
    )
    target = options.output
    try:
        if not target.parent.is_dir():
            raise VoiceError(
                f"There is no folder {target.parent}. Create it, or choose another one with -o."
            )
        if target.is_dir() or target.suffix != ".onnx":
            raise VoiceError(f"{target} is not an .onnx file. Name one with -o, such as mine.onnx.")
        voice = _make(options)
        voice.write(target)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as shells do
    size = target.stat().st_size / 1e6
    print(f"Wrote {target}: {size:.1f} MB, fingerprint {voice.fingerprint()[:12]}.")
    return 0


def _make(options: Export) -> Voice:
    """Return a voice that is proven to agree with its source, or a voice with other openings."""
    # Imported here, because --help must answer without PyTorch.
    from .make import convert_to_32_bits, make_voice, replace_openings
    from .trained import Run, Voice

    source = options.source
    if options.openings and source.is_file():
        if options.bits != "auto" or options.heldout:
            raise VoiceError(
                "New openings leave the network unchanged. Leave out --bits and --heldout."
            )
        return replace_openings(Voice.read(source), options.openings)
    if not source.exists():
        raise VoiceError(f"{source} does not exist. Name the folder of a run, or a voice file.")
    if source.is_file() and (options.bits != 32 or options.heldout):
        raise VoiceError(
            f"{source} is a voice file. Add --bits 32 or --openings FILE.toml, without --heldout, "
            f"or name the folder of its run."
        )
    print("Comparing the voice with its source. Long texts take minutes.", flush=True)
    if source.is_file():
        voice, proof = convert_to_32_bits(Voice.read(source))
    else:
        make = partial(make_voice, Run(source), texts=options.heldout, styles=options.openings)
        voice, proof = make(8 if options.bits == "auto" else options.bits)
        if proof.failed and options.bits == "auto":
            # A network that was trained for a minute can lose more in 8 bits than is allowed.
            print(proof.format_table())
            print("Rows marked NO lose too much. Trying 32 bits: larger and slower.", flush=True)
            voice, proof = make(32)
    print(proof.format_table())
    if proof.failed:
        mend = "Leave out --bits 8." if options.bits == 8 else "Please report this with the table."
        count = f"{proof.failed} of {len(proof.checks)} checks failed (NO in the table)"
        raise VoiceError(f"{options.output} was not written: {count}. {mend}")
    return voice


if __name__ == "__main__":
    sys.exit(main())
