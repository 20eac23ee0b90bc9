"""Run the real bot at a fake Discord, for tests of concurrent users and of faults.

The fake is a server on 127.0.0.1 in a process of its own, with real HTTP, a real gateway, and
Discord's rules. The bot talks to it through the real discord.py; only the addresses are replaced.

- `state` remembers everything; `payloads` writes it as JSON.
- `rest`, `webhooks`, `reactions` and `gateway` serve the bot; `rules` refuse invalid requests.
- `conditions` hold latencies and rate limits; `faults` make requests fail.
- `control` does what a test asks for, as `client` would send it for a person.
- `people` is the test's side; `processes` starts the server and the bot.

A test starts both, makes people, and lets them act, several at once with `asyncio.gather`:

    with fake_discord() as address, running_bot(address, folder, **settings):
        async with Discord(address) as discord:
            await discord.bot_is_ready()
            guild = await discord.guild("The Playhouse")
            channel = await guild.channel("stage")
            ann, ben = await guild.person("Ann"), await guild.person("Ben")
            begun = await (await ann.slash(channel, "start", heading="Roof")).shows("```")
            asked = await asyncio.gather(*(one.click(begun, "Continue") for one in (ann, ben)))

Each act returns an `Asked` at once. ``await asked.shows("text")`` waits for an answer with this
text; messages and `Asked` are live, and ``await discord.until(lambda: ...)`` waits for anything
else. A bot does not report when it has finished: wait for what people would see.
`Discord.conditions` sets latencies and rate limits. `Channel.timeline` and `Channel.shows` cover
the public messages of a channel, including those of webhooks and people. `Person.write` and
`Person.react` concern messages, whose content Discord withholds from a bot without the intent.
`Person.install`, `Person.dm`, `Discord.private` and ``guild(..., has_bot=False)`` make places
without the bot.

Faults come from ``times=`` (lost and duplicate deliveries), `Discord.deliver_again`,
`Discord.holding` (slow requests), `Discord.drop`, `Discord.let_time_pass`, `Discord.fail` (see
`faults`), `Discord.reconnect` and `Discord.invalidate`, and from killing the bot's process. The
fixtures of ``tests/bot/conftest.py`` provide voices; an example is
``tests/bot/cogs/test_concurrency.py``.
"""
