"""A text's digest: names something without saying it."""

import hashlib


def transform(value: str, algorithm: str = "sha256") -> str:
    """As small hexadecimal digits, of the text in UTF-8. No protection for what can be guessed, a phone number, say."""
    return hashlib.new(algorithm, value.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
