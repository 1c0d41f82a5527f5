"""What is installed: units, an image and a composition whose commands, settings and paths are real."""

import configparser
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from engine.cli import feeds
from engine.cli.settings import _VARIABLES
from engine.language.secrets import PREFIX

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "engine" / "deployment"
UNITS = sorted(FOLDER.glob("*.service"))
SETTINGS = {*_VARIABLES.values()}
# Of other programs: libpq and the image of PostgreSQL.
THEIRS = {"PGPASSWORD", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PATH"}
HARDENED = {
    **{"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes"},
    **{"CapabilityBoundingSet": "", "User": "feeds", "UMask": "0077", "RestrictNamespaces": "yes"},
}


class Unit(configparser.RawConfigParser):
    """Names of a unit may stand several times; the last is kept, all are in `every`."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None, comment_prefixes=("#",), delimiters=("=",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(path.read_text(encoding="utf-8"))
        self.text = path.read_text(encoding="utf-8")

    def every(self, name: str) -> list[str]:
        return re.findall(rf"^{name}=(.*)$", self.text, re.M)


def composition() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return found


def parsed(words: list[str]) -> None:
    """The command exists and takes these."""
    command: click.Command = feeds
    context = feeds.make_context("feeds", words, obj={})
    while isinstance(command, click.Group):
        name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        command, context = inner, inner.make_context(name, rest, parent=context)


def commands() -> Iterator[Any]:
    for path in UNITS:
        program, *words = shlex.split(Unit(path)["Service"]["ExecStart"])
        assert program == "/opt/feeds/bin/feeds"
        yield pytest.param(words, id=path.name)
    for name, service in composition()["services"].items():
        if service.get("image") == "feeds":
            yield pytest.param(service["command"], id=f"compose {name}")
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    yield pytest.param(re.search(r"^CMD \[(.*)\]", text, re.M)[1].replace('"', "").split(", "), id="Containerfile")


@pytest.mark.parametrize("words", list(commands()))
def test_every_command_exists(words: list[str]) -> None:
    parsed(words)


def test_every_setting_exists() -> None:
    units = {each.partition("=")[0] for path in UNITS for each in Unit(path).every("Environment")}
    composed = {name for each in composition()["services"].values() for name in each.get("environment", {})}
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    image = set(re.findall(r"(?:ENV |^    )([A-Z_]+)=", text, re.M))
    assert {"FEEDS_DIR", "FEEDS_STATE_DIR", "FEEDS_DATABASE_URL"} <= units & composed & image
    assert (units | composed | image) - SETTINGS <= THEIRS
    # What stands in comments as well, for those who copy it.
    everywhere = {name for path in FOLDER.iterdir() for name in re.findall(r"FEEDS_[A-Z_]+", path.read_text("utf-8"))}
    assert {name for name in everywhere if not name.startswith(PREFIX)} <= SETTINGS


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_may_touch_its_own_folder_alone_and_is_given_time_to_end(path: Path) -> None:
    service = Unit(path)["Service"]
    assert {name: service[name] for name in HARDENED} == HARDENED
    settings = dict(each.partition("=")[::2] for each in Unit(path).every("Environment"))
    assert settings["FEEDS_STATE_DIR"] == service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert service["Restart"] == "always"
    assert "TimeoutStopSec" in service


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_what_systemd_takes_it_for(path: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        # Without systemd its own parser is not there either; sections and names are looked at instead.
        assert {"Unit", "Service", "Install"} == set(Unit(path).sections())
        return
    copy = tmp_path / path.name
    text = path.read_text(encoding="utf-8").replace("/opt/feeds/bin/feeds", "/bin/true")
    copy.write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.M), encoding="utf-8")
    environment = {"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(
        [program, "verify", "--man=no", str(copy)], env=environment, capture_output=True, text=True, check=False
    )
    assert [line for line in (done.stdout + done.stderr).splitlines() if path.name in line] == []


def test_the_composition_has_what_many_machines_need() -> None:
    found = composition()
    services = found["services"]
    assert set(services) == {"database", "upgrade", "scheduler", "worker", "serve"}
    assert services["worker"]["deploy"]["replicas"] == 2
    assert services["scheduler"]["command"][:4] == ["scheduler", "run", "--executor", "queue"]
    assert (ROOT / "engine" / "deployment" / services["serve"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / services["serve"]["build"]["dockerfile"]).is_file()
    for name in ("scheduler", "worker", "serve"):
        assert services[name]["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in found["volumes"] or source.startswith(("./", "${DEFINITIONS"))
        assert set(service.get("secrets", ())) <= set(found["secrets"])
    assert all(str(port).startswith("127.0.0.1:") for port in services["serve"]["ports"])


def test_the_image_installs_extras_that_exist() -> None:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    extras = re.search(r"/source\[(.*?)\]", text)[1].split(",")
    known = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert set(extras) <= set(known)
    assert {"postgres", "scale", "web"} <= set(extras)
    assert re.search(r"^USER (?!root)", text, re.M)
