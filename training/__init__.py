"""Text in, a checkpoint out: the only place that learns. See ``python -m training --help``."""
