"""Saying no."""


class Refused(Exception):
    """Raised by your functions: the user declined, the token is no good. Its text says why, for people; of a server's
    verifier, clients are told it."""
