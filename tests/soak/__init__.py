"""Programs that run the real bot for long, or harshly, and say what was lost or doubled."""
