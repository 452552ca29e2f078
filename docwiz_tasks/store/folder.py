"""A store in a folder, for one machine or a shared mount."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docwiz_tasks.errors import StoreError, StoreUnavailable
from docwiz_tasks.store.base import check_path

__all__ = ["FolderStore"]

# Hidden, so that no store path can name it and `list` passes it over.
_INCOMING = ".incoming"


class FolderStore:
    """Keep objects as files, private to the user, written aside and put in place whole.

    It holds no connection, thread or lock, so it works the same in a forked child.

    Args:
        root: the folder; made at the first write.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, path: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        with _explained():
            try:
                return self._file(path).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def put(self, path: str, data: bytes) -> None:
        """Write an object, in place of what was there."""
        target = self._file(path)
        with _explained(), self._written(data) as written:
            _make_folder(target.parent)
            written.replace(target)
            _sync_folder(target.parent)

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless there is one; say whether this call wrote it."""
        target = self._file(path)
        with _explained():
            if target.exists():
                return False
            with self._written(data) as written:
                _make_folder(target.parent)
                try:
                    target.hardlink_to(written)
                except FileExistsError:
                    return False
                _sync_folder(target.parent)
        return True

    def delete(self, path: str) -> None:
        """Remove an object; one that isn't there is no error."""
        with _explained():
            self._file(path).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the paths of all objects below the folder `prefix`, sorted."""
        folder = self._file(prefix)
        with _explained():
            found = sorted(file for file in folder.rglob("*") if file.is_file())
        for file in found:
            yield file.relative_to(self._root).as_posix()

    def link(self, path: str, expires_seconds: float) -> str:
        """Refuse: a folder has no links of its own."""
        raise StoreError("A folder store has no links of its own; read the file with open().")

    def _file(self, path: str) -> Path:
        return self._root / check_path(path)

    @contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        incoming = self._root / _INCOMING
        _make_folder(incoming)
        descriptor, name = tempfile.mkstemp(dir=incoming)
        written = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield written
        finally:
            written.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    # Without it a crash of the machine can forget the new name.
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreUnavailable(f"The store's folder can't be used: {reason}.") from None
