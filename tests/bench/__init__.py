"""Measure the bot's speed beside the network alone and beside eager PyTorch: see `__main__`."""
