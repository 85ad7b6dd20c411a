"""Tests that two descriptions of the same thing agree."""
