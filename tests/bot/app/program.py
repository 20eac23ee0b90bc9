"""Run the program in a new interpreter."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.settings import RunnerSettings
from tests.fake_discord.processes import ROOT
from tests.fake_discord.state import TOKEN


def with_token(chosen: RunnerSettings, token: str = TOKEN, **changes: Any) -> RunnerSettings:
    return chosen.model_copy(update={"discord_token": SecretStr(token), **changes})


def in_new_interpreter(folder: Path, *arguments: str, **environment: str) -> dict[str, Any]:
    """Return what `subprocess.run` or Popen needs to run the bot in a new interpreter."""
    kept = {k: v for k, v in os.environ.items() if k != "DISCORD_TOKEN" and "ONBOOK" not in k}
    return {
        "args": [sys.executable, "-m", "bot", *arguments],
        "cwd": folder,
        "env": kept | {"PYTHONPATH": str(ROOT)} | environment,
    }


def python_m_bot(
    folder: Path, *arguments: str, typed: str = "", **environment: str
) -> tuple[int, str, str]:
    """Run the bot in a new interpreter; return its exit code, output and errors."""
    done = subprocess.run(
        **in_new_interpreter(folder, *arguments, **environment),
        input=typed,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout, without_log(done.stderr)


def without_log(errors: str) -> str:
    return "\n".join(line for line in errors.splitlines() if not line.startswith("["))
