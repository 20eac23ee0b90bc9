"""Run the bot as a process of its own, or as a part of another bot."""

LOCAL_PORT = 8765
"""The port of the local page, unless another one is chosen."""
