"""`feeds schema`: what editors complete and explain definitions from, and the reference page. Reads no definition."""

import json
from pathlib import Path

import click

from engine.cli.output import as_json, formats, paragraph, talk
from engine.cli.projects import unknown
from engine.cli.settings import command
from engine.language.editor import KINDS, printed
from engine.language.reference import reference
from engine.surface import OK


@command("schema", help="The JSON Schema of a kind, for editors; without one, the kinds.")
@click.argument("kind", required=False)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write KIND.json there, or all of them.")
@click.option("--reference", "page", is_flag=True, help="The page of every key (feeds/reference.md), in Markdown.")
@formats("text", "json")
def schema(kind: str | None, out: Path | None, page: bool, form: str) -> int:
    if page and (kind or out):
        raise click.UsageError("--reference prints one page for all kinds: leave the rest out")
    if kind is not None and kind not in KINDS:
        raise unknown("kind", kind, KINDS, f"say {', '.join(KINDS)}")
    if page:
        click.echo(reference(), nl=False)
    elif out is not None:
        _write([kind] if kind else KINDS, out)
    elif kind is not None:
        as_json(printed(kind))
    else:
        _list(form)
    return OK


def _list(form: str) -> None:
    kinds = [{"kind": kind, **{key: printed(kind)[key] for key in ("title", "description")}} for kind in KINDS]
    if form == "json":
        as_json(kinds)
        return
    for each in kinds:
        paragraph(f"{each['kind']}: {each['description']}")
    talk("\n`feeds schema KIND` prints one, `feeds schema --out DIR` writes all. Then a first line")
    talk("    # yaml-language-server: $schema=DIR/feed.json")
    talk("in a definition makes an editor complete and explain it.")


def _write(kinds: list[str] | tuple[str, ...], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        path = out / f"{kind}.json"
        path.write_text(json.dumps(printed(kind), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        click.echo(path)
