"""The SFTP server as a process of its own, which kill tests leave standing while they end the engine."""

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.transports.contract import only
from transports.base import Tools
from transports.sftp import connect


def test_it_says_how_to_get_in_and_is_the_same_server_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.csv").write_bytes(b"content")
    first, second = (served(tmp_path, f"port-{start}.json") for start in range(2))
    assert first["hostKey"] == second["hostKey"]


def served(home: Path, name: str) -> dict[str, object]:
    options = ["--root", str(home / "far"), "--port-file", str(home / name), "--host-key", str(home / "key")]
    with subprocess.Popen([sys.executable, "-m", "tests.servers.sftp", *options]) as process:
        try:
            while not (home / name).exists():
                assert process.poll() is None, "it ended instead of serving"
                time.sleep(0.02)
            settings: dict[str, object] = json.loads((home / name).read_text())
            with connect(settings, Tools(time.monotonic)) as far:
                assert only(far).size == 7
        finally:
            process.kill()
    return settings
