"""Text made longer on the left."""


def transform(value: str, width: int, fill: str = "0") -> str:
    """Restores what spreadsheets take away: 4401 is the postal code 04401. Longer text stays as it is."""
    return value.rjust(width, fill[:1] or "0")
