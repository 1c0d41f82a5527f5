"""E-mail addresses, by the rules of email-validator; the network is never asked."""

import re
from collections.abc import Callable

from email_validator import EmailNotValidError, validate_email

from engine.errors import RecordError
from engine.model import Value
from engine.transforms.memo import Memo

# RFC 5322 3.2.3, dot-atom: such a local part is good as it stands (at most 64 characters, RFC 5321).
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LONGEST_LOCAL, _LONGEST = 64, 254


def reader() -> Callable[[Value], str]:
    """The address, normalised and case-folded. Raises RecordError ("email.unreadable"), never with the address.

    The domain goes through the library once; so does every address that is not plain ASCII.
    """
    domains = Memo(lambda domain: _validated(f"x@{domain}") == f"x@{domain}")
    exact = Memo(_validated)

    def read(value: Value) -> str:
        if value.__class__ is not str:
            raise _unreadable()
        text = value.strip().casefold()
        local, at, domain = text.partition("@")
        plain = at and len(local) <= _LONGEST_LOCAL and len(text) <= _LONGEST and _LOCAL.fullmatch(local)
        return str(text if plain and domains[domain] else exact[text])

    return read


def _validated(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False, strict=True).normalized.casefold()
    except EmailNotValidError:
        raise _unreadable() from None


def _unreadable() -> RecordError:
    return RecordError("email.unreadable", "expected an e-mail address")
