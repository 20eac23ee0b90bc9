"""Draw pictures of scripts."""
