"""`feeds new`: a dealer's entry for a definition, or a definition drafted from a sample file. Overwrites nothing."""

import os
import re
import textwrap
from pathlib import Path
from typing import Any

import click

from engine.cli import opening, projects
from engine.cli.output import as_json, formats, talk, width
from engine.cli.settings import Settings, command, pairs, settings
from engine.errors import SecretMissing
from engine.language.secrets import PREFIX
from engine.scaffold import new as scaffold
from engine.scaffold.dealer import Outstanding, Wanted
from engine.scaffold.headings import slug
from engine.scaffold.new import Made, Places
from engine.surface import OK, printable

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_DEFINITION = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)+")


@command("new", help="Give a dealer a feed: of a definition (--uses), or of one drafted from a sample file (--from).")
@click.argument("target", metavar="DEALER/NAME")
@click.option("--uses", metavar="VENDOR/PRODUCT", help="A definition that there is.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", callback=pairs, help="A value of a parameter.")
@click.option(
    "--from", "file", metavar="FILE", type=click.Path(path_type=Path),
    help="A sample: csv, xlsx, json, jsonl, xml, columns of text; plain, .gz or .zip.",
)  # fmt: skip
@click.option("--vendor", metavar="VENDOR/PRODUCT", help="What to call the definition drafted from the sample.")
@click.option("--activity", metavar="TYPE", help="The activity type of its records; made where there is none.")
@formats("text", "json")
def new(
    target: str,
    uses: str | None,
    params: dict[str, str],
    file: Path | None,
    vendor: str | None,
    activity: str | None,
    form: str,
) -> int:
    if (uses is None) == (file is None):
        raise click.UsageError("say one of the two: --uses VENDOR/PRODUCT, or --from FILE")
    if uses is not None and (vendor or activity):
        raise click.UsageError("--vendor and --activity go with --from: a definition names its own")
    if file is not None and params:
        raise click.UsageError("--param goes with --uses: a draft has no parameters")
    where = settings()
    found = projects.everything(where)
    is_packaged = where.feeds_dir.resolve() == projects.PACKAGED.resolve()
    places = Places(where.feeds_dir, None if is_packaged else projects.PACKAGED, Path.cwd())
    dealer, name = _target(target)
    if uses is not None:
        made = scaffold.from_definition(found, places, Wanted(dealer, name, uses, params))
    else:
        wanted = Wanted(dealer, name, _definition(vendor, dealer, name), {})
        made = scaffold.from_sample(found, places, wanted, file or Path(), activity)
    _tell(made, _outstanding(made, where), form)
    return OK


def _target(target: str) -> tuple[str, str]:
    dealer, sign, name = target.partition("/")
    if sign and _SLUG.fullmatch(dealer) and _SLUG.fullmatch(name):
        return dealer, name
    help = f"; did you mean {slug(dealer)}/{slug(name)}?" if slug(dealer) and slug(name) else ""
    raise click.UsageError(f"expected DEALER/NAME in small letters, digits and dashes, found {target!r}{help}")


def _definition(vendor: str | None, dealer: str, name: str) -> str:
    """The definition's path: as asked for, else so that the feed's name follows from it."""
    if vendor is None:
        first, dash, rest = name.partition("-")
        return f"{first}/{rest}" if dash else f"{dealer}/{name}"
    if not _DEFINITION.fullmatch(vendor):
        raise click.UsageError(f"expected --vendor VENDOR/PRODUCT in small letters, digits, dashes, found {vendor!r}")
    return vendor


def _outstanding(made: Made, where: Settings) -> list[Outstanding]:
    """What is left to do, without the secrets that have a value already."""
    kept = opening.secrets(where)
    left = []
    for each in made.outstanding:
        if each.kind == "secret":
            try:
                kept.value(each.name)
                continue
            except SecretMissing:
                each = each._replace(about=f"no value: set {PREFIX}{each.name}")
        left.append(each)
    return left


def _tell(made: Made, outstanding: list[Outstanding], form: str) -> None:
    steps = _next(made)
    if form == "json":
        as_json(_plain(made, outstanding, steps))
        return
    for change in made.files:
        where = f":{change.line}" if change.before is not None else ""
        click.echo(f"{_relative(change.path)}{where}")
    if made.draft is not None:
        talk(f"\n{_summary(made)}")
    if outstanding:
        talk("\nto be filled in or looked at:")
        longest = max(len(each.name) for each in outstanding)
        for each in outstanding:
            head = f"  {each.kind:<8} {printable(each.name):<{longest}}  "
            inset = " " * min(len(head), width() // 2)
            talk(textwrap.fill(f"{head}{printable(each.about)}", width(), subsequent_indent=inset))
    talk("\nnext:\n  " + "\n  ".join(steps))


def _summary(made: Made) -> str:
    """What was taken from the sample, in a sentence or two."""
    draft = made.draft
    if draft is None:
        return ""
    sample = draft.sample
    read = "all" if sample.is_whole else "the first"
    named = "a hash of several fields" if draft.key.is_hash else " and ".join(draft.key.names)
    return (
        f"{sample.decode['format']}, {read} {sample.rows:,} records: {len(draft.fields)} fields, "
        f"an activity `{draft.activity}` known by {named}.\nLook at every line that is marked `guessed`."
    )


def _next(made: Made) -> list[str]:
    steps = ["feeds validate"]
    if made.draft is not None:
        return [*steps, f"feeds preview {made.feed}", f"feeds run {made.feed}"]
    return [*steps, "feeds secrets check", f"feeds check {made.feed}"]


def _plain(made: Made, outstanding: list[Outstanding], steps: list[str]) -> dict[str, Any]:
    return {
        "feed": made.feed,
        "files": [
            {"path": _relative(each.path), "change": "made" if each.before is None else "entry", "line": each.line}
            for each in made.files
        ],
        "outstanding": [each._asdict() for each in outstanding],
        "next": steps,
    }


def _relative(path: Path) -> str:
    return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path)
