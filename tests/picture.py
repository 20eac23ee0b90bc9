"""``python -m tests.picture FILE.png``: the README's picture, taken from the running local page.

Needs Chromium, and playwright to drive it: ``pip install playwright``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PORT = "8799"
MORE_OPTIONS = re.compile(r"^\+\d+ (more|options?)$")
SETTLED = 2500.0
"""Milliseconds after which the page shows the outcome of a command."""


@contextmanager
def local_page() -> Iterator[str]:
    """The address of a local page with an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"ONBOOK_DATABASE": str(Path(folder, "scripts.db"))}
        bot = subprocess.Popen(
            [sys.executable, "-m", "bot", "--local", "--port", PORT],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        try:
            assert bot.stdout is not None
            yield bot.stdout.readline().strip()
        finally:
            bot.terminate()
            bot.wait()


def command(page: Page, name: str, **options: str) -> None:
    """Types a slash command as a person does: picks it, picks each option, fills it in."""
    composer = page.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially(f"/{name}", delay=20)
    page.wait_for_timeout(500)
    composer.press("Enter")
    for number, (option, value) in enumerate(options.items()):
        if number:
            page.get_by_text(MORE_OPTIONS).click()
        choice = page.get_by_role("option").filter(has=page.get_by_text(option, exact=True))
        if choice.count():  # a required one stands there already
            choice.click()
        page.keyboard.type(value)
        page.wait_for_timeout(600)
    page.get_by_label("Send").last.click()
    page.wait_for_timeout(SETTLED)


def play(page: Page) -> None:
    """A short scene by two people and the voice."""
    command(page, "start", title="The Last Diner", heading="INT. DINER - NIGHT", cast="Maya, Jonas")
    page.locator("#viewer-picker").select_option(label="Ben")
    page.wait_for_timeout(SETTLED)
    command(page, "write", text="MAYA: (quietly) You came back.")
    command(page, "continue", character="JONAS", seed="2")


def main(picture: str) -> None:
    """Plays the scene and takes the picture."""
    with local_page() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1000, "height": 860})
        page.goto(url)
        page.wait_for_timeout(SETTLED)
        page.locator("#messages-toggle").click()
        play(page)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
