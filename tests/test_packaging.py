"""What a user installs: the wheel carries the engine, the schemas and the definitions, and runs from anywhere."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ("engine", "transports", "schemas", "feeds")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves folders behind in the tree it builds from."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tree)
    for name in SHIPPED:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    # Without isolation nothing is fetched: the setuptools that is here builds it.
    options = ["-q", "--no-deps", "--no-build-isolation", "-w", tree / "out"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, tree], check=True, capture_output=True, text=True)
    (built,) = (tree / "out").glob("feeds-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def test_the_wheel_holds_every_file_of_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    here = {
        path.relative_to(ROOT).as_posix()
        for name in SHIPPED
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert here - inside == set()
    assert not [name for name in inside if name.startswith("tests/")]


# Loaded by `feeds demo`, `feeds serve`, `feeds worker`, and where metrics are asked for; these say what to install.
ALONE = {"demo_server.py", "measuring.py", "metrics.py", "queue.py"}
EXTRAS = ("prometheus_client", "procrastinate", "psycopg", "starlette", "uvicorn", "asyncssh", "opentelemetry")


def run(site: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    code = "import sys; from engine.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)


def test_the_installed_definitions_and_schemas_are_the_ones_that_are_used(installed: Path, tmp_path: Path) -> None:
    """A project of one dealer's file finds the vendor's definition, its activity types and the schemas."""
    dealers = tmp_path / "feeds" / "dealers"
    dealers.mkdir(parents=True)
    shutil.copy(ROOT / "feeds" / "dealers" / "acme-rv.yaml", dealers)
    done = run(installed, tmp_path, "validate")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_command_says_what_it_is(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "--version")
    assert done.returncode == 0
    assert "0.1.0" in done.stdout


def test_the_plain_installation_has_all_that_is_imported_at_once() -> None:
    """An extra's package may be missing: it is imported inside a function, or in the one module that is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = (re.split(r"[<>=\[;]", each)[0] for each in project["dependencies"])
    installed = {name.lower().replace("-", "_") for name in names}
    whose = packages_distributions()
    lacking = {
        f"{path.relative_to(ROOT)}: {top}"
        for folder in ("engine", "transports")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in ALONE and path.parent.name != "web"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        for top in _tops(node)
        if not {each.lower().replace("-", "_") for each in whose.get(top, ())} & installed
        and top not in {*sys.stdlib_module_names, "engine", "transports"}
    }
    assert not lacking


@pytest.mark.parametrize(
    "command",
    [
        ["validate"],
        ["run", "--all"],
        ["run", "--all", "--dry-run"],
        ["status"],
        ["freshness"],
        ["scheduler", "next"],
        ["scheduler", "status"],
        ["exports", "list"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_the_plain_installation_does_without_every_extra(installed: Path, tmp_path: Path, command: list[str]) -> None:
    lacking = f"""
import sys
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Lacking())
from engine.cli import main
main(["init", "."])
sys.exit(main({command}))
"""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", lacking], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr and "No module named" not in done.stderr + done.stdout, done.stderr
    assert done.returncode in (0, 1, 3), done.stderr


def _tops(node: ast.stmt) -> list[str]:
    """The first names of the modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [str(node.module).split(".")[0]]
    return [alias.name.split(".")[0] for alias in node.names] if isinstance(node, ast.Import) else []
