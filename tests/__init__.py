"""Tests of the service and the sandbox they share."""
