"""What a source over HTTP and its triggers say beyond their structure: expressions, cursors, rules, names.

Sends nothing, and knows nothing of what the other side really answers.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError

from engine.deferred import Reference, Template
from engine.language import expressions, fields, streams
from engine.language.lint import Types
from engine.language.problems import Problems
from engine.language.tree import Node

# What an expression sees where it stands; without roots it sees a document of the other side's, or its reply.
_REPLY = ("status", "headers", "body")
_REQUEST = ("query", "headers", "body")
_RETRIED = (401, 429, 500, 502, 503, 504)  # what the built-in rules try again, or renew a login for
_START = re.compile(r"now(-\d{1,9}(s|m|h|d|mo))?|\d{4}-\d{2}-\d{2}(T[0-9:.]+(Z|[+-]\d{2}:\d{2}))?")


class _Spot(NamedTuple):
    """Where expressions stand below a node (`*`: under any name), and the names that they see."""

    path: tuple[str, ...]
    roots: tuple[str, ...] = ()


_PAGING = tuple(_Spot((name,)) for name in ("next", "total", "totalPages", "stopIf"))
_OF_HTTP = (
    *(_Spot(("pagination", *spot.path)) for spot in _PAGING),
    *(_Spot(("include", "*", name)) for name in ("read", "if")),
    _Spot(("forEach", "*", "resource", "records", "path")),
    *(_Spot(("forEach", "*", "resource", "pagination", *spot.path)) for spot in _PAGING),
    _Spot(("forEach", "*", "resource", "keep", "*")),
    *(_Spot(("incremental", "backfill", "pagination", *spot.path)) for spot in _PAGING),
    _Spot(("byId", "read")),
    *(_Spot(("job", *path)) for path in (("keep", "*"), ("results", "path"))),
    *(_Spot(("job", "status", *path)) for path in (("done",), ("failed",), ("message",), ("keep", "*"))),
    *(_Spot(("auth", name)) for name in ("tokenPath", "expiresPath")),
    *(_Spot(("onError", "*", name), _REPLY) for name in ("if", "message")),
    _Spot(("onError", "*", "for", "path"), _REPLY),
)
_OF_REQUESTS = (
    *(_Spot((name,), _REQUEST) for name in ("if", "id")),
    _Spot(("dedupe", "by", "*"), _REQUEST),
    _Spot(("do", "setState", "key"), _REQUEST),
)


def check(tree: Node, root: Node, types: Types, problems: Problems) -> None:
    """Everything that is wrong with the transport and the triggers of one feed.

    `tree` is filled and has the transport; `root` has the mapping, which says what is read.
    """
    transport = tree.child("transport")
    kind = transport.text("type") if transport is not None else None
    if transport is not None and kind == "http":
        _expressions(transport, _OF_HTTP, problems)
        _extract(transport.child("pagination", "extract"), problems)
        _extract(transport.child("incremental", "backfill", "pagination", "extract"), problems)
        _cursor(transport, problems)
        _rules(transport, problems)
        _attached(transport, root, problems)
        _made(transport, problems)
    elif transport is not None and kind == "webhook":
        _expressions(transport, _OF_REQUESTS, problems)
        _verified(transport, problems)
    if transport is not None and (kind == "webhook" or transport.child("incremental") is not None):
        _drop(tree.child("guards", "maxDropPercent"), problems)
    for stream in streams.shapes(root).values():
        _unread_joins(stream, problems)
    for trigger in tree.elements("triggers"):
        _expressions(trigger, _OF_REQUESTS, problems)
        _verified(trigger, problems)
        _set_state(trigger.child("do", "setState"), types, problems)
        _fetched(trigger.child("do"), trigger, transport, problems)


def expression(node: Node, roots: Iterable[str], problems: Problems) -> None:
    """A JMESPath that sees these names, or a document whose names nobody knows."""
    tree = fields.expression(node, problems)
    known = tuple(roots)
    for chain in expressions.subpaths(tree) if tree is not None and known else ():
        if chain[0] not in known:
            offset = expressions.offset_of(node.value, chain[0])
            help = expressions.literal_help(chain[0])
            problems.unknown(node, "E058", "name", known, name=chain[0], offset=offset, help=help)


def below(node: Node, path: tuple[str, ...]) -> Iterator[Node]:
    """The nodes at a path in which `*` is any key, or any element."""
    if not path:
        yield node
        return
    entries = node.entries()
    if path[0] != "*":
        found = [entries[path[0]]] if path[0] in entries else []
    else:
        found = [*entries.values(), *(node.value if isinstance(node.value, tuple) else ())]
    for each in found:
        yield from below(each, path[1:])


def _expressions(node: Node, spots: Iterable[_Spot], problems: Problems) -> None:
    for spot in spots:
        for found in below(node, spot.path):
            if isinstance(found.value, str):
                expression(found, spot.roots, problems)


def _extract(node: Node | None, problems: Problems) -> None:
    if node is not None and not node.is_open:
        fields.check_pattern(node, problems)


def _cursor(transport: Node, problems: Problems) -> None:
    """Whether what changed since the last run can be told: by the other side, or by us."""
    incremental = transport.child("incremental")
    if incremental is None:
        return
    start = incremental.child("start")
    if start is not None and isinstance(start.value, str) and not _START.fullmatch(start.value):
        help = "such as now-90d, 2026-01-31 or 2026-01-31T00:00:00Z"
        problems.add(start, "E025", f"`{start.value}` is no moment to begin at", help)
    by_us = incremental.text("filter") == "client" or incremental.flag("newestFirst")
    cursor, request = incremental.child("cursor"), transport.child("request")
    others = (transport.child("baseUrl"), transport.child("job", "request"))
    sent = [node for node in (request, *others) if node is not None]
    if by_us or cursor is None or any(path[:2] == ("window", "from") for node in sent for path in _references(node)):
        return
    problems.add(
        cursor,
        "E080",
        f"nothing sends the cursor `{cursor.value}`: every run reads the whole list",
        "put ${window.from} into `request`; or say `filter: client`, or `newestFirst: true`, where the server cannot",
    )


def _drop(node: Node | None, problems: Problems) -> None:
    if node is not None:
        message = "`maxDropPercent` compares whole files; this source sends what changed"
        problems.add(node, "E029", message, "leave it out; `warnAfter` tells of a source that falls silent", key=True)


def _rules(transport: Node, problems: Problems) -> None:
    """Rules that pass over what should be tried again: tried on replies of each such status."""
    for rule in transport.elements("onError"):
        condition, done = rule.child("if"), rule.child("do")
        if condition is None or done is None or done.value not in ("ignore", "skipParent"):
            continue
        try:
            expressions.checked(str(condition.value))
            compiled = jmespath.compile(str(condition.value))
            caught = [status for status in _RETRIED if compiled.search({"status": status, "headers": {}, "body": {}})]
        except (JMESPathError, expressions.BadExpression):
            continue  # told already, or of use for other replies only
        if caught:
            shown = ", ".join(map(str, caught))
            message = f"this rule ignores {shown}: what should be tried again is counted as done"
            problems.add(condition, "W005", message, "name the statuses that are meant, such as status == `404`")


def _attached(transport: Node, root: Node, problems: Problems) -> None:
    """What is fetched beside the records has to be read, and what `forEach` keeps is all that it has."""
    read = _read(root) | {path[1] for path in _references(transport) if path[0] == "record" and len(path) > 1}
    for name, node in transport.entries("include").items():
        if name not in read and "@" not in read:
            problems.add(node, "E066", f"nothing reads what is included as `{name}`", _READ.format(name), key=True)
    paths = list(_references(transport))
    for name, node in transport.entries("forEach").items():
        mine = [path for path in paths if path[0] == name]
        if not mine:
            help = f"name it in `request`: ${{{name}.id}}, say"
            problems.add(node, "E066", f"nothing uses the `{name}` of forEach", help, key=True)
        kept = node.entries("resource", "keep")
        for member in dict.fromkeys(path[1] for path in mine if len(path) > 1 and kept):
            if member not in kept:
                at = next(child for child in _texts(transport) if (name, member) in [path[:2] for path in _of(child)])
                problems.unknown(at, "E040", "reference", (f"{name}.{each}" for each in kept), name=f"{name}.{member}")


def _made(transport: Node, problems: Problems) -> None:
    """Whether references to a job name what it keeps, and whether its results are asked for."""
    job, url = transport.child("job"), transport.child("request", "url")
    has_results = job is not None and job.child("results") is not None
    kept = {*transport.entries("job", "keep"), *transport.entries("job", "status", "keep")}
    kept |= {"result"} if has_results else set()
    for node in _texts(transport):
        for path in _of(node):
            if path[0] == "job" and not (path[1:] and path[1] in kept):
                problems.unknown(node, "E040", "reference", (f"job.{each}" for each in kept), name=".".join(path[:2]))
    if has_results and url is not None and _of(url) != [("job", "result")]:
        help = "write `url: ${job.result}`: each address that `job.results` finds takes its place"
        problems.add(url, "E021", "the results of the job are not asked for", help)
    kind = transport.child("pagination", "type")
    if has_results and kind is not None and kind.value != "none":
        help = "leave `pagination` out: one result after the other is read"
        problems.add(kind, "E029", "`job.results` names whole replies, and they have no pages", help)


_READ = "read it with a path such as `{}.id`, or leave it out"


def _unread_joins(node: Node, problems: Problems) -> None:
    """A join of a stream that no field reads."""
    read = _read(node)
    for name, join in node.entries("records", "join").items():
        if name not in read and "@" not in read:
            problems.add(join, "E066", f"nothing reads what is joined as `{name}`", _READ.format(name), key=True)


def _read(root: Node) -> set[str]:
    """The first names of all paths on raw records; `@` stands for everything."""
    found: set[str] = set()
    for stream in streams.shapes(root).values():
        nodes = [path for field in stream.entries("fields").values() for path in field.elements("path")]
        nodes += [node for join in stream.entries("records", "join").values() for node in join.elements("by")]
        for node in nodes:
            try:
                chains = expressions.subpaths(expressions.checked(str(node.value)))
            except expressions.BadExpression:
                return {"@"}
            found.update(chain[0] for chain in chains)
            found.update("@" for _ in range("@" in str(node.value)))
    return found


def _verified(node: Node, problems: Problems) -> None:
    for check in node.elements("verify"):
        for name, value in check.entries("equals").items():
            root = name.partition(".")[0]
            if root not in _REQUEST:
                problems.unknown(value, "E058", "name", _REQUEST, name=root, key=True)


def _set_state(node: Node | None, types: Types, problems: Problems) -> None:
    kind, state = (node.child("type"), node.child("state")) if node is not None else (None, None)
    if kind is None or not isinstance(kind.value, str):
        return
    if kind.value not in types:
        problems.unknown(kind, "E067", "activity type", types)
        return
    known = types[kind.value]
    if known is not None and state is not None and isinstance(state.value, str) and state.value not in known.states:
        problems.unknown(state, "E068", f"state of {known.name}", known.states)


def _fetched(done: Node | None, trigger: Node, transport: Node | None, problems: Problems) -> None:
    """A trigger that fetches says which object, and the transport how one is read."""
    if done is None or done.value != "fetch":
        return
    if trigger.child("id") is None:
        help = "add `id: body.id`, say: the path of the id in its `query`, `headers` or `body`"
        problems.add(done, "E021", "`do: fetch` needs `id`: which object a request names", help)
    # A dealer who brings an API's replies as files keeps the triggers of the definition.
    if transport is not None and transport.text("type") == "http" and transport.child("byId") is None:
        help = "add `byId: {url: '/orders/${trigger.id}'}`, say; or `do: pollNow`"
        problems.add(done, "E021", "`do: fetch` needs `byId` in the transport: how one object is read", help)


def _texts(node: Node) -> Iterator[Node]:
    """Every value below a node that has references left in it."""
    if node.is_map:
        for child in node.value.values():
            yield from _texts(child)
    elif node.is_list:
        for child in node.value:
            yield from _texts(child)
    elif issubclass(node.shape, Template | Reference):
        yield node


def _of(node: Node) -> list[tuple[str, ...]]:
    parts = node.value.parts if isinstance(node.value, Template) else (node.value,)
    return [part.path for part in parts if isinstance(part, Reference)]


def _references(node: Node) -> Iterator[tuple[str, ...]]:
    for child in _texts(node):
        yield from _of(child)
