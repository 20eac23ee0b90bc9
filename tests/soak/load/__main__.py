"""Run ``python -m tests.soak.load``."""

import sys

if __name__ == "__main__":
    # Imported here, because the bot's process also imports this module, and its memory is measured.
    from .command import run_command

    sys.exit(run_command())
