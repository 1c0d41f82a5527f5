"""One text as a list of texts."""


def transform(value: str, by: str) -> list[str]:
    """The pieces between `by`, without blanks around them; blank pieces are left out."""
    return [piece for part in value.split(by) if (piece := part.strip())]
