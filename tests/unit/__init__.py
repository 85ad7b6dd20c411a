"""Tests of what decides: no I/O, no patching."""
