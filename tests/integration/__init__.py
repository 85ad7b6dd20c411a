"""Tests against moto, loopback sockets and whole functions."""
