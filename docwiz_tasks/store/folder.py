"""A store in a folder, for one machine or a shared mount."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from docwiz_tasks.errors import StoreError, StoreUnavailable
from docwiz_tasks.store.base import check_path

__all__ = ["FolderStore"]

# Hidden, so that no store path can name it and `list` passes it over.
_INCOMING = ".incoming"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

T = TypeVar("T")


class FolderStore:
    """Keep objects as files, private to the user, written aside and put in place whole.

    A job writes a dozen of them, so this is done with `os`, in half the time of `pathlib`.
    It holds no connection, thread or lock, so it works the same in a forked child.

    Args:
        root: the folder; made at the first write.
        fsync: wait for the disk at each write, so that what was written outlives a
            machine without power, too. Processes that are killed lose nothing without it.
    """

    def __init__(self, root: Path, *, fsync: bool = True) -> None:
        self._root = str(root)
        self._fsync = fsync

    def get(self, path: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        with _explained():
            try:
                with open(self._file(path), "rb", buffering=0) as file:
                    return file.read()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def put(self, path: str, data: bytes) -> None:
        """Write an object, in place of what was there."""
        target = self._file(path)
        with _explained(), self._written(data) as written:
            _in_folder(target, lambda: os.replace(written, target))
            self._sync(target)

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless there is one; say whether this call wrote it."""
        target = self._file(path)
        with _explained():
            if os.path.exists(target):
                return False
            with self._written(data) as written:
                try:
                    _in_folder(target, lambda: os.link(written, target))
                except FileExistsError:
                    return False
                self._sync(target)
        return True

    def delete(self, path: str) -> None:
        """Remove an object; one that isn't there is no error."""
        with _explained(), suppress(FileNotFoundError):
            os.unlink(self._file(path))

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the paths of all objects below the folder `prefix`, sorted."""
        folder = self._file(prefix)
        start = len(self._root) + 1
        with _explained():
            found = sorted(
                f"{place}/{name}"[start:] for place, _, names in os.walk(folder) for name in names
            )
        yield from found

    def link(self, path: str, expires_seconds: float) -> str:
        """Refuse: a folder has no links of its own."""
        raise StoreError("A folder store has no links of its own; read the file with open().")

    def _file(self, path: str) -> str:
        return f"{self._root}/{check_path(path)}"

    @contextmanager
    def _written(self, data: bytes) -> Iterator[str]:
        written = f"{self._root}/{_INCOMING}/{secrets.token_hex(16)}"
        descriptor = _in_folder(written, lambda: os.open(written, _NEW, mode=0o600))
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                if self._fsync:
                    os.fsync(descriptor)
            yield written
        finally:
            with suppress(FileNotFoundError):
                os.unlink(written)

    def _sync(self, file: str) -> None:
        if not self._fsync:
            return
        # Without it a crash of the machine can forget the new name.
        with suppress(PermissionError):
            descriptor = os.open(os.path.dirname(file), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _in_folder(file: str, act: Callable[[], T]) -> T:
    """Do what needs the folder of a file, making it if it isn't there yet."""
    try:
        return act()
    except FileNotFoundError:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        return act()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreUnavailable(f"The store's folder can't be used: {reason}.") from None
