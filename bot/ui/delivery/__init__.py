"""Deliver messages and answers to Discord, in spite of failures."""
