"""Kills: the bot, or its database alone, ended with ``kill -9`` in the worst moments.

    python -m tests.soak.kills bot      # the bot at the fake Discord, 20 channels busy
    python -m tests.soak.kills rooms    # Room and Store alone, in a child process
    python -m tests.soak.kills power    # a disk that forgets what was not flushed

Each prints a table. `points` are the moments inside of a transaction, at which SQLAlchemy's own
events kill the process: the bot has nothing for that. `crowd` writes on the fake Discord and kills,
`rooms` is the same without Discord, `power` records what is written and flushed. `truth` compares
the database with what was shown.
"""
