"""What an operator runs: `make deploy`, `make token`, `make okta-jwks`, `make client` and `make smoke`."""
