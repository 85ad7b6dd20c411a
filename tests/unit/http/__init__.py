"""The dialects and the request pipeline."""
