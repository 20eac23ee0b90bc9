"""Train, tune, evaluate and compare voices from the command line."""
