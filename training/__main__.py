"""Run ``onbook-train``, or ``python -m training``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
