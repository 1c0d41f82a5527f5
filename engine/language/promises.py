"""What the parts of a definition promise each other: seals, versions, groups of the file's name, keys, tests.

Looks at one definition as its dealer uses it; compares no two of them.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping

from engine.language import fields, inherit, patterns, schema, streams, words
from engine.language.problems import Problems
from engine.language.resolution import MAPPING
from engine.language.settings import FILES
from engine.language.tree import Node

_SHOWN = 12  # columns in a message
_GROUP = re.compile(r"\bfile\.groups\.(\w+)")


def check(tree: Node, root: Node, problems: Problems) -> None:
    """`tree` is filled and has the transport; `root` has the mapping and the declarations."""
    transport = tree.child("transport")
    if transport is not None and transport.text("type") in FILES:
        _groups(transport, root, problems)
        _deleted(transport, root, problems)
    check_versions(root, root.entries("versions"), problems)
    check_places(root, problems)
    _columns(tree, root, problems)


def check_seals(root: Node, kind: str, problems: Problems) -> None:
    """What is sealed is there, or could be: a misspelt seal would seal nothing."""
    for seal in root.elements("sealed"):
        if not isinstance(seal.value, str):
            continue
        node: Node | None = root
        for depth, name in enumerate(seal.value.split(".")):
            entries = node.entries() if node is not None else {}
            node = entries.get(name)
            known = schema.keys(kind) if depth == 0 else schema.vocabulary(kind)
            if node is None and name not in known:
                near = [*entries, *(known if depth == 0 else ())]
                problems.unknown(seal, "E020", "key", near, name=name, offset=seal.value.find(name))
                break


def _groups(transport: Node, root: Node, problems: Problems) -> None:
    """`file.groups.x` needs a group of that name in the pattern."""
    filename = transport.child("filename")
    known: tuple[str, ...] = ()
    if filename is None and transport.flag("regex"):
        return  # it goes by another name: told already
    if filename is not None and transport.flag("regex"):
        if not isinstance(filename.value, str) or filename.is_sample:
            return
        try:
            known = patterns.groups(filename.value)
        except patterns.BadPattern:
            return
    for name in MAPPING:
        for node in _texts(root.child(name)):
            for found in _GROUP.finditer(str(node.value)):
                if found[1] not in known:
                    problems.unknown(node, "E040", "group of the filename", known, name=found[1], offset=found.start(1))


def _deleted(transport: Node, root: Node, problems: Problems) -> None:
    """What is deleted has to be recognised when it is sent again."""
    at = transport.child("deleteFromServer")
    if at is None or at.value is not True:
        return
    for name, node in streams.shapes(root).items():
        own = node.child("contact", "fields", "externalId") or node.child("fields", "externalId")
        if (
            node.child("activities") is None
            and node.child("employee", "key") is None
            and own is None
            and node.child("fields")
        ):
            where = f"the stream `{name}` has" if name else "its rows have"
            message = f"files are deleted, and {where} no key: what is sent again would come in twice"
            problems.add(
                at, "E081", message, "give them activities with a `key`, or the contact an `externalId`", key=True
            )


# Below these an author's own names stand, which may be `since`.
_NAMED_BY_AUTHORS = frozenset({"params", "fields", "query", "headers", "form", "json", "streams", "include", "forEach"})


def check_versions(node: Node, declared: Mapping[str, Node], problems: Problems) -> None:
    """`requires: {versions: {x: ...}}` needs a place where `x` is read."""
    for key, child in node.entries().items():
        if key in ("requires", "since"):
            wanted = child.entries("versions") if key == "requires" else child.entries()
            for name, value in wanted.items():
                if name not in declared:
                    problems.unknown(value, "E040", "version", declared, name=name, key=True)
        elif key in _NAMED_BY_AUTHORS:
            for inner in child.entries().values():
                check_versions(inner, declared, problems)
        elif key != "tests":
            check_versions(child, declared, problems)
    for element in node.value if isinstance(node.value, tuple) else ():
        check_versions(element, declared, problems)


def check_places(root: Node, problems: Problems) -> None:
    """Where versions are read: a path that can be read, in records that have paths."""
    for node in root.entries("versions").values():
        path = node.child("path")
        if path is None or fields.expression(path, problems) is None:
            continue
        if root.text("decode", "format") in fields.HEADED:
            message = "rows under a header have no paths: no version can be read there"
            problems.add(path, "E062", message, "leave `versions` and what requires one out")


def _columns(tree: Node, root: Node, problems: Problems) -> None:
    """Every column stands in a file of the tests, where there are any: a misspelt header is found before a run.

    An optional one may be lacking, unless it looks like one that is there and that nothing else reads.
    """
    headers = frozenset(_headers(root))
    named = list(tree.elements("transport", "ours", "columns")) if headers else []
    fields = [each for stream in streams.shapes(root).values() for each in stream.entries("fields").values()]
    free = headers - {str(node.value).strip() for field in fields for node in field.elements("column")}
    for field in fields if headers else ():
        if sum(field.child(verb) is not None for verb in inherit.SOURCES) != 1:
            continue  # told already
        aliases = field.elements("column")
        if not headers.intersection(str(node.value).strip() for node in aliases):
            is_optional = field.flag("optional")
            named += [node for node in aliases if not is_optional or words.nearest(str(node.value), free)][:1]
        named += field.elements("join", "columns")
    for node in named:
        if node.place.document is not root.value["tests"].place.document:
            continue  # a dealer's own files have no tests here
        if isinstance(node.value, str) and node.value.strip() not in headers and "${" not in node.value:
            near = words.nearest(node.value, free) or words.nearest(node.value, headers)
            known = ", ".join(sorted(headers)[:_SHOWN]) + (" ..." if len(headers) > _SHOWN else "")
            help = f"did you mean `{near}`?" if near else f"their files have: {known}"
            problems.add(node, "E079", f"no file of the tests has the column `{node.value}`", help)


def _headers(root: Node) -> Iterator[str]:
    decode = root.child("decode")
    if decode is None or decode.text("format") != "csv" or not decode.flag("header", default=True):
        return
    delimiter, skipped = decode.word("delimiter", ","), decode.number("skipRows") or 0
    if len(delimiter) != 1 or delimiter in '"\r\n':
        return
    for test in root.elements("tests"):
        for file in test.entries("given", "files").values():
            if isinstance(file.value, str):
                rows = csv.reader(io.StringIO(file.value), delimiter=delimiter)
                for index, row in enumerate(rows):
                    if index == skipped:
                        yield from (cell.strip() for cell in row)
                    if index >= skipped:
                        break


def _texts(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    for child in (*node.entries().values(), *(node.value if isinstance(node.value, tuple) else ())):
        yield from _texts(child)
    if isinstance(node.value, str):
        yield node
