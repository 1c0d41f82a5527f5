"""Text in lower case."""


def transform(value: str) -> str:
    return value.lower()
