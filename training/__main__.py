"""Run ``onbook-train``, or ``python -m training``."""

import sys
from typing import NoReturn

from . import cli


def main() -> NoReturn:
    """Run a command and end the process."""
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
