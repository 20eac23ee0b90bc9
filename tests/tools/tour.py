"""``python -m tests.tools.tour FOLDER``: take the documentation's pictures of the local page.

Needs Chromium, playwright to drive it (``pip install playwright``), and pdftoppm of poppler.
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

from PIL import Image

try:
    from playwright.sync_api import FloatRect, Locator, Page, sync_playwright
except ModuleNotFoundError:
    sys.exit("The tour needs playwright to drive a browser: pip install playwright")

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PORT = "8799"
MORE_OPTIONS = re.compile(r"^\+\d+ (more|options?|optional)$")
WIDTH, HEIGHT = 760, 1600
"""Size of the window in pixels: as wide as GitHub shows pictures, as high as any message."""

SETTLED = 1000.0
"""Milliseconds after which the page shows the outcome of an act."""

COLOURS = 128
"""Colours of a picture: enough for a dark page with letters on it."""

SHOWN = {
    "stats": "script stats",
    "cast": "cast list",
    "settings": "settings show",
}
"""The pictures of single answers, and the commands for them."""

ROOM = "INT. ROOM {0} - DAY\n\nMAYA\nWhat is in room {0}?\n\nJONAS\nWhat was in the one before."
ROOMS = 21
"""A scene of the imported file, and the number of its scenes plus one."""


@contextmanager
def local_page() -> Iterator[Page]:
    """Yield a browser at a local page with an empty database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "bot", "play", "--port", PORT],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"ONBOOK_DATABASE": str(Path(folder, "scripts.db"))},
        ) as bot,
        sync_playwright() as playwright,
    ):
        assert bot.stdout is not None
        try:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(8000)
            page.goto(bot.stdout.readline().strip())
            page.wait_for_timeout(SETTLED)
            yield page
            browser.close()
        finally:
            bot.terminate()


# What a person does ----------------------------------------------------------------------------


def command(page: Page, name: str, **options: str | Path) -> None:
    """Type a slash command as a person does, and wait for the answer."""
    ask(page, name, **options)
    answered(page)


def ask(page: Page, name: str, **options: str | Path) -> None:
    """Pick a command, and pick and fill in each option; a path is a file to attach."""
    composer = page.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially(f"/{name}", delay=20)
    page.wait_for_timeout(500)
    composer.press("Enter")
    for number, (option, value) in enumerate(options.items()):
        if number:
            page.get_by_text(MORE_OPTIONS).click()
        choice = page.get_by_role("option").filter(has=page.get_by_text(option, exact=True))
        if choice.count():  # a required option stands there already
            choice.click()
        if isinstance(value, Path):
            page.locator("input[type=file]").set_input_files(value)
        else:
            page.keyboard.type(value)
        page.wait_for_timeout(500)
        listed = page.get_by_role("option", name=str(value), exact=True)
        if listed.count():  # some values must be chosen from a list
            listed.click()
    page.get_by_label("Send").last.click()


def press(page: Page, label: str) -> None:
    """Press the newest button with this label, or with this beginning of a take's."""
    page.get_by_role("button", name=label, exact=" · " not in label).last.click()
    answered(page)


def answered(page: Page) -> None:
    """Wait until the page shows the outcome."""
    page.wait_for_timeout(SETTLED)
    page.locator("#action-status", has_text="Completing").wait_for(state="detached")
    page.wait_for_timeout(SETTLED)


def become(page: Page, name: str) -> None:
    """Become another writer on the page."""
    page.locator("#viewer-picker").select_option(label=name)
    page.wait_for_timeout(SETTLED)


# Pictures --------------------------------------------------------------------------------------


def shot(page: Page, file: Path, last: int = 0) -> None:
    """Take a picture of the ``last`` messages, or of the whole page."""
    page.mouse.move(WIDTH - 1, 0)  # move away from messages, which show more under the pointer
    messages = page.locator("#channel-message-list > article")
    if last:
        seen = [messages.nth(n) for n in range(messages.count() - last, messages.count())]
        page.screenshot(path=file, clip=around(seen))
    else:
        page.screenshot(path=file)
    small(file)


def around(messages: list[Locator]) -> FloatRect:
    """Return the part of the page around these messages, from the first to the last."""
    messages[-1].scroll_into_view_if_needed()
    messages[-1].page.wait_for_timeout(SETTLED)
    boxes = [box for box in (message.bounding_box() for message in messages) if box]
    top = min(box["y"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return {"x": 0, "y": top - 8, "width": WIDTH, "height": bottom - top + 8}


def small(file: Path) -> None:
    """Reduce a picture to its few colours, and optimise its size."""
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


def printed(page: Page, file: Path) -> None:
    """Download the newest PDF of the page, and take a picture of its script's first page."""
    with tempfile.TemporaryDirectory() as folder:
        pdf = Path(folder, "script.pdf")
        with page.expect_download() as download:
            page.get_by_label(re.compile(r"^Download .*\.pdf$")).last.click()
        download.value.save_as(pdf)
        what = ["-png", "-r", "80", "-f", "2", "-singlefile"]
        subprocess.run(["pdftoppm", *what, pdf, file.with_suffix("")], check=True)
    with Image.open(file) as whole:
        whole.crop((0, 0, whole.width, whole.height // 2)).save(file)
    small(file)


# The tour --------------------------------------------------------------------------------------


def tour(page: Page, folder: Path) -> None:
    """Write a scene as two people with the voice; name each picture after its step."""
    command(page, "start", title="The Last Diner", heading="INT. DINER - NIGHT", cast="Maya, Jonas")
    become(page, "Ben")
    command(page, "write", text="MAYA: (quietly) You came back.")
    command(page, "continue", character="JONAS", seed="2")
    shot(page, folder / "local.png", last=4)
    become(page, "Ann")
    command(page, "write", text="The jukebox coughs, and Elvis is sorry about everything.")
    command(page, "continue", character="MAYA", takes="3", vote="600")
    become(page, "Ben")
    press(page, "2 · ")
    shot(page, folder / "takes.png", last=2)
    command(page, "continue", character="MAYA")
    look_at(page, folder)
    bring_in(page, folder)


def look_at(page: Page, folder: Path) -> None:
    """Take pictures of the answers to commands about an existing script."""
    command(page, "script history", line="1")
    shot(page, folder / "history.png", last=1)
    for name, what in SHOWN.items():
        command(page, what)
        shot(page, folder / f"{name}.png", last=1)
    command(page, "script surprise", lines="3")
    shot(page, folder / "surprise.png", last=1)
    command(page, "script replay")
    shot(page, folder / "replay.png", last=1)
    command(page, "voice info")
    shot(page, folder / "voice.png", last=1)
    command(page, "script export", format="PDF")
    printed(page, folder / "page.png")


def bring_in(page: Page, folder: Path) -> None:
    """Import a script from a file while another one runs."""
    file = folder / "rooms.fountain"
    file.write_text("\n\n".join(ROOM.format(n) for n in range(1, ROOMS)))
    command(page, "script import", title="Twenty Rooms", file=file)
    file.unlink()
    press(page, "Pause it and start the new one")
    shot(page, folder / "file.png", last=1)
    command(page, "script list")
    shot(page, folder / "scripts.png", last=1)


def main(folder: Path) -> None:
    """Take the tour, and write its pictures to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with local_page() as page:
        tour(page, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
