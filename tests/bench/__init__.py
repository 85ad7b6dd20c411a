"""`make bench`: measurements, one JSON object a line."""
