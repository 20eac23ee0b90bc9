"""Test shards: what a setting names, and which servers they have."""

from __future__ import annotations

import discord
import pytest
import simcord

from bot.app.client import Bot
from bot.errors import SettingsError
from bot.settings import RunnerSettings, read_runner_settings
from bot.sharding import Shards

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
def test_a_setting_names_some_of_all(text: str, ids: list[int], words: str):
    shards = Shards.parse(text)
    assert (list(shards.ids), str(shards), len(shards)) == (ids, words, len(ids))


WRONG = ["3", "0-3", "3-0/16", "0-16/16", "16/16", "0/0", "-1/2", "0-3/16x", "a/b", "0/99999",
         "٣/٥", "0,1/2", "0.5/2"]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_others_are_refused_in_a_sentence(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_DATABASE_URL", "postgresql://somebody@127.0.0.1/scripts")
    monkeypatch.setenv("ONBOOK_SHARDS", text)
    with pytest.raises(SettingsError) as refused:
        read_runner_settings()
    sentence = str(refused.value)
    assert sentence.startswith("ONBOOK_SHARDS is not valid: ")
    assert sentence.endswith(".")


def test_a_file_has_all_shards_in_one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_SHARDS", "0-3/4")
    assert read_runner_settings().own_shards == Shards.all_of(4)
    monkeypatch.setenv("ONBOOK_SHARDS", "0-2/4")
    with pytest.raises(SettingsError, match=r"^ONBOOK_SHARDS .*need ONBOOK_DATABASE_URL"):
        read_runner_settings()
    monkeypatch.setenv("ONBOOK_DATABASE_URL", "postgresql://somebody@127.0.0.1/scripts")
    assert read_runner_settings().own_shards == Shards(range(3), 4)
    monkeypatch.delenv("ONBOOK_SHARDS")
    assert read_runner_settings().own_shards is None


def test_each_server_is_on_one_of_them():
    some, others = Shards.parse("0-1/3"), Shards.parse("2/3")
    guilds = [(number << 22) + 12345 for number in range(30)]
    assert [some.include(guild) for guild in guilds] == [number % 3 < 2 for number in range(30)]
    assert all(some.include(guild) != others.include(guild) for guild in guilds)
    assert some.include(None)
    assert not others.include(None)


@pytest.mark.parametrize(
    ("client", "ids", "count"),
    [
        (discord.Client(intents=INTENTS), [0], 1),
        (discord.Client(intents=INTENTS, shard_id=3, shard_count=4), [3], 4),
        (discord.AutoShardedClient(intents=INTENTS, shard_count=2), [0, 1], 2),
        (discord.AutoShardedClient(intents=INTENTS, shard_ids=[1, 5], shard_count=8), [1, 5], 8),
    ],
)
def test_a_host_is_divided_as_it_likes(client: discord.Client, ids: list[int], count: int):
    shards = Shards.of(client)
    assert (list(shards.ids), shards.count) == (ids, count)


@pytest.mark.parametrize("shard", [0, 1])
async def test_the_process_of_the_first_shard_tells_discord_of_the_commands(
    shard: int, chosen: RunnerSettings
):
    bot = Bot(chosen, shards=Shards([shard], 2))
    world = simcord.Env(bot, settle_timeout=60.0)
    await world.start()
    synced = await bot.services.store.key_values.find_value("synced commands")
    assert (synced is not None) == (shard == 0)
    await world.shutdown()
    await bot.close()
