"""`feeds explain CODE`: the page of a code, of a definition's problem or of what a run says. Reads no definition."""

import textwrap
from itertools import groupby

import click

from engine.cli.output import as_json, formats, paragraph, width
from engine.cli.projects import unknown
from engine.cli.settings import command
from engine.language import manual
from engine.language.manual import Page
from engine.surface import OK, printable


@command("explain", help="What a code means: cause, example, what to do. Without one, all codes.")
@click.argument("code", required=False)
@formats("text", "json")
def explain(code: str | None, form: str) -> int:
    if code is None:
        every = manual.pages()
        as_json([manual.plain(page) for page in every]) if form == "json" else _listed(every)
        return OK
    page = manual.page(code)
    if page is None:
        names = {each.code: each for each in manual.pages()}
        raise unknown("code", code.upper() if "." not in code else code, names, "`feeds explain` lists all")
    as_json(manual.plain(page)) if form == "json" else _told(page)
    return OK


def _listed(pages: list[Page]) -> None:
    """All codes in their groups; the severity only where it is not what most of the list have."""
    longest = max(len(page.code) for page in pages)
    for number, (group, members) in enumerate(groupby(pages, lambda page: page.group)):
        click.echo(("\n" if number else "") + group)
        for page in members:
            note = "" if page.severity == "error" else f" ({page.severity})"
            indent = " " * (longest + 4)
            text = textwrap.fill(page.title + note, width() - len(indent), subsequent_indent=indent)
            click.echo(f"  {page.code:<{longest}}  {text}")


def _told(page: Page) -> None:
    paragraph(f"{page.code} ({page.severity}): {page.title}")
    click.echo()
    _filled(page.cause)
    _shown("Wrong", page.example)
    click.echo("What to do")
    _filled(page.fix)
    _shown("Right", page.fixed)
    if page.related:
        paragraph(f"See also: {', '.join(page.related)}")


def _filled(text: str) -> None:
    click.echo(textwrap.fill(text, width(), break_long_words=False, break_on_hyphens=False) + "\n")


def _shown(heading: str, example: str) -> None:
    if example:
        lines = [printable(line) for line in example.split("\n")]
        click.echo("\n".join([heading, *(f"    {line}".rstrip() for line in lines), ""]))
