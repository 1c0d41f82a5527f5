"""A dealer's files, on a folder or a server, and an operator at the shell who imports them.

    site = Site(tmp_path)
    site.feed("sales", transport={...})
    site.put("a.csv", sale("1"))
    seen = site.run()            # `feeds run --all`, then what `feeds runs show` keeps of it

Whatever a command prints, no customer's data and no secret may be in it: each is looked through.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cli.shell import Done, Shell
from tests.conftest import Canary
from tests.servers import ftp, sftp

# Invented. In every good row, and never in what is printed.
PERSON = {"First": "Zebulon", "Last": "Quickfoot", "Email": "zeb.quickfoot@example.com", "Phone": "(202) 555-0147"}
PRIVATE = ("zebulon", "quickfoot", "555-0147", "5550147", Canary.value.lower(), "canary-9")
HEADER = ("No", *PERSON, "Sold", "Amount")

_FIELDS: dict[str, Any] = {
    "number": {"column": "No", "required": True},
    "firstName": {"column": "First"},
    "lastName": {"column": "Last"},
    "email": {"column": "Email", "type": "email", "onError": "blank"},
    "phone": {"column": "Phone", "type": "phone", "onError": "blank"},
    "sold": {"column": "Sold", "type": "date", "formats": ["%Y-%m-%d"], "required": True},
    "amount": {"column": "Amount", "type": "money"},
}


def sale(number: str, **changes: str) -> str:
    """A row that imports, unless `changes` keep it from that."""
    row = {"No": number, **PERSON, "Sold": "2024-05-01", "Amount": "1284.55", **changes}
    return ",".join(row.values())


def table(*rows: str, header: tuple[str, ...] = HEADER) -> bytes:
    return "\n".join([",".join(header), *rows, ""]).encode()


def feed_of(transport: Mapping[str, Any], decode: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    """A definition: settled at once and left on the server, where `transport` does not say otherwise."""
    common: dict[str, Any] = {"filename": "*.csv", "settle": "0s"}
    return {
        "version": 1,
        "kind": "feed",
        "title": "Sales",
        "transport": {**common, **transport},
        "decode": {"format": "csv", **decode},
        "fields": _FIELDS,
        "contact": {},
        "activities": [{"type": "sale", "key": [["number"]], "occurred": "sold", "state": "recorded"}],
        **parts,
    }


@dataclass(frozen=True)
class Seen:
    """What an operator saw of one run: its exit code, its text, and what is kept of it."""

    code: int
    text: str
    report: Mapping[str, Any]

    @property
    def told(self) -> str:
        """The text without the line breaks that the width of the terminal made."""
        return " ".join(self.text.split())

    @property
    def outcome(self) -> str:
        return str(self.report["outcome"])

    @property
    def outcomes(self) -> dict[str, str]:
        return {feed["feed"].rpartition("/")[2]: feed["outcome"] for feed in self.report["feeds"]}

    @property
    def states(self) -> dict[str, str]:
        """Of the files this run took up, as the run left them."""
        return {each["name"]: each["state"] for feed in self.report["feeds"] for each in feed["deliveries"]}

    @property
    def codes(self) -> list[str]:
        return sorted(issue["code"] for feed in self.report["feeds"] for issue in feed["issues"])

    @property
    def counts(self) -> dict[str, int]:
        """What is not zero of the identity, over all feeds."""
        words = ("read", "inserted", "updated", "unchanged", "filtered", "quarantined")
        sums = {word: sum(feed[word] for feed in self.report["feeds"]) for word in words}
        return {word: count for word, count in sums.items() if count}

    def message(self, code: str) -> str:
        """What was said once with this code, to programs and to the operator alike."""
        (found,) = {each["message"] for feed in self.report["feeds"] for each in feed["issues"] if each["code"] == code}
        return str(found)


@dataclass
class Site:
    home: Path
    shell: Shell = field(init=False)
    far: Path = field(init=False)  # where the sender puts its files

    def __post_init__(self) -> None:
        self.shell = Shell(self.home / "ours", f"sqlite:///{self.home / 'ours' / 'feeds.db'}", {})
        (self.home / "ours/feeds/vendors/shop/sales.yaml").unlink()
        (self.home / "ours/feeds/dealers/acme.yaml").unlink()
        self.shell.environment["FEEDS_LOG_LEVEL"] = "debug"
        self.far = self.home / "far"
        self.far.mkdir(parents=True)

    # --- set up -----------------------------------------------------------------------------

    def feed(self, name: str = "sales", *, enabled: bool = True, decode: Any = None, **definition: Any) -> str:
        """Write a feed and give it to the dealer; its id. By default it reads the sender's folder."""
        transport = {"type": "file", "directory": str(self.far), **definition.pop("transport", {})}
        self.define(name, feed_of(transport, decode or {}, **definition))
        path = self.home / "ours/feeds/dealers/acme.yaml"
        dealer: dict[str, Any] = {"version": 1, "kind": "dealer", "name": "acme", "title": "A", "timezone": "UTC"}
        dealer |= {"region": "US", "feeds": []} | (yaml.safe_load(path.read_text()) if path.exists() else {})
        dealer["feeds"] = [each for each in dealer["feeds"] if each["name"] != name]
        dealer["feeds"].append({"uses": f"shop/{name}", "name": name, "enabled": enabled})
        self.shell.write("feeds/dealers/acme.yaml", yaml.safe_dump(dealer))
        return f"acme/{name}"

    def define(self, name: str, definition: Mapping[str, Any]) -> None:
        self.shell.write(f"feeds/vendors/shop/{name}.yaml", yaml.safe_dump(dict(definition), sort_keys=False))

    def secret(self, name: str, value: str) -> None:
        self.shell.environment[f"FEEDS_SECRET_{name}"] = value

    def sftp(self, server: sftp.SftpServer, **more: Any) -> dict[str, Any]:
        """A `transport:` block that reaches the server; its password is the secret PASSWORD."""
        auth = {"type": "password", "password": "${secret.PASSWORD}"}
        place = {"type": "sftp", "host": server.host, "port": server.port, "username": sftp.USERNAME, "auth": auth}
        return {**place, "hostKey": server.fingerprint, "directory": ".", **more}

    def ftp(self, server: ftp.FtpServer, **more: Any) -> dict[str, Any]:
        written = {key: value for key, value in server.settings().items() if key not in ("timeout", "directory")}
        return {**written, "auth": {"type": "password", "password": "${secret.PASSWORD}"}, "directory": ".", **more}

    # --- the sender -------------------------------------------------------------------------

    def put(self, name: str, *rows: str) -> Path:
        return self.drop(name, table(*rows))

    def drop(self, name: str, content: bytes, modified: float | None = None) -> Path:
        path = self.far / name
        path.write_bytes(content)
        if modified is not None:
            os.utime(path, (modified, modified))
        return path

    def files(self) -> dict[str, bytes]:
        """What lies at the sender's place, claims and all."""
        return {path.name: path.read_bytes() for path in self.far.iterdir() if path.is_file()}

    # --- the operator -----------------------------------------------------------------------

    def run(self, *arguments: str) -> Seen:
        done = self.command("run", *(arguments or ("--all",)))
        number = re.search(r"run (\d+) finished", done.out)
        assert number is not None, done
        report = self.command("runs", "show", number[1], "--format", "json").json()
        return Seen(done.code, done.out + done.talk, report)

    def command(self, *arguments: str) -> Done:
        done = self.shell.feeds(*arguments)
        discreet(done.out, done.talk)
        return done

    # --- what is stored ---------------------------------------------------------------------

    def sales(self) -> list[str]:
        """The keys of what was imported."""
        return sorted(str(row.key) for row in self.shell.rows("SELECT key FROM activities"))

    def quarantined(self) -> list[tuple[int, str]]:
        rows = self.shell.rows("SELECT line, code FROM quarantine WHERE state = 'open' ORDER BY line")
        return [(row.line, row.code) for row in rows]

    def archived(self) -> set[bytes]:
        """Our sealed copies."""
        folder = self.home / "ours/state/archive"
        return {path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def discreet(*texts: str) -> None:
    """Nothing of a customer and no secret; nothing that would steer a terminal."""
    for text in texts:
        found = [word for word in PRIVATE if word in text.lower()]
        assert not found, f"{found} is shown in\n{text}"
        assert all(character.isprintable() or character == "\n" for character in text), repr(text)
        assert "Traceback" not in text, text
