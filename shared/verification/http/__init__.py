"""The wire protocols spoken at the edge: each parses requests, renders results, renders errors."""
