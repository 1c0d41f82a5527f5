"""Files in a folder of this machine: a drop folder, a mounted share.

Never follows a link, never opens anything but a plain file, and never leaves the folder it opened:
every call goes through that folder's descriptor, so a path swapped meanwhile changes nothing.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transports.base import (
    Fetched,
    FileChanged,
    FileVanished,
    Refused,
    RemoteFile,
    Settings,
    Tools,
    TransferCut,
    Unreachable,
)
from transports.files import free_names, is_same, is_segment, segments
from transports.target import Target, written

_CHUNK = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A fifo put in the place of a file would block the opening without O_NONBLOCK.
_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# The disk or the share behind the folder, not what is allowed in it.
_BROKEN = {errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENODEV, errno.ENXIO}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

# rename(2) replaces, and link(2) then unlink(2) would unlink what a sender put there in between:
# only this call is both atomic and sparing. It is in Linux's C libraries, not in Python.
_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
_RENAME_NOREPLACE = 1


@contextmanager
def connect(settings: Settings, tools: Tools) -> Iterator["Folder"]:
    """Open `directory`; a relative one counts from the working directory."""
    path = Path(settings["directory"]).resolve()
    try:
        folder = os.open(path, _FOLDER)
    except PermissionError as error:
        raise Refused(f"folder {str(path)!r} may not be read by this user: {error.strerror}") from error
    except OSError as error:
        raise Unreachable(f"folder {str(path)!r} cannot be opened, is it mounted? {error.strerror}") from error
    try:
        yield Folder(folder, path.as_uri(), tools)
    finally:
        os.close(folder)


class Folder:
    """The contract `Files` on an open folder."""

    def __init__(self, folder: int, source: str, tools: Tools) -> None:
        self.source = source
        self._folder = folder
        self._tools = tools

    def files(self) -> Iterator[RemoteFile]:
        with _told(f"listing {self.source}"):
            # A descriptor of its own: two listings under way would share one's position.
            listing = os.open(".", _FOLDER, dir_fd=self._folder)
            try:
                with os.scandir(listing) as entries:
                    for entry in entries:
                        file = self._listed(entry)
                        if file is not None:
                            yield file
            finally:
                os.close(listing)
            if os.fstat(self._folder).st_nlink == 0:
                raise Unreachable(f"folder {self.source} was removed while it was open")

    def claim(self, file: RemoteFile, name: str) -> RemoteFile:
        if not is_segment(name):
            raise Refused(f"{name!r} is not one file name")
        if self._stand(file.name) is None:
            raise FileVanished(f"{file.name!r} is gone")
        with _told(f"renaming {file.name!r}"):
            _rename(self._folder, _bytes(file.name), self._folder, _bytes(name))
            os.fsync(self._folder)
        claimed = self._stand(name)
        if claimed is None:
            raise FileVanished(f"{file.name!r} is gone, just after it was renamed")
        return _described(name, claimed)

    def fetch(self, file: RemoteFile, target: Path) -> Fetched:
        seen = self._unchanged(file)
        if seen is None:
            raise FileVanished(f"{file.name!r} is gone")
        with self._opened(file.name, seen) as source, written(target) as copy:
            self._copy(file, source, copy)
            after = os.fstat(source)
            if not is_same(file, _described(file.name, after)):
                raise FileChanged(f"{file.name!r} was written to while it was read")
            if copy.size != after.st_size:
                raise TransferCut(f"{file.name!r} has {after.st_size} bytes, {copy.size} came")
            now = self._stand(file.name)
            if now is None:
                raise FileVanished(f"{file.name!r} was taken away while it was read")
            if not os.path.samestat(now, after):
                raise FileChanged(f"{file.name!r} was replaced while it was read")
        return copy.fetched

    def remove(self, file: RemoteFile) -> None:
        if self._unchanged(file) is None:
            return
        with _told(f"removing {file.name!r}", gone_is_fine=True):
            os.unlink(_bytes(file.name), dir_fd=self._folder)
        with _told(f"removing {file.name!r}"):
            os.fsync(self._folder)

    def move(self, file: RemoteFile, folder: str, name: str) -> None:
        parts = segments(folder)
        if self._unchanged(file) is None:
            return
        with _told(f"moving {file.name!r} to {folder!r}", gone_is_fine=True), self._below(parts) as there:
            self._rename_free(file, there, name)
            os.fsync(there)
            os.fsync(self._folder)

    def stands(self, name: str) -> RemoteFile | None:
        """The plain file of this name; None where there is none. Raises FileChanged where something else has it."""
        found = self._stand(name)
        return None if found is None else _described(name, found)

    def put(self, name: str, body: bytes) -> RemoteFile:
        """A new file with this content, on disk. Raises Refused where it may not be, Unreachable where it is full."""
        try:
            descriptor = os.open(_bytes(name), _NEW, 0o666, dir_fd=self._folder)  # as others may read, by the umask
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
                return _described(name, os.fstat(file.fileno()))
        except OSError as error:
            kind = Unreachable if error.errno in {*_BROKEN, *_FULL} else Refused
            raise kind(f"writing into {self.source}: {error.strerror}") from error

    def _listed(self, entry: "os.DirEntry[str]") -> RemoteFile | None:
        name = os.fsencode(entry.name).decode("utf-8", "surrogateescape")
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since the folder was read
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        if not is_segment(name):
            self._tools.note("name.unsafe", {"where": self.source, "name": ascii(name)})
            return None
        return _described(name, found)

    def _stand(self, name: str) -> os.stat_result | None:
        """How the file stands now, None when it is gone. Raises FileChanged when it is no plain file any more."""
        if not is_segment(name):
            raise Refused(f"{name!r} is not one file name")
        with _told(f"looking at {name!r}"):
            try:
                found = os.stat(_bytes(name), dir_fd=self._folder, follow_symlinks=False)
            except FileNotFoundError:
                return None
        if not stat.S_ISREG(found.st_mode):
            raise FileChanged(f"{name!r} is no plain file any more")
        return found

    def _unchanged(self, file: RemoteFile) -> os.stat_result | None:
        found = self._stand(file.name)
        if found is not None and not is_same(file, _described(file.name, found)):
            raise FileChanged(f"{file.name!r} is not the file that was seen: another size or time")
        return found

    @contextmanager
    def _opened(self, name: str, seen: os.stat_result) -> Iterator[int]:
        with _told(f"opening {name!r}"):
            source = os.open(_bytes(name), _PLAIN, dir_fd=self._folder)
        try:
            if not os.path.samestat(os.fstat(source), seen):
                raise FileChanged(f"{name!r} was replaced just before it was opened")
            yield source
        finally:
            os.close(source)

    def _copy(self, file: RemoteFile, source: int, copy: Target) -> None:
        while True:
            with _told(f"reading {file.name!r}"):
                chunk = os.read(source, _CHUNK)
            if not chunk:
                return
            copy.write(chunk)
            self._tools.progress(len(chunk))
            if file.size is not None and copy.size > file.size:  # or a busy writer would fill our disk
                raise FileChanged(f"{file.name!r} grew while it was read")

    @contextmanager
    def _below(self, parts: list[str]) -> Iterator[int]:
        """The folder below this one, made if missing."""
        folder = os.dup(self._folder)
        try:
            for part in parts:
                try:
                    os.mkdir(_bytes(part), dir_fd=folder)
                    os.fsync(folder)
                except FileExistsError:
                    pass
                parent, folder = folder, os.open(_bytes(part), _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                os.close(parent)
            yield folder
        finally:
            os.close(folder)

    def _rename_free(self, file: RemoteFile, there: int, name: str) -> None:
        """Rename under the first free name. What a sender slipped in at the last moment is put back."""
        for free in free_names(name):
            try:
                _rename(self._folder, _bytes(file.name), there, _bytes(free))
            except FileExistsError:
                continue
            moved = os.stat(_bytes(free), dir_fd=there, follow_symlinks=False)
            if not is_same(file, _described(file.name, moved)):
                _rename(there, _bytes(free), self._folder, _bytes(file.name))
                raise FileChanged(f"{file.name!r} was replaced just before it was moved")
            return


def _bytes(name: str) -> bytes:
    # Not os.fsencode: a name is the same bytes whatever the locale of this process.
    return name.encode("utf-8", "surrogateescape")


def _described(name: str, found: os.stat_result) -> RemoteFile:
    return RemoteFile(name, found.st_size, found.st_mtime_ns / 1e9)


def _rename(folder: int, name: bytes, new_folder: int, new_name: bytes) -> None:
    """Rename, and raise FileExistsError where there is something under the new name."""
    if _renameat2 is not None:
        if _renameat2(folder, name, new_folder, new_name, _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS):  # those: this file system or kernel does not know the flag
            raise OSError(code, os.strerror(code))
    # Not atomic, but the new names are ours (a claim's is unique): nobody else makes one meanwhile.
    try:
        os.stat(new_name, dir_fd=new_folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=new_folder)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


@contextmanager
def _told(doing: str, gone_is_fine: bool = False) -> Iterator[None]:
    """Say in the contract's errors what the operating system said."""
    try:
        yield
    except FileNotFoundError as error:
        if not gone_is_fine:
            raise FileVanished(f"{doing}: it is gone") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileChanged(f"{doing}: a link stands in its place") from error
        if error.errno == errno.EEXIST:
            raise Refused(f"{doing}: there is a file of the new name, and it is never replaced") from error
        kind = Unreachable if error.errno in _BROKEN else Refused
        raise kind(f"{doing}: {error.strerror}") from error
