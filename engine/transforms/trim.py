"""Text without the blanks around it."""


def transform(value: str) -> str:
    """Unicode blanks count (RFC-less but real: spreadsheets pad with no-break spaces)."""
    return value.strip()
