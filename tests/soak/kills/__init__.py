"""Kill the bot at the worst moments, and check that nothing shown was lost.

`points` kills a process within a transaction, in an event of SQLAlchemy, so that the bot needs no
code for it. `crowd` writes in the fake Discord, `sessions` without Discord, and `power` records
writes and flushes. `database_check` compares the database with the lines that were shown.
"""
