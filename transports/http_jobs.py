"""A list that has to be made first (`job`): begun by a request, asked after until it is done, then read like any other.

Never begins a second one while one is known, and never waits for one longer than its `timeout`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from transports.base import BadReply, PageTools, Secret, Settings
from transports.http_client import Answer, Client
from transports.http_position import Job
from transports.http_request import built
from transports.http_rules import is_true
from transports.http_windows import stamp
from transports.paging import Place, named
from transports.settings import seconds

_EVERY, _TIMEOUT = "5s", "1h"
_LONGEST = 60.0  # seconds between two looks, unless `every` is longer
_GROWS = 1.5
_GONE = (404, 410)
_CODE = "http.job"
_MOST_SAID = 200  # characters of what the other side says, in a message


@dataclass(frozen=True, slots=True)
class Ready:
    """One that is done, and the reply that says so. `names` is what `${job.…}` finds.

    `addresses` are its results, where the API names them. One often is a login by itself: it shows nowhere, and no
    position has it.
    """

    answer: Answer
    names: Mapping[str, Any]
    addresses: tuple[str, ...] | None = field(default=None, repr=False)

    def block(self, request: Settings, place: Place) -> Settings:
        """The request for a result."""
        if self.addresses is None:
            return request
        address = self.addresses[place.pages] if place.pages < len(self.addresses) else self.addresses[-1]
        return {**request, "url": Secret("result", address)}

    def following(self, place: Place, count: int) -> Place | None:
        """The place of the result after this one."""
        after = Place(place.pages + 1, place.records + count)
        return after if self.addresses is not None and after.pages < len(self.addresses) else None


@dataclass(frozen=True, slots=True)
class Failed:
    """One that never will be done, and the reply that says so."""

    answer: Answer
    error: BadReply


class Jobs:
    """The `job` block of one feed."""

    def __init__(self, settings: Settings, client: Client, tools: PageTools) -> None:
        self._block: Settings = settings["job"]
        self._status: Settings = self._block["status"]
        self._base = settings.get("baseUrl")
        self._client = client
        self._tools = tools
        self._timeout = timedelta(seconds=seconds(self._block.get("timeout", _TIMEOUT)))

    def begun(self, names: Mapping[str, Any]) -> tuple[Answer, Job | None]:
        """Begin one; None where a rule of `onError` says that there is nothing to begin.

        Raises BadReply ("http.job") where its reply lacks what is to be kept.
        """
        now = self._tools.now()
        answer = self._client.send(built(self._block["request"], self._base, names, self._tools))
        if answer.empty is not None:
            return answer, None
        kept = self._kept(self._block, answer, "`job.keep`")
        return answer, Job(kept, stamp(now))

    def is_over(self, job: Job) -> bool:
        """Whether it is older than anybody waits."""
        return self._tools.now() - datetime.fromisoformat(job.begun) >= self._timeout

    def awaited(self, job: Job, names: Mapping[str, Any]) -> Ready | Failed:
        """Ask after it until it is done, or never will be."""
        wait = every = seconds(self._status.get("every", _EVERY))
        while True:
            answer = self._asked(job, names)
            failure = self._failure(answer)
            if failure is None and is_true(self._tools.search(self._status["done"], answer.document)):
                return self._ready(job, answer, names)
            left = self._timeout - (self._tools.now() - datetime.fromisoformat(job.begun))
            if failure is None and left <= timedelta(0):
                failure = f"is not done after {self._block.get('timeout', _TIMEOUT)} (`job.timeout`)"
            if failure is not None:
                error = BadReply(f"{answer.name} {failure}; the next run begins another", answer.reply.status, _CODE)
                return Failed(answer, error)
            self._tools.sleep(min(wait, left.total_seconds()))
            wait = min(wait * _GROWS, max(every, _LONGEST))

    def _ready(self, job: Job, answer: Answer, names: Mapping[str, Any]) -> Ready | Failed:
        try:
            kept = {**job.kept, **self._kept(self._status, answer, "`job.status.keep`")}
            return Ready(answer, kept, self._addresses(answer, {**names, "job": kept}))
        except BadReply as error:
            if error.code != _CODE:
                raise  # of another request, which may be answered the next time
            return Failed(answer, error)

    def _asked(self, job: Job, names: Mapping[str, Any]) -> Answer:
        request = built(self._status["request"], self._base, {**names, "job": job.kept}, self._tools)
        return self._client.send(request, missing=_GONE)

    def _failure(self, answer: Answer) -> str | None:
        if answer.empty == "missing":
            return f"is not there any more (status {answer.reply.status})"
        if "failed" not in self._status or not is_true(self._tools.search(self._status["failed"], answer.document)):
            return None
        said = self._tools.search(self._status["message"], answer.document) if "message" in self._status else None
        more = "" if said is None else f", and says: {self._client.veil.shown(str(said)[:_MOST_SAID])}"
        return f"says that it failed (`job.status.failed`){more}"

    def _addresses(self, answer: Answer, names: Mapping[str, Any]) -> tuple[str, ...] | None:
        block: Settings | None = self._block.get("results")
        if block is None:
            return None
        if "request" in block:
            answer = self._client.send(built(block["request"], self._base, names, self._tools))
        found = self._tools.search(block["path"], answer.document)
        addresses = [found] if isinstance(found, str) else found
        if not isinstance(addresses, list) or not all(isinstance(each, str) for each in addresses):
            text = f"expected an address, or a list of some, at `{block['path']}` in the reply to {answer.name}"
            raise BadReply(f"{text} (`job.results`)", answer.reply.status, _CODE)
        return tuple(named(block, answer.url, each) for each in addresses)

    def _kept(self, block: Settings, answer: Answer, where: str) -> dict[str, Any]:
        kept = {name: self._tools.search(path, answer.document) for name, path in (block.get("keep") or {}).items()}
        missing = next((name for name, value in kept.items() if value is None), None)
        if missing is not None:
            path = block["keep"][missing]
            raise BadReply(f"the reply to {answer.name} has no `{path}` ({where})", answer.reply.status, _CODE)
        return kept
