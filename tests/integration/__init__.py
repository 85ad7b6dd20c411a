"""Tests of what talks: to Okta's API, to AWS, to API Gateway, all of them stood in for."""
