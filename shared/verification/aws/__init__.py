"""Everything that knows AWS, by botocore."""
