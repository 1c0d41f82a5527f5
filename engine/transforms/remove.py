"""Text without some other text."""


def transform(value: str, text: str) -> str:
    """Every occurrence of `text` goes, literally."""
    return value.replace(text, "") if text else value
