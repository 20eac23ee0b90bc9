"""Play one script in one channel, without Discord."""
