"""What `feeds explain` says of a code: one page for each, read from `pages/`. Finds no problem itself.

A page is a section of a Markdown file: its heading is the code, for some their severity, and the
title; then come the cause, a wrong example, what to do, a right one, and related codes. Examples
hold a part of a definition or whole files, each under a line `# feeds/...yaml`.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# The files of pages, in the order of a day's work: what is written, then what runs say.
GROUPS = (
    "text",
    "structure",
    "names",
    "meaning",
    "values",
    "records",
    "contents",
    "deliveries",
    "runs",
    "apis",
    "hooks",
    "sending",
    "plans",
    "samples",
)

_ELEMENT = "element."  # that of engine.transforms.codes, whose room takes its time to load
_FOLDER = Path(__file__).with_name("pages")
_HEADING = re.compile(r"^## (?P<code>\S+?)(?: \((?P<severity>error|warning|info)\))?: (?P<title>.+)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```\w+ (?P<kind>wrong|right)\n(?P<text>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
_RELATED = re.compile(r"^Related: (?P<codes>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """Everything there is to say of one code; texts without Markdown's line ends."""

    code: str
    title: str
    severity: str  # error, warning, info
    group: str
    cause: str
    example: str
    fix: str
    fixed: str  # the example put right; "" where nothing is to be written
    related: tuple[str, ...]


def page(code: str) -> Page | None:
    """The page of a code, however its letters are written; of an element's fault that of the fault."""
    wanted = code.removeprefix(_ELEMENT).lower()
    return next((each for group in GROUPS for each in _section(group) if each.code.lower() == wanted), None)


def pages() -> list[Page]:
    """Every page, in the order of the groups."""
    return [each for group in GROUPS for each in _section(group)]


def plain(page: Page) -> dict[str, Any]:
    """A page for programs."""
    names = ("code", "title", "severity", "group", "cause", "example", "fix", "fixed")
    return {**{name: getattr(page, name) for name in names}, "related": list(page.related)}


@cache
def _section(group: str) -> tuple[Page, ...]:
    text = (_FOLDER / f"{group}.md").read_text(encoding="utf-8")
    about = text.partition("\n")[0].removeprefix("# ")
    headings = [*_HEADING.finditer(text)]
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    return tuple(_page(heading, about, text[heading.end() : end]) for heading, end in zip(headings, ends, strict=True))


def _page(heading: re.Match[str], group: str, body: str) -> Page:
    examples = {match["kind"]: match["text"].rstrip("\n") for match in _EXAMPLE.finditer(body)}
    said = _RELATED.search(body)
    words = _EXAMPLE.split(_RELATED.sub("", body))
    # Of a split with two groups, every third part is what stands between the examples.
    cause, *after = (" ".join(part.split()) for part in words[::3])
    usual = "warning" if heading["code"].startswith("W") else "error"
    return Page(
        heading["code"],
        heading["title"],
        heading["severity"] or usual,
        group,
        cause,
        examples.get("wrong", ""),
        " ".join(part for part in after if part),
        examples.get("right", ""),
        tuple(code.strip() for code in said["codes"].split(",")) if said else (),
    )
