"""The `feeds` command: finds the subcommand, runs it, turns errors into words and exit codes.

A module of a command is loaded only when that command runs: `feeds --help` needs none of them.
"""

import gc
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

# name -> (module, attribute, what `feeds --help` says of it); in the order of a day's work.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("engine.cli.init", "init", "Make a project that runs at once."),
    "new": ("engine.cli.new", "new", "Give a dealer a feed; or draft one from a sample file."),
    "validate": ("engine.cli.validate", "validate", "Find every problem of the definitions in one pass."),
    "explain": ("engine.cli.explain", "explain", "What a code of `validate` or of a run means."),
    "schema": ("engine.cli.schema", "schema", "JSON Schema of the definitions, for editors."),
    "list": ("engine.cli.definitions", "listing", "The feeds, with their state."),
    "show": ("engine.cli.definitions", "show", "One feed; --resolved: its definition with origins."),
    "describe": ("engine.cli.describe", "describe", "Capability sheets: what comes in, and what does not."),
    "test": ("engine.cli.test", "test", "Run the tests that definitions carry."),
    "check": ("engine.cli.check", "check", "Can a feed's files be reached? Touches nothing."),
    "preview": ("engine.cli.preview", "preview", "What a feed makes of the first rows of a file."),
    "plan": ("engine.cli.plan", "plan", "What a run would do to contacts, activities and files."),
    "diff": ("engine.cli.diff", "diff", "What has changed since the feeds last ran."),
    "run": ("engine.cli.run", "run", "Import what waits, now."),
    "scheduler": ("engine.cli.scheduler", "scheduler", "Run feeds by their schedules."),
    "worker": ("engine.cli.worker", "worker", "Run what the scheduler has queued, past one machine."),
    "serve": ("engine.cli.serve", "serve", "Take webhooks in."),
    "status": ("engine.cli.status", "status", "How every feed is, in plain words."),
    "alerts": ("engine.cli.alerts", "alerts", "Who is told when feeds are not well; test it."),
    "freshness": ("engine.cli.freshness", "freshness", "Which feeds are stale: exit code 5 where one is."),
    "runs": ("engine.cli.runs", "runs", "What runs did."),
    "quarantine": ("engine.cli.quarantine", "quarantine", "Rows that wait for a person: repair, replay, discard."),
    "replay": ("engine.cli.replay", "replay", "Import a sealed delivery again, from our own copy."),
    "contacts": ("engine.cli.contacts", "contacts", "Find a contact; show its timeline."),
    "activities": ("engine.cli.activities", "activities", "Search what happened."),
    "employees": ("engine.cli.employees", "employees", "Who works at a dealer."),
    "exports": ("engine.cli.exports", "exports", "What goes out: leads, texts, write-backs."),
    "pause": ("engine.cli.pausing", "pause", "Keep a feed from running for a while."),
    "resume": ("engine.cli.pausing", "resume", "Let a paused feed run again."),
    "retire": ("engine.cli.retire", "retire", "End a feed; --purge removes what it brought."),
    "state": ("engine.cli.state", "state", "What a feed remembers between runs."),
    "secrets": ("engine.cli.secrets", "secrets", "Which secrets have no value."),
    "doctor": ("engine.cli.doctor", "doctor", "What all of it stands on here, one line each."),
    "db": ("engine.cli.database", "database", "The database's own shape, and copies of it."),
    "demo": ("engine.cli.demo", "demo", "Import a sample dealer's files over SFTP, and look around."),
}
_EPILOG = "Settings: FEEDS_DIR, FEEDS_DATABASE_URL, FEEDS_STATE_DIR, FEEDS_SECRETS_FILE, FEEDS_SECRET_<NAME>."
_EXITS = (
    "Exit codes: 0 ok, 1 error, 2 usage, 3 partial (something was quarantined), 4 source unreachable or login "
    "refused, 5 stale, 6 locked by another run, 130 interrupted."
)


class Lazy(click.Group):
    """A group that knows its commands by name and loads the one that is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        # Loading makes objects by the thousand and next to no garbage: looking for it took a tenth of the time.
        was_on = gc.isenabled()
        gc.disable()
        try:
            command: click.Command = getattr(import_module(module), attribute)
        finally:
            if was_on:
                gc.enable()
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise click.UsageError(f"no command {args[0]!r}.{_nearest(args[0])}", context)
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])


def _nearest(word: str) -> str:
    import difflib

    close = difflib.get_close_matches(word, COMMANDS, 1)
    return f" Did you mean `feeds {close[0]}`?" if close else " `feeds --help` lists them."


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        click.echo(f"feeds {metadata.version('feeds')}")
        context.exit()


@click.command(
    cls=Lazy,
    epilog=f"{_EPILOG}\n\n{_EXITS}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
@click.option("--feeds-dir", metavar="DIR", help="Where the definitions are.  [default: ./feeds]")
@click.option("--database-url", metavar="URL", help="The store.  [default: sqlite:///var/feeds.db]")
@click.option("--state-dir", metavar="DIR", help="Spool and archive.  [default: ./var]")
@click.option("--secrets-file", metavar="FILE", help="Values for ${secret.NAME}.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="What the log tells.")
@click.option("--quiet", "-q", is_flag=True, default=None, help="No progress, no talk but errors.")
@click.option("--debug", is_flag=True, default=None, help="Show tracebacks.")
@click.pass_context
def feeds(context: click.Context, /, **given: Any) -> None:
    """Bring what happens in dealers' systems into one store of contacts, vehicles and activities."""
    context.obj.update({name: value for name, value in given.items() if value is not None})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what went wrong stands on stderr."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a test's own stream
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    settings: dict[str, Any] = {}
    try:
        code = feeds.main(args=arguments, prog_name="feeds", standalone_mode=False, obj=settings)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: what was stored stays, the next run goes on from there", err=True)
        return 130
    except BrokenPipeError:
        _quieten()
        return 1
    except Exception as error:  # noqa: BLE001  (the edge: every error becomes words and a code)
        return _failed(error, settings)


def _quieten() -> None:
    """Whoever read our output has gone: nothing may be written to it any more, not even at the end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(error: Exception, settings: dict[str, Any]) -> int:
    from engine.cli import failures

    kept = settings.get("secrets")
    text, code = failures.told(error, debug="debug" in settings, secrets=kept.known if kept is not None else ())
    click.echo(text, err=True)
    return code
