"""Measure the bot under load from many channels.

`public` has the people and their acts, `house` runs the bot, `databases` keeps its scripts,
`scenarios` has the measurements, `stored` has the one with a large database, which `filling`
writes, and `findings` compares figures with their bounds.
"""
