"""The other side of an API in a test: replies that were written down, and what was asked for.

Answers nothing that is not in the script, and nothing twice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.golden.agreement import Difference, Path, shown
from engine.golden.asked import asked, called, unlike
from engine.language.tree import Node, Place
from engine.model import Value
from transports.base import Reply, Sent, TransportError
from transports.http_request import written

_MOST_SHOWN = 3  # of what sets a request apart from the nearest entry


class Unanswered(TransportError):
    """A request that the script of a test does not answer."""


@dataclass(slots=True)
class Entry:
    """One reply. `request` is what has to be asked for; `name` is where it stands, `given.http[2]`."""

    name: Path
    place: Place
    request: Mapping[str, Value]
    reply: Reply
    played: bool = False


@dataclass(slots=True)
class Script:
    """The first entry that fits a request, and has not been played, answers it. `place` is that of the whole."""

    place: Place
    entries: Sequence[Entry] = ()
    requests: list[Mapping[str, Value]] = field(default_factory=list)
    _unanswered: Difference | None = None

    def answer(self, sent: Sent) -> Reply:
        """Raises Unanswered."""
        request = asked(sent)
        self.requests.append(request)
        for entry in self.entries:
            if not entry.played and not unlike(entry.request, request, ()):
                entry.played = True
                return entry.reply
        told = self._nearest(request)
        self._unanswered = self._unanswered or told
        raise Unanswered(told.message)

    @property
    def is_broken(self) -> bool:
        """Whether a request came that it does not answer: all that comes of it means nothing then."""
        return self._unanswered is not None

    @property
    def differences(self) -> list[Difference]:
        """The request without an answer, or the answers that nobody asked for."""
        if self._unanswered is not None:
            return [self._unanswered]
        return [
            Difference(each.name, f"nobody asked for this: {called(each.request)}", each.request, None, each.place)
            for each in self.entries
            if not each.played
        ]

    def _nearest(self, request: Mapping[str, Value]) -> Difference:
        head = f"{called(request)} was asked for, and the script does not answer it"
        waiting = [each for each in self.entries if not each.played] or self.entries
        scored = [(unlike(each.request, request, ()), each) for each in waiting]
        if not scored:
            return Difference(("given", "http"), f"{head}: it is empty", None, dict(request), self.place)
        differs, nearest = min(scored, key=lambda pair: (any(each.path[0] == "path" for each in pair[0]), len(pair[0])))
        why = "; ".join(_told(each) for each in differs[:_MOST_SHOWN]) or "it has been played already"
        text = f"{head}; this is the nearest, {called(nearest.request)}: {why}"
        return Difference(nearest.name, text, nearest.request, dict(request), nearest.place)


def script(node: Node | None, place: Place) -> Script:
    """The script that a list of `{request, response}` is; an empty one for None."""
    elements = node.elements() if node is not None else ()
    return Script(place, [_entry(number, each) for number, each in enumerate(elements)])


def _entry(number: int, node: Node) -> Entry:
    request, response = node.child("request"), node.child("response") or node
    return Entry(("given", "http", number), node.place, request.plain if request is not None else {}, _reply(response))


def _reply(node: Node) -> Reply:
    """A body of JSON, or text in UTF-8; what the headers say of it stands over what is usual."""
    said = {name.lower(): str(written(each.value)) for name, each in node.entries("headers").items()}
    document, text = node.child("json"), node.child("text")
    body = b"" if text is None else str(text.value).encode()
    usual = {"content-type": "text/plain; charset=utf-8"} if text is not None else {}
    if document is not None:
        body, usual = json.dumps(document.plain).encode(), {"content-type": "application/json"}
    status = node.child("status")
    return Reply(int(status.value) if status is not None else 200, {**usual, **said}, body)


def _told(difference: Difference) -> str:
    path = ".".join(str(step) for step in difference.path)
    if difference.message:
        return f"{path}: {difference.message}"
    return f"{path} is {shown(difference.found)}, not {shown(difference.expected)}"
