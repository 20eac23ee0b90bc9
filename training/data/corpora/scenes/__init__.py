"""Draw scenes from frames: see training/scenes/README.md."""
