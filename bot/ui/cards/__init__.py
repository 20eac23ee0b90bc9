"""Describe a script that has ended, a model, or preferences."""
