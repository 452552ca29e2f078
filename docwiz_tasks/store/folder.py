"""A store in a folder, for one machine or a shared mount."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from docwiz_tasks.errors import StoreError, StoreUnavailable
from docwiz_tasks.store.base import check_path

__all__ = ["FolderStore"]

# Hidden, so that no store path can name it and `list` passes it over.
_INCOMING = ".incoming"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class FolderStore:
    """Keep objects as files, private to the user, written aside and put in place whole.

    A job writes a dozen of them, so this is done with `os`, in half the time of `pathlib`.
    It holds no connection, thread or lock, so it works the same in a forked child.

    Args:
        root: the folder; made at the first write.
        fsync: wait for the disk at each durable write, so that what was written outlives a
            machine without power, too. Processes that are killed lose nothing without it.
    """

    def __init__(self, root: Path, *, fsync: bool = True) -> None:
        self._root = str(root)
        self._incoming = f"{self._root}/{_INCOMING}"
        self._fsync = fsync

    def get(self, path: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        with _Explained():
            try:
                with open(self._file(path), "rb", buffering=0) as file:
                    return file.read()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def exists(self, path: str) -> bool:
        """Say whether there is an object."""
        with _Explained():
            try:
                return stat.S_ISREG(os.stat(self._file(path)).st_mode)
            except (FileNotFoundError, NotADirectoryError):
                return False

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Write an object, in place of what was there."""
        target, durable = self._file(path), durable and self._fsync
        with _Explained():
            written = self._written(data, durable)
            try:
                _place(os.replace, written, target, durable)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(written)
                raise

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        """Write an object unless there is one; say whether this call wrote it."""
        target, durable = self._file(path), durable and self._fsync
        with _Explained():
            written = self._written(data, durable)
            try:
                _place(os.link, written, target, durable)
            except FileExistsError:
                return False
            finally:
                os.unlink(written)
        return True

    def delete(self, path: str) -> None:
        """Remove an object; one that isn't there is no error."""
        with _Explained(), suppress(FileNotFoundError):
            os.unlink(self._file(path))

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the paths of all objects below the folder `prefix`, sorted."""
        folder = self._file(prefix)
        start = len(self._root) + 1
        with _Explained():
            found = sorted(
                f"{place}/{name}"[start:] for place, _, names in os.walk(folder) for name in names
            )
        yield from found

    def link(self, path: str, expires_seconds: float) -> str:
        """Refuse: a folder has no links of its own."""
        raise StoreError("A folder store has no links of its own; read the file with open().")

    def _file(self, path: str) -> str:
        return f"{self._root}/{check_path(path)}"

    def _written(self, data: bytes, durable: bool) -> str:
        written = f"{self._incoming}/{os.urandom(16).hex()}"
        try:
            descriptor = os.open(written, _NEW, mode=0o600)
        except FileNotFoundError:
            _made(self._incoming)
            descriptor = os.open(written, _NEW, mode=0o600)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if durable:
                os.fsync(descriptor)
        except BaseException:
            os.unlink(written)
            raise
        finally:
            os.close(descriptor)
        return written


def _place(act: Callable[[str, str], None], written: str, target: str, durable: bool) -> None:
    """Have a written file appear at its place, in a folder that is made if it isn't there."""
    changed = [os.path.dirname(target)]
    try:
        act(written, target)
    except FileNotFoundError:
        changed += _made(changed[0])
        act(written, target)
    if durable:
        # Without it a crash of the machine can forget the new names.
        for folder in changed:
            _sync(folder)


def _made(folder: str) -> list[str]:
    """Make a folder with those above it, and return in which folders one was made."""
    above = os.path.dirname(folder)
    changed = [] if os.path.isdir(above) else _made(above)
    with suppress(FileExistsError):
        os.mkdir(folder, mode=0o700)
    return [above, *changed]


def _sync(folder: str) -> None:
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Explained:
    """Tell what the system says of a file as an error of ours."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *_where: object
    ) -> None:
        if isinstance(error, OSError):
            reason = error.strerror or type(error).__name__
            raise StoreUnavailable(f"The store's folder can't be used: {reason}.") from None
