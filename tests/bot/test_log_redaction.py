"""Test that logs hold no secrets, and no line of a script above DEBUG."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bot as package
from bot.log_redaction import HIDDEN, Redaction, guard_loggers, release_loggers
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.processes import ROOT, fake_discord, running_bot
from tests.fake_discord.state import TOKEN

# A made-up token, as long as a real one.
A_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OQ.GabcdE." + "x" * 38
AN_INTERACTIONS = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5" + "y" * 40


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (
            "POST https://d.com/api/v10/webhooks/12/secret/messages/1",
            "POST https://d.com/api/v10/webhooks/12/[hidden]/messages/1",
        ),
        ("/interactions/12/secret/callback", "/interactions/12/[hidden]/callback"),
        ("{'token': 'secret', 'version': 1}", "{'token': '[hidden]', 'version': 1}"),
        ('{"token":"secret","v":1}', '{"token":"[hidden]","v":1}'),
        (f"Bot {A_TOKEN}!", "Bot [hidden]!"),
        (f"of {AN_INTERACTIONS}!", "of [hidden]!"),
        ("my own one", "my [hidden] one"),
        *((said, said) for said in ("webhooks are fine", "1.2.3", "the token is missing", "")),
        ("bot.interactions.turns.py", "bot.interactions.turns.py"),
    ],
)
def test_secrets_alone_are_hidden(said: str, logged: str) -> None:
    assert Redaction(["own"]).redacted(said) == logged


def test_traceback_of_a_record_is_redacted() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int(A_TOKEN)
    info = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "at %s", (A_TOKEN,), info)
    assert Redaction().filter(record)
    text = logging.Formatter().format(record)
    assert A_TOKEN not in text
    assert text.count(HIDDEN) == 2
    assert "Traceback" in text


def find_loggers() -> set[str]:
    """Return the names of the loggers that the bot's modules make."""
    sources = (file.read_text() for file in Path(package.__file__).parent.rglob("*.py"))
    return set(re.findall(r'getLogger\("(onbook\.\w+)"\)', "".join(sources)))


def test_guest_redacts_only_its_own_loggers() -> None:
    # The modules may have been imported by an earlier test, or not yet.
    mine = [logging.getLogger(name) for name in find_loggers()]
    assert len(mine) > 10
    root, others = list(logging.getLogger().filters), logging.getLogger("onbooks")
    redaction = guard_loggers()
    assert all(redaction in handler.filters for handler in mine)
    assert redaction not in others.filters
    assert logging.getLogger().filters == root
    release_loggers(redaction)
    assert not any(redaction in handler.filters for handler in mine)


LOADED = """
import asyncio, json, logging, discord
from discord.ext import commands

async def load():
    bot = commands.Bot("!", intents=discord.Intents.none())
    await bot.load_extension("bot")
    loggers = logging.root.manager.loggerDict.copy()
    print(json.dumps({name: len(one.filters) for name, one in loggers.items()
                      if name.startswith("onbook.") and isinstance(one, logging.Logger)}))
    await bot.close()

asyncio.run(load())
"""


def test_loading_the_extension_redacts_every_logger(voices: Path, tmp_path: Path) -> None:
    """Check a separate process, which has imported nothing else."""
    chosen = {"ONBOOK_MODELS": str(voices), "ONBOOK_MODEL": "tiny"}
    chosen |= {"ONBOOK_DATABASE": str(tmp_path / "scripts.db"), "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=os.environ | chosen,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    filters = json.loads(said.stdout)
    assert all(filters.values())
    # The handlers of a bot that runs alone guard these loggers.
    alone = {"onbook.runner", "onbook.local"}
    assert find_loggers() - filters.keys() == alone


SPOKEN = "Zanzibar"


async def play(address: str) -> list[str]:
    """Play a short scene, and return the tokens of its interactions."""
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        guild = await discord.guild("The Playhouse")
        channel, ann = await guild.channel("stage"), await guild.person("Ann")
        asked = [await ann.slash(channel, "start", title=SPOKEN, heading=f"{SPOKEN} street")]
        shown = await asked[0].is_done()
        asked.append(await ann.click(shown, "Write"))
        asked.append(await ann.submit_modal(asked[1], {"Text": f"MAYA: {SPOKEN}!"}))
        await asked[2].is_done()
        asked.append(await ann.slash(channel, "continue"))
        await asked[3].is_done()
        asked.append(await ann.slash(channel, "script edit", line="400"))
        await asked[4].shows("line")
        asked.append(await ann.send_raw(channel, kind=2, data={"name": "x"}))
        await asked[5].shows("not allowed")
        payloads = [await discord.do("payload", interaction=request.id) for request in asked]
        return [payload["token"] for payload in payloads]


async def test_log_of_a_running_bot_holds_no_secrets(voices: Path, tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    settings = {"log_level": "DEBUG", "line_length": 40, "models": voices, "model": "tiny"}
    with fake_discord(PATIENCE) as address, running_bot(address, tmp_path, log, **settings):
        tokens = await play(address)
    said = log.read_text()
    assert len(tokens) == 6
    assert [token for token in (TOKEN, *tokens) if token in said] == []
    records = re.split(r"^(?=\[\d{4}-)", said, flags=re.MULTILINE)
    shown = [record for record in records if not re.match(r"\[.*?\] \[DEBUG *\]", record)]
    assert "/callback" in said
    assert SPOKEN in said
    assert SPOKEN not in "".join(shown)
    assert "commands were synced" in "".join(shown)
