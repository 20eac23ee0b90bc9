"""Take the documentation's pictures on the local page: ``make pictures``.

The program needs Chromium, whose path is CHROMIUM or /usr/bin/chromium, and the packages of the
group `pictures` (playwright and pypdfium2), which ``make pictures`` installs.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from PIL import Image
from tyro.conf import Positional, PositionalMetavarFromFieldName

if TYPE_CHECKING:  # --help must say that these packages are needed
    from playwright.sync_api import FloatRect, Page

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PORT = "8799"
MORE_OPTIONS = re.compile(r"^\+\d+ (more|options?|optional)$")

WIDTH, HEIGHT = 520, 1600
"""The size of the window [pixels]: narrow, so that a phone shows the letters of a picture two
thirds as large, and high enough for any message."""

SCENE_HEIGHT = 870
"""The height of the animation's window [pixels]: a heading, six lines and the panel."""

MARGIN = 8
"""The space above and below the messages of a picture [pixels]."""

SETTLED = 1000.0
"""The time in which the page shows the outcome of an act [ms]."""

COLOURS = 128
"""The number of colours in a picture, which is enough for a dark page with text."""

TYPED, READ, RESTED = 700, 1900, 5000
"""How long the animation shows a typed command, its outcome, and its last frame [ms]."""

SIGN = """(words) => {
    const row = document.querySelector(".composer-row");
    const sign = row.querySelector(".tour-sign") ?? row.insertBefore(
        document.createElement("span"), row.firstChild);
    sign.className = "tour-sign";
    sign.textContent = words;
    Object.assign(sign.style, {
        alignSelf: "center", flex: "none", padding: "2px 10px", borderRadius: "12px",
        background: "#5865f2", color: "white", fontSize: "14px", fontWeight: "600"});
}"""
"""Shows beside the field for messages who acts, because the pictures leave out the page's head."""

AS_DISCORD = """() => {
    for (const badge of document.querySelectorAll(".message-app-badge")) {
        badge.textContent = "APP";
    }
    for (const note of document.querySelectorAll(".message-edited-compact")) {
        note.remove();
    }
}"""
"""Names webhooks of an application as Discord does; the page calls them WEBHOOK, and writes
"(edited)" above some messages."""

HAS_IMAGES = "() => [...document.images].every((image) => image.naturalWidth)"
"""Tells whether all images are loaded. The page gives an image its address some time after its
element, and until then the image counts as complete."""

HIDE = """(words) => {
    for (const message of document.querySelectorAll("#channel-message-list > article")) {
        if (words.some((some) => message.textContent.includes(some))) {
            message.style.display = "none";
        }
    }
}"""
"""Hides messages with some words."""

ASIDE = (
    "This page imitates Discord",
    "writes scripts with you",
    "starts here",
    "Set seed",
    "Set quality",
)
"""Words of messages that are not part of the scene."""

MARK = """(button) => Object.assign(
    button.style, {outline: "2px solid white", outlineOffset: "2px"})"""
"""Marks the button that is pressed next."""

SCROLL = """(list) => {
    let box = list;
    while (box.parentElement && !/auto|scroll/.test(getComputedStyle(box).overflowY)) {
        box = box.parentElement;
    }
    box.scrollTop = box.scrollHeight;
    return box.getBoundingClientRect().top;
}"""
"""Scrolls the element around the list of messages to its end, and returns its upper edge."""

ROOM = "INT. ROOM {0} - DAY\n\nMAYA\nWhat is in room {0}?\n\nJONAS\nWhat was in the one before."
ROOMS = 21
"""A scene of the imported file, and the number of scenes plus one."""


@contextmanager
def local_page() -> Iterator[Page]:
    """Start the local page with an empty database, and yield a browser at it."""
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, *f"-m bot play --port {PORT} --database {folder}/play.db".split()],
            stdout=subprocess.PIPE,
            text=True,
        ) as bot,
        sync_playwright() as playwright,
    ):
        assert bot.stdout is not None
        try:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(30000)
            page.goto(bot.stdout.readline().strip())
            page.wait_for_timeout(SETTLED)
            yield page
            browser.close()
        finally:
            bot.terminate()


class Reel:
    """The frames of an animated picture."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []

    def add(self, milliseconds: int) -> None:
        """Add the current view of the scene, for a duration."""
        self.page.evaluate(HIDE, ASIDE)
        picture = self.page.screenshot(clip=channel(self.page))
        with Image.open(io.BytesIO(picture)) as frame:
            self.frames.append(frame.convert("RGB"))
        self.durations.append(milliseconds)

    def save(self, file: Path) -> None:
        """Write the animation as a lossless WebP, because lossy compression blurs letters."""
        self.durations[-1] = RESTED
        # The bar above the channel changes its height, so the frames differ in size.
        height = min(frame.height for frame in self.frames)
        first, *others = [
            frame.crop((0, frame.height - height, frame.width, frame.height))
            for frame in self.frames
        ]
        first.save(
            file,
            save_all=True,
            append_images=others,
            duration=self.durations,
            loop=0,
            lossless=True,
            quality=100,
            method=4,
        )


# What a person does ----------------------------------------------------------------------------


def say(reel: Reel, name: str, text: str) -> None:
    """Write a message as somebody, which becomes a line, and add frames before and after that."""
    become(reel.page, name)
    reel.page.evaluate(SIGN, name)
    reel.page.locator("#channel-composer-input").fill(f"@On Book {text}")
    reel.add(TYPED)
    send(reel.page)
    reel.add(READ)


def go_on(reel: Reel, name: str) -> None:
    """Let the voice write, by a button, and add frames before and after its line."""
    become(reel.page, name)
    reel.page.evaluate(SIGN, f"{name} presses Continue")
    reel.page.get_by_role("button", name="Continue", exact=True).last.evaluate(MARK)
    reel.add(TYPED)
    press(reel.page, "Continue")
    reel.page.evaluate(SIGN, "The voice answers")
    reel.add(READ)


def send(page: Page) -> None:
    """Send the command, and wait for the answer."""
    page.get_by_label("Send").last.click()
    answered(page)


def command(page: Page, name: str, **options: str | Path) -> None:
    """Give a slash command with options, and wait for the answer; a path is a file to attach."""
    composer = page.locator("#channel-composer-input")
    composer.click()
    composer.press_sequentially(f"/{name}", delay=20)
    page.wait_for_timeout(500)
    composer.press("Enter")
    for number, (option, value) in enumerate(options.items()):
        if number:
            page.get_by_text(MORE_OPTIONS).click()
        choice = page.get_by_role("option").filter(has=page.get_by_text(option, exact=True))
        if choice.count():  # a required option is already chosen
            choice.click()
        if isinstance(value, Path):
            page.locator("input[type=file]").set_input_files(value)
        else:
            page.keyboard.type(value)
        page.wait_for_timeout(500)
        listed = page.get_by_role("option", name=str(value), exact=True)
        if listed.count():  # some values must be chosen from a list
            listed.click()
    send(page)


def press(page: Page, label: str) -> None:
    """Press the newest button with this label, or that of a take, which may have votes behind."""
    page.get_by_role("button", name=label, exact=not label.startswith("Take ")).last.click()
    answered(page)


def answered(page: Page) -> None:
    """Wait until the page shows the outcome."""
    page.wait_for_timeout(SETTLED)
    page.locator("#action-status", has_text="Completing").wait_for(state="detached")
    page.wait_for_timeout(SETTLED)


def become(page: Page, name: str) -> None:
    """Change to another person on the page."""
    page.locator("#viewer-picker").select_option(label=name)
    page.wait_for_timeout(SETTLED)


# Pictures --------------------------------------------------------------------------------------


def channel(page: Page) -> FloatRect:
    """Scroll to the newest message; return the part of the page with messages."""
    size = page.viewport_size
    assert size is not None
    page.wait_for_function(HAS_IMAGES)
    page.evaluate(AS_DISCORD)
    top = page.locator("#channel-message-list").evaluate(SCROLL)
    # A message that has the pointer or the focus shows more buttons.
    page.mouse.move(size["width"] / 2, 2)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(SETTLED / 2)
    return {"x": 0, "y": top, "width": size["width"], "height": size["height"] - top}


def shot(page: Page, file: Path) -> None:
    """Take a picture of the newest message."""
    channel(page)
    message = page.locator("#channel-message-list > article").last
    message.scroll_into_view_if_needed()
    page.wait_for_timeout(SETTLED)
    box = message.bounding_box()
    assert box is not None
    # No margin above: the message before may stand close to this one.
    clip: FloatRect = {"x": 0, "y": box["y"], "width": WIDTH, "height": box["height"] + MARGIN}
    page.screenshot(path=file, clip=clip)
    small(file)


def small(file: Path) -> None:
    """Reduce a picture's colours and file size."""
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


def printed(page: Page, file: Path) -> None:
    """Download the newest PDF of the page, and draw the script's first page."""
    import pypdfium2

    with tempfile.TemporaryDirectory() as folder:
        pdf = Path(folder, "script.pdf")
        with page.expect_download() as download:
            page.get_by_label(re.compile(r"^Download .*\.pdf$")).last.click()
        download.value.save_as(pdf)
        whole = pypdfium2.PdfDocument(pdf)[1].render(scale=80 / 72).to_pil()
    whole.crop((0, 0, whole.width, whole.height // 2)).save(file)
    small(file)


# The tour --------------------------------------------------------------------------------------


def tour(page: Page, folder: Path, seed: int) -> None:
    """Write a scene as two people with the voice; name each picture after its step."""
    command(page, "start", title="The Last Diner", heading="INT. DINER - NIGHT", cast="Maya, Jonas")
    command(page, "settings", setting="seed", value=str(seed))
    # With a seed alone, a line has one candidate.
    command(page, "settings", setting="quality", value="best")
    play_scene(page, folder)
    become(page, "Ann")
    command(page, "continue", character="JONAS", takes="3", vote="600")
    become(page, "Ben")
    press(page, "Take 2")
    shot(page, folder / "takes.png")
    become(page, "Ann")
    press(page, "Take 2")  # both have voted, so that the script goes on with their take
    command(page, "continue", character="MAYA")
    look_at(page, folder)
    bring_in(page, folder)


def play_scene(page: Page, folder: Path) -> None:
    """Film a scene of six lines in the window."""
    page.set_viewport_size({"width": WIDTH, "height": SCENE_HEIGHT})
    reel = Reel(page)
    # People ask, and the voice has the answers.
    say(reel, "Ben", "MAYA: You said you would fix it. What is that noise?")
    go_on(reel, "Ann")
    say(reel, "Ann", "The jukebox coughs, and a spoon falls out of it.")
    go_on(reel, "Ben")
    say(reel, "Ben", "MAYA: Whose spoon is that?")
    go_on(reel, "Ann")
    reel.save(folder / "scene.webp")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def look_at(page: Page, folder: Path) -> None:
    """Take pictures of the answers to commands about an existing script."""
    command(page, "script history", line="1")
    shot(page, folder / "history.png")
    for name in ("script stats", "cast", "settings"):
        command(page, name)
        shot(page, folder / f"{name.removeprefix('script ')}.png")
    command(page, "script stats", what="what the voice guessed", lines="3")
    shot(page, folder / "surprise.png")
    command(page, "script stats", what="whether the voice's lines replay")
    shot(page, folder / "replay.png")
    command(page, "voice", voice="screen")
    shot(page, folder / "voice.png")
    command(page, "script export", format="PDF")
    printed(page, folder / "page.png")


def bring_in(page: Page, folder: Path) -> None:
    """Import a script from a file while another one runs."""
    file = folder / "rooms.fountain"
    file.write_text("\n\n".join(ROOM.format(n) for n in range(1, ROOMS)))
    command(page, "script import", file=file, title="Twenty Rooms")
    file.unlink()
    press(page, "Pause it and start the new one")
    shot(page, folder / "file.png")
    command(page, "script list")
    shot(page, folder / "scripts.png")


def main(folder: Positional[Path], *, seed: int = 7) -> None:
    """Write the pictures.

    Args:
        folder: The folder of the pictures.
        seed: The seed of the script. Another one brings other jokes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with local_page() as page:
        tour(page, folder, seed)


if __name__ == "__main__":
    tyro.cli(
        main,
        prog="python -m tests.tools.tour",
        description=__doc__,
        config=(PositionalMetavarFromFieldName,),
    )
