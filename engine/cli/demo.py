"""`feeds demo`: the main work, on this machine: an SFTP server with sample files, two feeds, SQLite, a timeline."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import click
import yaml

from engine import report as reporting
from engine.cli import opening, projects, samples
from engine.cli.contacts import timeline
from engine.cli.output import talk
from engine.cli.run import told
from engine.cli.settings import Settings, command
from engine.deferred import SecretRef
from engine.language.secrets import PREFIX, Secrets
from engine.model import Feed
from engine.runner import run_feeds
from engine.store import people
from engine.surface import printable

_DEALER = "acme-rv"


class Server(Protocol):
    """The server of the demo, once it runs."""

    host: str
    port: int
    user: str
    password: str

    @property
    def fingerprint(self) -> str: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


@command("demo", help="Import a sample dealer's files over SFTP into SQLite, and look around. Safe to run twice.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default="var/demo", show_default=True,
    help="Where the demo's files and database go.",
)  # fmt: skip
def demo(folder: Path) -> int:
    far = folder / "server"
    put = _put(far)
    with _serving(far) as server:
        talk("\n  ".join([f"an SFTP server on {server.host}:{server.port} has", *put]))
        _define(folder / "feeds", server)
        settings = Settings(
            feeds_dir=folder / "feeds",
            database_url=f"sqlite:///{folder / 'feeds.db'}",
            state_dir=folder / "state",
            secrets_file=None,
            log_level="warning",
            quiet=True,
        )
        code = _run(settings, server)
    left = [path.name for path in far.rglob("*") if path.is_file()]
    click.echo(f"left on the server: {', '.join(left) or 'nothing (each file was removed once its rows were stored)'}")
    _look_around(settings)
    _next(folder)
    return code


def _serving(far: Path) -> Server:
    try:
        from engine.cli.demo_server import SftpServer
    except ImportError:
        raise click.ClickException("the demo needs an SFTP server: pip install 'feeds[demo]'") from None
    return SftpServer(far)


def _put(far: Path) -> list[str]:
    """Send the sample files again: the sender of a feed does so, too."""
    shutil.rmtree(far, ignore_errors=True)
    source = samples.FOLDER / "server"
    return [path.name for path in samples.copied(source, far)]


def _define(folder: Path, server: Server) -> None:
    """The sample dealer as it ships, its feeds turned to the demo's server."""
    shipped = yaml.safe_load((projects.PACKAGED / "dealers" / f"{_DEALER}.yaml").read_text(encoding="utf-8"))
    for entry in shipped["feeds"]:
        entry["params"] = {**entry.get("params", {}), "host": server.host, "port": server.port}
        entry["override"] = {"transport": {"settle": "0s"}}
    (folder / "dealers").mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(shipped, sort_keys=False, allow_unicode=True)
    (folder / "dealers" / f"{_DEALER}.yaml").write_text(text, encoding="utf-8")


def _run(settings: Settings, server: Server) -> int:
    feeds = list(projects.project(settings).feeds.values())
    world = opening.world(settings, Secrets(_secrets(feeds, server)))
    report = run_feeds(feeds, world, everyone=feeds)
    told(report, "text")
    return reporting.exit_code(report)


def _secrets(feeds: Sequence[Feed], server: Server) -> dict[str, str]:
    """The demo server's own login, under the names that the definitions use."""
    found = {}
    for feed in feeds:
        to = feed.transport
        for ref, value in (
            (to["username"], server.user),
            (to["auth"]["password"], server.password),
            (to["hostKey"], server.fingerprint),
        ):
            if isinstance(ref, SecretRef):
                found[f"{PREFIX}{ref.name}"] = value
    return found


def _look_around(settings: Settings) -> None:
    """The timeline of the first customer that was imported."""
    types = projects.project(settings).activity_types
    engine = opening.store(settings)
    first = next(people.contacts_found(engine, "vale", limit=1), None)
    found = people.contact(engine, first["id"], types) if first is not None else None
    if found is None:
        return
    click.echo(f"\n{found['firstName']} {found['lastName']}, contact {found['id']} of {found['dealer']}")
    for line in timeline(found["timeline"], types):
        click.echo(f"  {printable(line)}")


def _next(folder: Path) -> None:
    where = shlex.quote(str(folder))
    talk(
        f"""
try next, from this folder:
  {_on_the_path()}export FEEDS_DIR={where}/feeds FEEDS_STATE_DIR={where}/state
  export FEEDS_DATABASE_URL=sqlite:///{where}/feeds.db
  feeds status
  feeds contacts find 555-555-0102
  feeds activities search --where 'fields.monthlyPayment > 400'
  feeds show {_DEALER}/ids-sales --resolved
  feeds runs show 1
  feeds demo

The last one sends the same files again: their rows are counted as unchanged,
and nothing is doubled."""
    )


def _on_the_path() -> str:
    """What a shell needs before it finds `feeds`: nothing, or the environment that this one runs in."""
    activate = Path(sys.argv[0]).parent / "activate"
    if shutil.which("feeds") or not activate.is_file():
        return ""
    return f". {shlex.quote(str(activate))}\n  "
