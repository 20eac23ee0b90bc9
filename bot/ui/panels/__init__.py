"""Show the messages with buttons at the end of a channel: panels and polls."""
