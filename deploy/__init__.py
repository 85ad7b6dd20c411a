"""What an operator runs: `make deploy`, `make token`, `make client` and `make smoke`."""
