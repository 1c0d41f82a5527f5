"""A project as a feeds team has it: dealers' files, a vendor's server, a database, and the `feeds` command."""

from pathlib import Path
from typing import Any

import yaml

from tests.cli.shell import Done, called
from tests.servers.sftp import USERNAME, SftpServer


class Project:
    def __init__(self, home: Path, server: SftpServer, database: str) -> None:
        self.home = home
        self.server = server
        self.environment = {
            "FEEDS_DIR": str(home / "feeds"),
            "FEEDS_STATE_DIR": str(home / "state"),
            "FEEDS_DATABASE_URL": database,
            "FEEDS_SECRET_PRORESPONSE_USER": USERNAME,
            "FEEDS_SECRET_PRORESPONSE_PASSWORD": str(server.password),
            "FEEDS_SECRET_PRORESPONSE_HOSTKEY": server.fingerprint,
        }
        (home / "feeds" / "dealers").mkdir(parents=True)

    def add_dealer(self, text: str) -> Path:
        """Put a dealer's file in place, its feeds turned to the server of this test and not waiting."""
        dealer = yaml.safe_load(text)
        for feed in dealer["feeds"]:
            feed["params"] |= {"host": self.server.host, "port": self.server.port}
            feed.setdefault("override", {}).setdefault("transport", {})["settle"] = "0s"
        path = self.home / "feeds" / "dealers" / f"{dealer['name']}.yaml"
        path.write_text(yaml.safe_dump(dealer, allow_unicode=True), encoding="utf-8")
        return path

    def put(self, name: str, content: bytes | str) -> None:
        """A file on the server; its folder is made."""
        path = self.server.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def left(self) -> list[str]:
        """The names of all files on the server."""
        root = self.server.root
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def feeds(self, *arguments: str) -> Done:
        return called(self.environment, *arguments)

    def run(self, *arguments: str) -> dict[str, Any]:
        """`feeds run` as JSON, whatever its exit code."""
        done = self.feeds("run", *(arguments or ("--all",)), "--format", "json")
        assert done.out, f"exit {done.code}: {done.talk}"
        return dict(done.json())

    def activities(self, *arguments: str) -> list[dict[str, Any]]:
        found = self.feeds("activities", "search", *arguments, "--format", "jsonl").lines()
        return sorted(found, key=lambda each: (each["type"], each["key"]))

    def contacts(self, *arguments: str) -> list[dict[str, Any]]:
        found = self.feeds("contacts", "find", *arguments, "--format", "jsonl").lines()
        return sorted(found, key=lambda each: (each["lastName"] or "", each["firstName"] or ""))

    def quarantine(self) -> list[dict[str, Any]]:
        found = self.feeds("quarantine", "list", "--format", "jsonl").lines()
        return sorted(found, key=lambda each: (each["delivery"], each["line"]))
