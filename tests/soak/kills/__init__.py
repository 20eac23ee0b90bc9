"""Kill the bot with ``kill -9`` at the worst moments, and check that nothing shown was lost.

    python -m tests.soak.kills bot      # the bot at the fake Discord, with 20 busy channels
    python -m tests.soak.kills rooms    # sessions and the store without Discord
    python -m tests.soak.kills power    # a disk that loses what was not flushed

Each prints a table. `points` kills a process within a transaction, in an event of SQLAlchemy, so
that the bot needs no code for it. `crowd` writes in the fake Discord, `rooms` without Discord, and
`power` records writes and flushes. `truth` compares the database with the lines that were shown.
"""
