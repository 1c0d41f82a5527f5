"""The digits of a text."""


def transform(value: str) -> str:
    """ASCII digits only, in order; other characters go."""
    return "".join(character for character in value if character in "0123456789")
