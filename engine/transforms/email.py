"""E-mail addresses, by the rules of email-validator; the network is never asked."""

import re
from collections.abc import Callable

from email_validator import EmailNotValidError, validate_email

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.memo import Memo

# RFC 5322 3.2.3, dot-atom: such a local part is good as it stands, when it is short (64 characters, RFC 5321).
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_USUAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@([a-z0-9.-]+)", re.ASCII).fullmatch
_SHORT = 64


def reader() -> Callable[[Value], Value]:
    """The address, normalised and case-folded. Raises RecordError ("email.unreadable"), never with the address.

    The domain goes through the library once; so does every address that is not plain ASCII.
    """
    domains = Memo(lambda domain: _validated(f"x@{domain}") == f"x@{domain}")
    exact = Memo(_validated)

    def read(value: Value) -> Value:
        if value.__class__ is not str:
            raise _unreadable()
        text = value.lower()
        match = _USUAL(text)
        if match is not None and len(text) <= _SHORT and domains[match[1]]:
            return text
        return exact[value.strip().casefold()]

    return read


def _validated(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False, strict=True).normalized.casefold()
    except EmailNotValidError:
        raise _unreadable() from None


def _unreadable() -> RecordError:
    return RecordError("email.unreadable", "expected an e-mail address")
