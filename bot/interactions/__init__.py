"""Read interactions, admit turns, and track what is in flight."""
