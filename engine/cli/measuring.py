"""What /metrics is made of, for the commands that answer it. Loaded by these alone: it needs the extra `web`."""

import threading

from prometheus_client import start_http_server

from engine.cli.settings import now
from engine.intake.inbox import Inbox
from engine.metrics import Figures, Metrics
from engine.scheduler.figures import figures
from engine.scheduler.following import Following
from engine.store.opening import Store


def metrics(following: Following, engine: Store, received: Inbox, labels: str = "names") -> Metrics:
    """Figures of the definitions as they are at each scrape. Planning ten thousand feeds takes seconds, once."""

    turn = threading.Lock()

    def found() -> Figures:
        with turn:
            following.look()
        return _figures(following, engine, received)

    return Metrics(found, labels)


def served(following: Following, engine: Store, received: Inbox, port: int, labels: str = "names") -> None:
    """Answer on a port of this machine, from a thread, for a process that looks at the definitions itself."""
    made = Metrics(lambda: _figures(following, engine, received), labels)
    start_http_server(port, addr="127.0.0.1", registry=made.registry)


def _figures(following: Following, engine: Store, received: Inbox) -> Figures:
    project = following.project
    broken = sorted(project.made.keys() - following.plans.keys()) if project is not None else ()
    return figures(following.plans, broken, engine, received, now())
