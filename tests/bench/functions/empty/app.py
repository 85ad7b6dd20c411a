"""A function that does nothing: the start of Python and of Lambda's runtime client."""


def lambda_handler(_event: object, _context: object) -> None:
    """Answer nothing."""
