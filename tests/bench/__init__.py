"""`make bench`: measurements, one JSON object a line, with no opinion on them."""
