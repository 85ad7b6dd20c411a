"""A simulator of the part of an Okta org that this service uses, faithful to Okta's wire."""
