"""Text in upper case."""


def transform(value: str) -> str:
    return value.upper()
