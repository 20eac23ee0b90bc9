"""``python -m tests.soak.kills.nest ADDRESS``: the real bot, forked as often as it is killed.

Each line of the standard input is JSON: the folder in which it runs, its environment, where its log
goes, and perhaps the point at which it kills itself. The answers are its process, and how it ended.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

# Imported once, and before any thread starts.
import bot.cogs  # noqa: F401
from bot.__main__ import main
from tests.fake_discord.addresses import at

from .points import Executioner


def run(address: str, how: dict[str, Any]) -> NoReturn:
    """Run the bot in a process of its own."""
    os.chdir(how["folder"])
    os.environ.update(how["environment"])
    os.dup2(os.open(how["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    if how.get("point"):
        Executioner(how["point"], how["number"])
    with at(address):
        code = main(["run"])
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for line in sys.stdin:
        process = os.fork()
        if not process:
            run(sys.argv[1], json.loads(line))
        print(process, flush=True)
        print(os.waitpid(process, 0)[1], flush=True)
