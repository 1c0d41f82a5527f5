"""The author's reference of every key, as Markdown, drawn from the schemas. Adds nothing to what they say."""

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import yaml

from engine.language.editor import printed

Schema: TypeAlias = dict[str, Any]

# The kinds in the order of the page: heading, and what their blocks are called by.
_KINDS = {
    "feed": ("A feed", ""),
    "dealer": ("A dealer", " of a dealer"),
    "activity": ("An activity type", " of an activity type"),
    "export": ("An export", " of an export"),
    "alerts": ("Alerts", " of alerts"),
}
_INTRODUCTION = """\
# Every key

Made from the schemas by `feeds schema --reference > feeds/reference.md`; a change belongs there. An editor with a YAML
language server shows the same while you write. [README.md](README.md) explains how the parts play together.

A key in **bold** has to be there. `NAME` stands for a name of yours, `[]` for an entry of a list. Where a value may
differ by dealer or by file, a reference may take its place: `'${params.folder}'`.
"""
_WORDS = "Words for values"
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "nothing",
    "array": "list",
    "object": "map",
}
_REFERENCE = {"$ref": "#/$defs/reference"}
_COMMON, _LITERAL, _OVERRIDE = "common.", "literal.", "override."
_TOLD = ("title", "description", "examples", "default")
_FEW = 3  # variants with one key that make it worth a place of its own


class _Block(NamedTuple):
    """A map with keys of ours, and where it stands."""

    path: str
    by: str  # the variant of the block around it that has it: "type: http"
    of: str
    schema: Schema
    owner: str  # identity of the block around it

    @property
    def title(self) -> str:
        return f"`{self.path}`" + (f" of `{self.by}`" if self.by else "") + self.of


class _Value(NamedTuple):
    """What may stand somewhere: in words, with the blocks in it and the words to choose from."""

    text: str
    blocks: tuple[tuple[str, Schema], ...] = ()
    choices: tuple[tuple[str, str], ...] = ()


def reference() -> str:
    """The whole page; the same for the same schemas."""
    page = _Page()
    for kind in _KINDS:
        page.collect(kind)
    sections = [line for kind in _KINDS for line in page.kind(kind)]
    return "\n".join([_INTRODUCTION, *page.words(), *sections])


@dataclass
class _Page:
    """Every block once, in the order of the definitions; later places link to the first."""

    definitions: dict[str, Schema] = field(default_factory=dict)
    blocks: dict[str, _Block] = field(default_factory=dict)  # by what they are
    used: set[str] = field(default_factory=set)  # words for values

    # --- which blocks there are --------------------------------------------------------------

    def collect(self, kind: str) -> None:
        """Find the blocks of a kind level by level, so that each is told at its shortest path."""
        self.definitions |= printed(kind)["$defs"]
        root = {"$ref": f"#/$defs/{kind if kind in ('feed', 'export') else _LITERAL + kind}"}
        waiting = deque([_Block("", "", _KINDS[kind][1], root, "")])
        while waiting:
            at = waiting.popleft()
            for path, schema in self._value(at.schema, at.path).blocks:
                identity = self._identity(schema)
                if identity not in self.blocks:
                    self.blocks[identity] = at._replace(path=path, schema=schema)
                    waiting.extend(self._children(self.blocks[identity], identity))

    def _children(self, block: _Block, identity: str) -> Iterator[_Block]:
        """What stands under each key, of every variant."""
        whole = self._whole(block.schema)
        variants = list(self._variants(whole))
        for by, keys in [("", whole), *variants]:
            for key, node in keys.get("properties", {}).items():
                meanings = [json.dumps(each["properties"][key]) for _, each in variants if key in each["properties"]]
                # A key that several variants have in common belongs to none of them.
                alone = "" if len(meanings) > 1 and len(set(meanings)) == 1 else by
                path = f"{block.path}.{key}" if block.path else key
                yield _Block(path, alone, block.of, node, identity)

    def _identity(self, node: Schema) -> str:
        """One text for the same block, wherever it is met."""
        name = self._name(node)
        if name.startswith(_COMMON):
            return name
        bare = {key: value for key, value in self._whole(node).items() if key not in _TOLD}
        return json.dumps(bare, sort_keys=True).replace(_LITERAL, "")

    def _name(self, node: Schema) -> str:
        """The name of the last schema that is referred to."""
        name = ""
        while "$ref" in node:
            name = str(node["$ref"]).removeprefix("#/$defs/")
            node = self.definitions[name]
        return name.removeprefix(_LITERAL)

    def _whole(self, node: Schema) -> Schema:
        """The schema with what it refers to; what is said at its own place counts."""
        while True:
            rest = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
            if "$ref" in node:
                node = {**self.definitions[node["$ref"].removeprefix("#/$defs/")], **rest}
            elif _REFERENCE in node.get("anyOf", ()):
                node = {**node["anyOf"][0], **rest}
            else:
                return node

    def _variants(self, whole: Schema) -> Iterator[tuple[str, Schema]]:
        """The variants of a block by what chooses them: "type: sftp"."""
        for branch in whole.get("allOf", ()):
            for by, chosen in branch.get("if", {}).get("properties", {}).items():
                if "const" in chosen and "$ref" in branch.get("then", {}):
                    yield f"{by}: {chosen['const']}", self._whole(branch["then"])

    # --- what a value is ---------------------------------------------------------------------

    def _value(self, node: Schema, path: str) -> _Value:
        name, whole = self._word(node), self._whole(node)
        if name:
            return _Value(f"*{name}*")
        if self._name(node).startswith(_OVERRIDE):
            return _Value(f"map, as {self._name(node).removeprefix(_OVERRIDE)}")
        if "const" in whole:
            return _Value(_code(whole["const"]))
        if whole.get("if") == {"type": "string"}:
            return self._either([self._value(whole[branch], path) for branch in ("then", "else")])
        if "enum" in whole:
            return _Value("one of", (), tuple(zip(whole["enum"], whole.get("enumDescriptions", ()), strict=False)))
        types = whole.get("type", "object" if "properties" in whole else [])
        types = [types] if isinstance(types, str) else types
        return self._either([self._typed(each, node, whole, path) for each in types]) if types else _Value("any value")

    def _word(self, node: Schema) -> str:
        """The word for a form that many keys share, such as *duration*; "" for what is described at its place."""
        while "$ref" in node:
            address = str(node["$ref"]).removeprefix("#/$defs/")
            node, name = self.definitions[address], address.removeprefix(_LITERAL)
            if name.startswith(_COMMON) and not _holds_keys(node):
                self.used.add(name.removeprefix(_COMMON))
                return name.removeprefix(_COMMON)
        return ""

    def _typed(self, name: str, node: Schema, whole: Schema, path: str) -> _Value:
        if name == "array" and "items" in whole:
            inner = self._value(whole["items"], f"{path}[]")
            return _Value(f"list of: {inner.text}", inner.blocks, inner.choices)
        if name == "object" and ("properties" in whole or any(self._variants(whole))):
            return _Value("map", ((path, node if name == "object" else whole),))
        if name == "object" and isinstance(whole.get("additionalProperties"), dict):
            inner = self._value(whole["additionalProperties"], f"{path}.NAME")
            return _Value(f"names, each with: {inner.text}", inner.blocks, inner.choices)
        return _Value(_TYPES[name])

    def _either(self, values: Sequence[_Value]) -> _Value:
        blocks = tuple(block for value in values for block in value.blocks)
        choices = tuple(choice for value in values for choice in value.choices)
        return _Value(" or ".join(dict.fromkeys(value.text for value in values)), blocks, choices)

    # --- the page ----------------------------------------------------------------------------

    def kind(self, kind: str) -> Iterator[str]:
        root = next(
            identity for identity, block in self.blocks.items() if not block.path and block.of == _KINDS[kind][1]
        )
        yield f"## {_KINDS[kind][0]}\n"
        yield f"{printed(kind)['description']}\n"
        yield from self._block(root)

    def _block(self, identity: str) -> Iterator[str]:
        """One block with its variants, and then the blocks in it."""
        block = self.blocks[identity]
        whole = self._whole(block.schema)
        variants = list(self._variants(whole))
        yield from self._table(whole, whole.get("properties", {}), block)
        shared = _shared(variants)
        if shared:
            yield "Keys that several of these have:\n"
            rows = [self._row(key, node, None, block, names) for key, (node, names) in shared.items()]
            yield from _table(("key", "with", "value", "what it says", "example"), rows)
        for by, variant in variants:
            yield from self._variant(
                by, variant, block, [key for key, (_, names) in shared.items() if _word(by) in names]
            )
        for inner, other in self.blocks.items():
            if other.owner == identity:
                about = self._whole(other.schema).get("description")
                yield f"### {other.title}\n"
                yield from [f"{about}\n"] if about else []
                yield from self._block(inner)

    def _variant(self, by: str, variant: Schema, block: _Block, told: Sequence[str]) -> Iterator[str]:
        own = {key: node for key, node in variant["properties"].items() if "const" not in node and key not in told}
        about = [variant[key].rstrip(".") + "." for key in ("title", "description") if key in variant]
        about += [f"Needs `{key}`." for key in told if key in variant.get("required", ())]
        yield f"#### `{block.path}`, `{by}`{block.of}\n"
        yield from [f"{' '.join(about)}\n"] if about else []
        yield from self._table(variant, own, block)

    def _table(self, whole: Schema, keys: dict[str, Schema], block: _Block) -> Iterator[str]:
        rows = [self._row(key, node, whole, block) for key, node in keys.items() if isinstance(node, dict)]
        if rows:
            yield from _table(("key", "value", "what it says", "example"), rows)

    def _row(
        self, key: str, node: Schema, around: Schema | None, block: _Block, names: Sequence[str] = ()
    ) -> list[str]:
        whole = self._whole(node)
        value = self._value(node, f"{block.path}.{key}" if block.path else key)
        is_required = around is not None and key in around.get("required", ())
        cells = [f"**`{key}`**" if is_required else f"`{key}`", self._linked(value)]
        if "default" in whole:
            cells[1] += f"; {_code(whole['default'])} unless said"
        told = [whole.get("description", ""), *(f"{_code(word)}: {about}" for word, about in value.choices)]
        cells += ["<br>".join(told), _code(whole["examples"][0] if whole["examples"][0] is not None else key)]
        return [cells[0], ", ".join(names), *cells[1:]] if names else cells

    def _linked(self, value: _Value) -> str:
        text = value.text
        for _, schema in value.blocks[:1]:
            block = self.blocks[self._identity(schema)]
            text = re.sub(r"\bmap\b", f"[map](#{_anchor(block.title)})", text, count=1)
        return text

    def words(self) -> Iterator[str]:
        yield f"## {_WORDS}\n"
        rows = []
        for name in sorted(self.used):
            node = self.definitions.get(_COMMON + name) or self.definitions[_LITERAL + _COMMON + name]
            whole = self._whole(node)
            rows.append([f"*{name}*", whole["description"], _code(whole["examples"][0])])
        yield from _table(("word", "what it is", "example"), rows)


def _holds_keys(node: Schema) -> bool:
    return "properties" in node or isinstance(node.get("additionalProperties"), dict) or "items" in node or "if" in node


def _shared(variants: Sequence[tuple[str, Schema]]) -> dict[str, tuple[Schema, list[str]]]:
    """Keys that mean the same in several variants, with what chooses those."""
    found: dict[str, dict[str, list[str]]] = {}
    for by, variant in variants:
        for key, node in variant["properties"].items():
            if "const" not in node:
                text = json.dumps(node, sort_keys=True)
                found.setdefault(key, {}).setdefault(text, []).append(_word(by))
    most = {key: max(texts.items(), key=lambda item: len(item[1])) for key, texts in found.items()}
    return {key: (json.loads(text), names) for key, (text, names) in most.items() if len(names) >= _FEW}


def _word(by: str) -> str:
    return f"`{by.partition(': ')[2]}`"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


def _code(value: Any) -> str:
    """A value as it is written inside of a line of YAML."""
    written = yaml.safe_dump([value], default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True)
    text = written.strip()[1:-1]
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _anchor(title: str) -> str:
    """Where a heading is found in a rendered page."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
