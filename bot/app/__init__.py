"""Run the bot as a process of its own, or as a part of another bot."""
