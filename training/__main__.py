"""Run ``onbook-train``, or ``python -m training``."""

from typing import NoReturn

from . import cli


def main() -> NoReturn:
    """Run a command and end the process."""
    code = cli.main()
    # Imported here, because --help must answer without PyTorch.
    from .distributed import end_process

    end_process(code)


if __name__ == "__main__":
    main()
