"""Parameters that definitions declare and nothing uses. Looks at no dealer, and at no value of theirs."""

import re
from collections.abc import Collection, Iterable, Sequence

from engine.language.files import File
from engine.language.filling import LEFT
from engine.language.problems import Problems
from engine.language.tree import Node

# In references, in `context`, and in conditions, which may quote a name, or take `params` as a whole.
_NAMED = re.compile(r"\bparams\b(?:\.(?:\"(\w+)\"|(\w+)))?")
ALL = ""  # stands for every name


def check(definitions: Collection[tuple[Sequence[File], Node]], problems: Problems) -> None:
    """A warning at each parameter that no definition of which its file is a part uses.

    Each of `definitions` are a file with those it is based on, itself first, and what these come to
    together. Nothing is said of a file in which `problems` has an error: that may hide a use.
    """
    faulty = {finding.file for finding in problems.findings if finding.severity == "error"}
    used: dict[str, set[str]] = {file.path: set() for files, _ in definitions for file in files}
    for files, root in definitions:
        is_hidden = any(file.errors or file.path in faulty for file in files)
        found = {ALL} if is_hidden else named(root)
        for file in files:
            used[file.path] |= found
    for (file, *_), _ in definitions:
        for name, node in file.tree.entries("params").items():
            if node.is_map and used[file.path].isdisjoint({name, ALL}):
                help = f"write ${{params.{name}}} where its value belongs, or leave it out"
                problems.add(node, "W006", f"nothing uses the parameter `{name}`", help, key=True)


def named(definition: Node) -> set[str]:
    """The parameters that a definition names where it uses them; all of them where that is not plain."""
    return _named(node for key, node in definition.entries().items() if key not in LEFT)


def _named(nodes: Iterable[Node]) -> set[str]:
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        at = waiting.pop()
        if at.is_map:
            waiting.extend(at.value.values())
        elif at.is_list:
            waiting.extend(at.value)
        elif isinstance(at.value, str) and "params" in at.value:
            found.update(quoted or plain for quoted, plain in _NAMED.findall(at.value))
    return found
