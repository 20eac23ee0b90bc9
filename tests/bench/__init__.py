"""Compare the bot's speed with the network alone and with eager PyTorch: see `__main__`."""
