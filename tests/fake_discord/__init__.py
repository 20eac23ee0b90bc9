"""A small Discord of our own, for what happens at the same moment.

It is a server on 127.0.0.1 in a process of its own: real HTTP, a real gateway, and Discord's rules.
The real bot talks to it through the real discord.py, of which nothing is replaced but the
addresses. `state` is what it remembers, `rules` what it refuses, `rest` and `gateway` what a bot
sees, with `webhooks` and `emojis` apart, `conditions` how far away Discord is and how much it
takes, `control` what a test asks of it; `payloads` writes it all as JSON. `people` is the test's
side, and `processes` starts the server and the bot.

A test starts both, makes people, and lets them act, several at once with `asyncio.gather`:

    with fake_discord() as address, running_bot(address, folder, **settings):
        async with Discord(address) as discord:
            await discord.bot_is_ready()
            guild = await discord.guild("The Playhouse")
            channel = await guild.channel("stage")
            ann, ben = await guild.person("Ann"), await guild.person("Ben")
            begun = await (await ann.slash(channel, "start", heading="Roof")).shows("```")
            asked = await asyncio.gather(*(one.click(begun, "Continue") for one in (ann, ben)))

An act returns an `Asked` at once. ``await asked.shows("text")`` waits for the message that
answers with this text; messages and `Asked` are live, they change as Discord changes them, and
``await discord.until(lambda: ...)`` waits for whatever else. Nothing says when a bot has finished:
wait for what people would see. Discord's own latencies and limits come with `Discord.conditions`.
`Channel.timeline` and `Channel.shows` are what everybody sees in a channel, of the bot and of its
webhooks alike. `Person.install`, `Person.dm`, `Discord.private` and ``guild(..., has_bot=False)``
lead to where the bot is not.

Trouble is made with ``times=`` (lost and doubled deliveries), `Discord.deliver_again`,
`Discord.holding` (slow requests), `Discord.drop`, `Discord.let_time_pass`, `Discord.fail` (requests
that time out, break off or are answered with an error: see `faults`), `Discord.reconnect` and
`Discord.invalidate`, and by killing the bot's process. With pytest, take the fixtures of
``tests/bot/conftest.py`` for the voices, and look at ``tests/bot/test_at_once.py``.
"""
