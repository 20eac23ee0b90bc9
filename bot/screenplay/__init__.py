"""Model a screenplay: its elements, Fountain, files, page layout and statistics."""
