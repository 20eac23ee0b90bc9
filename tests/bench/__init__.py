"""How fast the bot is, beside the network alone and beside eager PyTorch: see `__main__`."""
