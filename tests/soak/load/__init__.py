"""Measure the bot under load from many channels.

`public` is the people and their acts, `house` runs the bot, `databases` keep its scripts,
`scenarios` are the measurements, `stored` is the one with a large database, which `filling` writes,
and `findings` compare figures with their bounds.
"""
