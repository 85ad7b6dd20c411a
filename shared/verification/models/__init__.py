"""Types that all parts of the service share: enums and frozen values."""
