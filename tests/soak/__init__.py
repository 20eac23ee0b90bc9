"""Stress the real bot, and report lines that were lost or stored twice."""
