"""A store in this process's memory, for demonstrations and tests."""

from __future__ import annotations

from collections.abc import Iterator

from docwiz_tasks.errors import StoreError
from docwiz_tasks.store.base import check_path

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keep objects in a dict; other processes, forked ones too, don't see what is written later."""

    def __init__(self) -> None:
        # Views, because each is an object of its own: identity tells whose write stayed.
        self._objects: dict[str, memoryview] = {}

    def get(self, path: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        view = self._objects.get(check_path(path))
        return None if view is None else bytes(view)

    def exists(self, path: str) -> bool:
        """Say whether there is an object."""
        return check_path(path) in self._objects

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Write an object, in place of what was there."""
        self._objects[check_path(path)] = memoryview(bytes(data))

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        """Write an object unless there is one; say whether this call wrote it."""
        mine = memoryview(bytes(data))
        return self._objects.setdefault(check_path(path), mine) is mine

    def delete(self, path: str) -> None:
        """Remove an object; one that isn't there is no error."""
        self._objects.pop(check_path(path), None)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the paths of all objects below the folder `prefix`, sorted."""
        folder = check_path(prefix) + "/"
        yield from sorted(path for path in list(self._objects) if path.startswith(folder))

    def link(self, path: str, expires_seconds: float) -> str:
        """Refuse: memory has no links."""
        raise StoreError("A memory store has no links of its own; read the file with open().")
