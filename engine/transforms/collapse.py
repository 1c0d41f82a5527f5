"""Text with every run of blanks made one space, and none around it."""


def transform(value: str) -> str:
    """Line breaks and no-break spaces are blanks too."""
    return " ".join(value.split())
