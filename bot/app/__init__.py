"""Run the bot as a process of its own, or as a part of another bot."""

LOCAL_PORT = 8765
"""The port of the local page, unless another one is chosen."""

LOCAL_GUILD = 1456074443980800002
"""The id of the local page's only server, which the simulation makes the same in every run."""
