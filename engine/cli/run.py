"""`feeds run`: import what waits, now; one table with the accounting identity, one exit code."""

from collections.abc import Sequence
from dataclasses import replace

import click

from engine import planning
from engine import report as reporting
from engine.cli import opening, projects
from engine.cli.output import as_json, formats, paragraph, table, talk, width
from engine.cli.plan import FOLDER
from engine.cli.progress import showing
from engine.cli.settings import Settings, command, settings
from engine.language.findings import Finding
from engine.language.project import Project
from engine.model import Feed, FeedReport, Issue, RunReport
from engine.runner import run_feeds
from engine.surface import ERROR, printable
from engine.visits import abandoned


@command("run", help="Import what waits: the feeds named, or --all; narrowed by --dealer and --tag.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="Every feed.")
@click.option("--dealer", help="The feeds of this dealer.")
@click.option("--tag", help="The feeds with this tag.")
@click.option("--dry-run", is_flag=True, help="Read and map, but store, claim and remove nothing.")
@click.option("--plan", metavar="PLAN", help="Exactly what `feeds plan` has saved: its id, or its file.")
@formats("text", "json")
def run(
    ids: tuple[str, ...], every: bool, dealer: str | None, tag: str | None, dry_run: bool, plan: str | None, form: str
) -> int:
    where = settings()
    found = projects.project(where)
    if plan is not None:
        if ids or every or dealer or tag or dry_run:
            raise click.UsageError("a plan says itself what is run: neither feeds nor --dry-run beside it")
        return _planned(plan, found, where, form)
    wanted = _wanted(found, ids, every, dealer, tag)
    feeds = [found.feeds[name] for name in wanted if name in found.feeds]
    with showing(quiet=where.quiet) as progress:
        world = replace(opening.world(where), progress=progress)
        report = run_feeds(feeds, world, everyone=tuple(found.feeds.values()), dry_run=dry_run)
        if every and not dry_run:
            abandoned.end(world, found)
    report.feeds += [_broken(name, found) for name in wanted if name not in found.feeds]
    told(report, form)
    unread = [each for each in found.findings if _costs_a_dealer(each, found)] if not ids else []
    for each in unread:
        talk(f"error: {each.file}:{each.line}: {each.message}; the feeds of this file were not run")
    codes = [reporting.exit_code(report), *(ERROR for _ in unread)]
    return reporting.worst(codes)


def _planned(name: str, found: Project, where: Settings, form: str) -> int:
    """Carry out a saved plan."""
    plan = planning.load(name, where.state_dir / FOLDER)
    feed = projects.one_feed(found, plan.feed)
    with showing(quiet=where.quiet) as progress:
        world = replace(opening.world(where), progress=progress)
        report = planning.run_plan(plan, feed, world, tuple(found.feeds.values()))
    told(report, form)
    return reporting.exit_code(report)


def _wanted(found: Project, ids: Sequence[str], every: bool, dealer: str | None, tag: str | None) -> list[str]:
    """The names, in the order of the definitions; broken feeds among them."""
    if not (ids or every or dealer or tag):
        raise click.UsageError("say which feeds: their ids, --dealer, --tag, or --all")
    if ids and every:
        raise click.UsageError("either ids or --all")
    for name in ids:
        if name not in found.made:
            raise projects.unknown("feed", name, found.made, "`feeds list` shows all")
    if dealer is not None and dealer not in found.dealers:
        raise projects.unknown("dealer", dealer, found.dealers, "`feeds list` shows all")
    names = list(dict.fromkeys(ids)) or list(found.made)
    names = [name for name in names if dealer is None or found.made[name].dealer.name == dealer]
    if tag is not None:
        names = [name for name in names if _has_tag(found.feeds.get(name), tag)]
        if not names:
            raise click.UsageError(f"no feed has the tag {tag!r}")
    return names


def _has_tag(feed: Feed | None, tag: str) -> bool:
    return feed is not None and tag in feed.tags


def _broken(name: str, found: Project) -> FeedReport:
    """A feed that cannot run for its definition is a failed one, not one that was left out."""
    text = "its definition has errors: `feeds validate` shows them"
    return FeedReport(name, "failed", issues=[Issue("definition.invalid", text, "error", feed=name)])


def _costs_a_dealer(finding: Finding, found: Project) -> bool:
    """A mistake that hides feeds: their dealer's file cannot be read as a whole."""
    files = {made.entry.place.document.path for made in found.made.values()}
    return finding.severity == "error" and "/dealers/" in finding.file.replace("\\", "/") and finding.file not in files


def told(report: RunReport, form: str) -> None:
    """Print a report: JSON, or the table, the identity, what was noted, what needs a person."""
    if form == "json":
        as_json(reporting.plain(report))
        return
    if not report.feeds:
        talk("no feeds to run")
        return
    headings = reporting.headings([feed.feed for feed in report.feeds], width())
    table(headings, reporting.rows(report, len(headings)), right=headings[2:8])
    click.echo(reporting.identity(reporting.total(report)))
    for line in reporting.sent_lines(report.exports):
        paragraph(printable(line))
    for line in reporting.issue_lines(report):
        paragraph(printable(line))
    paragraph(reporting.attention(report))
