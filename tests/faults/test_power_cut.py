"""When a remote file goes, all that we have in its place is on disk: bytes, names in folders, and commits.

Kills lose nothing that the kernel was given; a power cut does. What was not fsynced is followed here.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.store.database import reading
from tests.faults.kills import watch
from tests.faults.processes import in_child
from tests.faults.scene import Scene, Setup, Studio
from transports import target


class Disk:
    """What a power cut would take: files and folders that were changed and not fsynced since."""

    def __init__(self, scene: Scene) -> None:
        self.loose: set[Path] = set()
        self.synced = 0
        self._ours = scene.home / "state"
        self._follow("mkdir", lambda path, *_: [Path(path).parent])
        self._follow("replace", lambda old, new: [Path(old).parent, Path(new).parent])
        self._follow("rename", lambda old, new: [Path(old).parent, Path(new).parent])
        fsync, write = os.fsync, target.Target.write

        def synced(descriptor: int) -> None:
            fsync(descriptor)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            self.synced += path in self.loose
            self.loose.discard(path)

        def written(copy: target.Target, block: bytes | memoryview) -> None:
            write(copy, block)
            self.loose.add(Path(f"/proc/self/fd/{copy._file.fileno()}").readlink())

        os.fsync = synced  # type: ignore[assignment]
        target.Target.write = written  # type: ignore[method-assign]

    def _follow(self, name: str, changed: Callable[..., list[Path]]) -> None:
        call = getattr(os, name)

        def followed(*args: Any, **options: Any) -> None:
            call(*args, **options)
            if isinstance(args[0], str | os.PathLike):
                self.loose.update(path for path in changed(*args) if self._is_ours(path))

        setattr(os, name, followed)

    def _is_ours(self, path: Path) -> bool:
        return path == self._ours.parent or path.is_relative_to(self._ours)


@pytest.mark.parametrize("disposal", ["delete", "archive"])
def test_nothing_is_taken_from_the_server_before_all_of_it_is_on_our_disk(studio: Studio, disposal: str) -> None:
    def work() -> tuple[int, bool]:
        disk, taken = Disk(scene), 0

        def hear(when: str, call: str, name: str) -> None:
            nonlocal taken
            if (when, call) == ("before", "dispose"):
                assert not disk.loose, f"{name} is about to go, and a power cut would take {sorted(disk.loose)}"
                taken += 1

        watch(scene, hear)
        (report,) = scene.run().feeds
        assert report.outcome != "failed", report.issues
        return taken, disk.synced > taken

    with studio.scene(Setup("file", disposal)) as scene:
        assert in_child(work) == (3, True)


@pytest.mark.parametrize(
    ("store", "setting", "safe"),
    [("sqlite", "PRAGMA synchronous", 2), ("postgresql", "SHOW synchronous_commit", "on")],
)
def test_a_commit_is_on_disk_when_it_returns(studio: Studio, store: str, setting: str, safe: object) -> None:
    def work() -> object:
        with reading(scene.world().engine) as connection:
            return connection.execute(text(setting)).scalar_one()

    with studio.scene(Setup("file", "delete", store)) as scene:
        assert in_child(work) == safe
