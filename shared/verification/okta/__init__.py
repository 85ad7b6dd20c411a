"""Everything that knows Okta's wire protocol."""
