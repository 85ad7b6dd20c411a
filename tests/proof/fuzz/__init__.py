"""Fuzzing: what any bytes must not do to the parsers, and to the whole service."""
