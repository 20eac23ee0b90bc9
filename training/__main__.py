"""Run ``onbook-train``, or ``python -m training``."""

from typing import NoReturn

from . import cli


def main() -> NoReturn:
    """Run a command and end the process."""
    code = cli.main()
    from .distributed import leave  # imported here, because --help must answer without PyTorch

    leave(code)


if __name__ == "__main__":
    main()
