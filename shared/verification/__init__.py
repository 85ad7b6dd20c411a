"""Prove that a person is the customer they say they are: one call sends a code, one checks it."""
