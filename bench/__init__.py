"""Benchmarks and what they need; nothing of the program imports this."""
