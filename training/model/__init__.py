"""Define the network of a voice, and the prior that is counted beside it."""
