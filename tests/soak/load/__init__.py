"""Measure the bot under load from many channels, over real HTTP and WebSockets.

    make load                                                 # all of it, about 20 minutes
    python -m tests.soak.load steady --minutes 1 --rate 10    # one scenario, shortened
    python -m tests.soak.load stored --stored 10000 --json stored.json
    python -m tests.soak.load --postgres --processes 2        # each with half of the shards

The Discord is the fake one of ``tests/fake_discord``, with realistic latencies and limits; the bot
is the real one, in processes of its own. People come at random moments, and do not wait for the
answers of others.

`public` is the people and their acts, `house` runs the bot, `databases` keep its scripts,
`scenarios` are the measurements, `stored` is the one with a large database, which `filling` writes,
and `findings` compare figures with their bounds.
"""
