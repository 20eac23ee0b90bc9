"""Load: how the bot bears many channels, over real HTTP and WebSocket.

    make load                                            # all of it, about 20 minutes
    python -m tests.soak.load steady --minutes 1 --rate 10    # one scenario, shortened
    python -m tests.soak.load stored --stored 10000 --json stored.json
    python -m tests.soak.load --postgres --processes 2       # with half of the shards each

The Discord is the fake one of ``tests/fake_discord``, as far away as Discord is and with its
limits; the bot is the real one in processes of its own. People come at random moments, and do not
wait until others were answered.

`public` is who comes and what they do, `house` how the bot is run, `databases` where its scripts
are, `scenarios` what is measured, `stored` a database that is large before the bot begins, and
`findings` what was asked beside what was seen.
"""
