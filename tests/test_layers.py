"""The house keeps its order: imports point down, in the open, and never in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = (  # from the top; a room may import its own layer, as long as no circle comes of it
    {"cli", "web"},
    {"executors", "alerting"},
    {"scheduler"},
    {"runner", "replays", "trials", "planning", "previews", "checking", "importing", "connection", "world", "golden"}
    | {"visits", "asking", "sending", "retiring"},  # the two kinds of visits to a far side, and what one of them needs
    {"intake", "mapping", "store", "outbound"},
    {
        "scaffold",
        "decode",
        "transforms",
        "language",
        "due",
        "health",
        "report",
        "metrics",
        "log",
        "guards",
        "remarks",
        "habits",
        "tracing",
    },
    {"model", "errors", "effect", "deferred", "surface", "garbage"} | {"terms", "exported"},
)
# Installed only with an extra: their users import them when they are first needed.
EXTRAS = {"psycopg", "asyncssh", "opentelemetry"}


def source(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): source(path)
    for folder in ("engine", "transports")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts  # loaded by Alembic, one after the other, never imported
}


def imported(name: str, node: ast.AST) -> Iterator[str]:
    """What one statement imports, as modules of ours where it is one of ours."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, f"{name}:{node.lineno}: a relative import hides where it points"
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            yield inner if inner in MODULES else str(node.module)


IMPORTS = {name: {each for node in ast.walk(tree) for each in imported(name, node)} for name, tree in MODULES.items()}


def layer(room: str) -> int:
    found = [number for number, rooms in enumerate(LAYERS) if room in rooms]
    assert found, f"engine.{room} has no layer: give it a place in LAYERS, and say why in the commit"
    return found[0]


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_imports_point_down() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        for other in others
        if name.startswith("engine.") and other.startswith("engine.") and layer(room(name)) > layer(room(other))
    ]
    assert not wrong


def test_transports_know_nothing_of_the_engine() -> None:
    assert not [
        name
        for name in IMPORTS
        if name.startswith("transports") and any(other.split(".")[0] == "engine" for other in IMPORTS[name])
    ]


def test_no_module_and_no_room_imports_itself_in_a_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for name, others in IMPORTS.items():
        mine = rooms.setdefault(room(name), set())
        mine |= {room(other) for other in others if other.startswith("engine.")} - {room(name)}
    modules = {name: {other for other in others if other in MODULES} - {name} for name, others in IMPORTS.items()}
    for graph in (rooms, modules):
        while leaves := [name for name, others in graph.items() if not others]:
            for leaf in leaves:
                del graph[leaf]
            for others in graph.values():
                others.difference_update(leaves)
        assert not graph, "a circle runs through these"


@pytest.mark.parametrize("name", MODULES)
def test_imports_stand_at_the_top(name: str) -> None:
    tree = MODULES[name]
    assert "TYPE_CHECKING" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) and node not in tree.body]
    hidden = {each.split(".")[0] for node in inner for each in imported(name, node)}
    assert name.startswith("engine.cli") or hidden <= EXTRAS


def test_what_turns_bytes_and_values_sees_no_feed_no_database_and_no_far_side() -> None:
    for name, others in IMPORTS.items():
        if room(name) in {"decode", "transforms"} or name.startswith("engine.outbound.encode"):
            ours = {other for other in others if other.split(".")[0] in {"engine", "transports"}}
            own = name.rpartition(".")[0] if room(name) in {"decode", "transforms"} else "engine.outbound.encode"
            assert all(other in {"engine.model", "engine.errors"} or other.startswith(own) for other in ours), name
            names = {node.id for node in ast.walk(MODULES[name]) if isinstance(node, ast.Name)}
            assert not names & {"Feed", "Dealer"}, name


def test_only_the_store_speaks_to_a_database() -> None:
    drivers = {"sqlalchemy", "sqlite3", "psycopg", "alembic"}
    users = {name for name, others in IMPORTS.items() if drivers & {other.split(".")[0] for other in others}}
    assert {room(name) for name in users} <= {"store"}


def test_only_the_runner_joins_the_far_side_and_what_writes_rows() -> None:
    """Intake keeps the ledger of files; rows are written by what the runner calls, and by nothing else."""
    writers = {"engine.store.delivery", "engine.store.contacts", "engine.store.activities", "engine.store.vehicles"}
    writers |= {"engine.store.states"}
    joined = {name for name, others in IMPORTS.items() if others & writers and room(name) != "store"}
    assert joined == {"engine.importing"}
    visits = {"engine.visits.files", "engine.visits.pages", "engine.visits.hooks"}
    paths = visits | {"engine.replays", "engine.trials"}
    assert {name for name, others in IMPORTS.items() if joined & others} <= paths
