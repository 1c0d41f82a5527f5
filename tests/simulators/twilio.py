"""Twilio's call that sends a message, and the callbacks that tell what became of it, on loopback.

The address, basic login, the form's names, status 201 and the names of its reply are those of the vendor's published
OpenAPI; how callbacks are signed is as its pages for developers say. Ours is everything they do not say: that a number
which is no E.164 is refused with code 21211, and that statuses come in the order in which a test asks for them. No
message leaves this machine.
"""

import base64
import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, urlencode

from tests.simulators.loopback import Answer, Asked, Loopback, as_json

SID, TOKEN = "ACtest", "invented-token-for-tests"


@dataclass(frozen=True, slots=True)
class Text:
    sid: str
    to: str
    sender: str
    body: str
    callback: str


class Callback(NamedTuple):
    """`signature` goes into the header X-Twilio-Signature."""

    url: str
    body: bytes
    signature: str


@dataclass
class Twilio:
    """One account. `refuses` may answer in place of it."""

    refuses: Callable[[Asked], Answer | None] = lambda asked: None
    texts: list[Text] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.far = Loopback(self._answer)

    def __enter__(self) -> Self:
        self.far.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.far.__exit__(kind, error, at)

    @property
    def url(self) -> str:
        return self.far.url

    @property
    def bodies(self) -> list[str]:
        return [each.body for each in self.texts]

    def counts(self) -> Counter[tuple[str, str]]:
        """How often each text went to each number."""
        return Counter((each.to, each.body) for each in self.texts)

    def tells(self, text: Text, *statuses: str, token: str = TOKEN) -> list[Callback]:
        """The calls back, one for each status, to the address that the text gave."""
        made = []
        for status in statuses:
            form = {"MessageSid": text.sid, "MessageStatus": status, "To": text.to, "AccountSid": SID}
            signed = text.callback + "".join(name + form[name] for name in sorted(form))
            digest = hmac.new(token.encode(), signed.encode(), "sha1").digest()
            made.append(Callback(text.callback, urlencode(form).encode(), base64.b64encode(digest).decode()))
        return made

    def _answer(self, asked: Asked) -> Answer:
        login = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != login:
            return as_json({"code": 20003, "message": "Authenticate", "status": 401}, 401)
        if (asked.method, asked.path) != ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json"):
            return as_json({"code": 20404, "status": 404}, 404)
        if (refused := self.refuses(asked)) is not None:
            return refused
        form = dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
        if not form.get("To", "").startswith("+"):
            return as_json({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400}, 400)
        sid = f"SM{len(self.texts) + 1:032}"
        self.texts.append(Text(sid, form["To"], form["From"], form["Body"], form.get("StatusCallback", "")))
        return as_json({"sid": sid, "account_sid": SID, "status": "queued", "num_segments": "1"}, 201)
