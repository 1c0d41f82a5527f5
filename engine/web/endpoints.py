"""The addresses that a project's feeds listen at, each with who listens and what a request has to prove.

Reads definitions and secrets; never a request.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import FeedError, SecretMissing
from engine.language.durations import bytes_of
from engine.language.project import Made, Project
from engine.language.secrets import Secrets
from engine.model import Value
from engine.visits.listening import hooks, proof
from transports.base import Settings
from transports.webhook import has_path_token

MOST_BYTES = 5 << 20  # of a body, where the definition says nothing

Note = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class Listener:
    """One feed at one address. `checks` is None where a secret has no value: then nobody can be verified."""

    feed: str
    method: str
    checks: Sequence[Settings] | None
    dedupe: Settings | None
    most_bytes: int
    proof: str = ""  # what is asked for, as the definition has it
    echo: str | None = None  # the part of a request that is given back, to a sender who asks whether we are we
    echo_checks: Sequence[Settings] = ()
    is_reply: bool = False  # an export that answers: `feed` is its id, and it keeps no request

    @property
    def has_path_token(self) -> bool:
        return has_path_token(self.checks or ())


@dataclass(frozen=True, slots=True)
class Endpoint:
    path: str
    listeners: tuple[Listener, ...]

    @property
    def most_bytes(self) -> int:
        return max(listener.most_bytes for listener in self.listeners)

    @property
    def is_ready(self) -> bool:
        return all(listener.checks is not None for listener in self.listeners)


def endpoints(
    project: Project,
    secrets: Secrets,
    note: Note,
    before: Mapping[str, Endpoint] | None = None,
    retired: Collection[str] = (),
) -> dict[str, Endpoint]:
    """Every address of the project's enabled feeds. A feed that cannot be served is noted, and costs no other.

    Those that were `retired` hear nothing any more, whatever their entries say.

    While the project has an error, feeds that are lost to it go on listening as they did `before`: what is
    answered with a 404 today, its sender may never send again.
    """
    found: dict[str, list[Listener]] = {}
    for name, made in project.made.items():
        if name not in project.feeds or name in retired or not _may_listen(made):
            continue
        try:
            for settings in hooks(project.feeds[name]):
                found.setdefault(str(settings["endpoint"]), []).append(_listener(name, settings, secrets, note))
        except FeedError as error:
            note("hook.unserved", {"feed": name, "reason": str(error), "level": "error"})
    for export in project.exports.answering():
        listener = replace(_listener(export.id, export.transport, secrets, note), is_reply=True)
        found.setdefault(str(export.transport["endpoint"]), []).append(listener)
    for name in sorted(project.exports.told):
        settings = project.exports[name].transport["receipts"]
        found.setdefault(str(settings["endpoint"]), []).append(_listener(name, settings, secrets, note))
    if any(finding.severity == "error" for finding in project.findings):
        for endpoint in (before or {}).values():
            known = {*project.feeds, *project.exports, *retired}
            lost = [each for each in endpoint.listeners if each.feed not in known]
            found.setdefault(endpoint.path, []).extend(lost)
    return {path: Endpoint(path, tuple(listeners)) for path, listeners in found.items() if listeners}


def _may_listen(made: Made) -> bool:
    """Whether it is worth resolving: of ten thousand feeds few listen, and each costs a moment."""
    root = made.source.root
    return (
        root.child("triggers") is not None
        or root.text("transport", "type") in (None, "webhook")
        or made.entry.child("override") is not None
    )


def _listener(feed: str, settings: Mapping[str, Value], secrets: Secrets, note: Note) -> Listener:
    checks: Sequence[Any] | None
    challenge: Mapping[str, Any] = settings.get("challenge") or {}
    try:
        checks = secrets.filled({"verify": settings["verify"]})["verify"]
        challenge = {"verify": checks, **secrets.filled(challenge)}
    except SecretMissing as error:
        note("hook.unserved", {"feed": feed, "reason": str(error), "level": "error"})
        checks = None
    most = settings.get("maxBytes")
    return Listener(
        feed,
        str(settings.get("method", "POST")),
        checks,
        settings.get("dedupe"),
        MOST_BYTES if most is None else bytes_of(str(most)),
        proof(settings),
        challenge.get("echo"),
        challenge.get("verify") or (),
    )
