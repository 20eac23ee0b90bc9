"""Hold a screenplay: its elements, what it is read from, and what it is printed as."""
