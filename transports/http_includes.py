"""What else is asked for each record (`include`): a few requests at a time, each made once in a run.

Never asks for what a record does not name, and never lets a missing one pass unnoted.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from transports.base import BadReply, PageTools, Reply, Settings
from transports.envelope import Include
from transports.http_client import Answer, Client
from transports.http_request import Request, built
from transports.http_rules import is_true

_AT_ONCE = 4
_MOST_KEPT = 20_000  # replies remembered in one run
_NOT_FOUND = (404, 410)


class Includes:
    """The `include` blocks of one feed, for as long as its connection stands."""

    def __init__(self, settings: Settings, client: Client, tools: PageTools) -> None:
        self._blocks: Mapping[str, Mapping[str, Any]] = settings.get("include") or {}
        self._base = settings.get("baseUrl")
        self._client = client
        self._tools = tools
        self._asked: dict[Any, Future[Answer]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def replies(self, records: Sequence[Any], names: Mapping[str, Any]) -> dict[str, Include]:
        """What belongs to these records, by the names of the blocks; to None belongs nothing."""
        if len(self._asked) > _MOST_KEPT:
            self._asked.clear()
        started = {
            name: [self._started(block, record, names) for record in records] for name, block in self._blocks.items()
        }
        return {name: self._include(name, self._blocks[name], each) for name, each in started.items()}

    def _started(self, block: Mapping[str, Any], record: Any, names: Mapping[str, Any]) -> Future[Answer] | None:
        if record is None or ("if" in block and not is_true(self._tools.search(block["if"], record))):
            return None
        known = {**names, "record": record}
        if self._tools.address(block["url"], known) is None:
            return None  # the record does not name one
        request = built(block, self._base, known, self._tools)
        key = repr(self._client.veil.revealed((request.method, request.url, request.query, request.headers)))
        if key not in self._asked:
            at_once = _AT_ONCE if self._tools.answer is None else 1
            self._threads = self._threads or ThreadPoolExecutor(at_once, thread_name_prefix="include")
            self._asked[key] = self._threads.submit(self._answer, request)
        return self._asked[key]

    def _answer(self, request: Request) -> Answer:
        return self._client.send(request, missing=_NOT_FOUND)

    def _include(self, name: str, block: Mapping[str, Any], started: Sequence[Future[Answer] | None]) -> Include:
        indexes: dict[int, int | None] = {}
        replies: list[Reply] = []
        of: list[int | None] = []
        for future in started:
            if future is None:
                of.append(None)
                continue
            if id(future) not in indexes:
                answer = future.result()
                indexes[id(future)] = None if self._is_missing(name, block, answer) else len(replies)
                if indexes[id(future)] is not None:
                    replies.append(_slim(answer.reply))
            of.append(indexes[id(future)])
        return Include(of, replies, block.get("read"))

    def _is_missing(self, name: str, block: Mapping[str, Any], answer: Answer) -> bool:
        if answer.empty is None:
            return False
        what = block.get("onMissing", "warn")
        if answer.empty == "missing" and what == "fail":
            text = f"{answer.name} is not there, and `include.{name}` needs it (`onMissing: fail`)"
            raise BadReply(text, answer.reply.status)
        if what != "ignore":
            self._tools.note(
                "include.missing", {"include": name, "request": answer.name, "status": answer.reply.status}
            )
        return True


def _slim(reply: Reply) -> Reply:
    """Without the headers that no decoder asks for."""
    kept = {name: value for name, value in reply.headers.items() if name == "content-type"}
    return Reply(reply.status, kept, reply.body)
