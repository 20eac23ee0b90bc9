"""Test how servers are divided into shards."""

import discord
import pytest

from bot.app.client import Bot
from bot.errors import SettingsError
from bot.settings import RunnerSettings, read_runner_settings
from bot.sharding import Shards

from .conftest import simulated

INTENTS = discord.Intents(guilds=True)


@pytest.mark.parametrize(
    ("text", "ids", "words"),
    [
        ("0-3/16", [0, 1, 2, 3], "shards 0 to 3 of 16"),
        ("5/16", [5], "shard 5 of 16"),
        ("15-15/16", [15], "shard 15 of 16"),
        ("0/1", [0], "shard 0 of 1"),
        (" 0-1/2 ", [0, 1], "shards 0 to 1 of 2"),
    ],
)
def test_setting_names_shards(text: str, ids: list[int], words: str):
    shards = Shards.parse(text)
    assert (list(shards.ids), str(shards), len(shards)) == (ids, words, len(ids))


WRONG = ["3", "0-3", "3-0/16", "0-16/16", "16/16", "0/0", "-1/2", "0-3/16x", "a/b", "0/99999",
         "٣/٥", "0,1/2", "0.5/2"]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_invalid_shards_are_refused(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_SHARDS", text)
    with pytest.raises(SettingsError, match=r"^ONBOOK_SHARDS is not valid: .*\.$"):
        read_runner_settings()


def test_sqlite_needs_all_shards_in_one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_SHARDS", "0-3/4")
    assert read_runner_settings().own_shards == Shards.all_of(4)
    monkeypatch.setenv("ONBOOK_SHARDS", "0-2/4")
    with pytest.raises(SettingsError, match=r"^ONBOOK_SHARDS .*need ONBOOK_DATABASE_URL"):
        read_runner_settings()
    monkeypatch.setenv("ONBOOK_DATABASE_URL", "postgresql://somebody@127.0.0.1/scripts")
    assert read_runner_settings().own_shards == Shards(range(3), 4)
    monkeypatch.delenv("ONBOOK_SHARDS")
    assert read_runner_settings().own_shards is None


def test_each_server_is_on_one_shard():
    some, others = Shards.parse("0-1/3"), Shards.parse("2/3")
    guilds = [(number << 22) + 12345 for number in range(30)]
    for number, guild in enumerate(guilds):
        assert (some.include(guild), others.include(guild)) == (number % 3 < 2, number % 3 == 2)
    assert (some.include(None), others.include(None)) == (True, False)


@pytest.mark.parametrize(
    ("client", "ids", "count"),
    [
        (discord.Client(intents=INTENTS), [0], 1),
        (discord.Client(intents=INTENTS, shard_id=3, shard_count=4), [3], 4),
        (discord.AutoShardedClient(intents=INTENTS, shard_count=2), [0, 1], 2),
        (discord.AutoShardedClient(intents=INTENTS, shard_ids=[1, 5], shard_count=8), [1, 5], 8),
    ],
)
def test_guest_has_the_shards_of_its_host(client: discord.Client, ids: list[int], count: int):
    shards = Shards.of(client)
    assert (list(shards.ids), shards.count) == (ids, count)


@pytest.mark.parametrize("shard", [0, 1])
async def test_only_the_first_shard_syncs_the_commands(shard: int, chosen: RunnerSettings):
    async with simulated(Bot(chosen, shards=Shards([shard], 2))) as world:
        key_values = world.bot.services.sessions.store.key_values
        assert bool(await key_values.find_value("synced commands")) == (shard == 0)
