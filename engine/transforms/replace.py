"""Text with some of it replaced."""


def transform(value: str, text: str, by: str) -> str:
    """Every occurrence of `text` becomes `by`; both are literal."""
    return value.replace(text, by) if text else value
