"""What every store does, and the paths that it does it to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from docwiz_tasks.errors import InvalidId, StoreError

__all__ = ["Store", "Url", "check_path", "path_of", "url_of"]

Url: TypeAlias = str

SCHEME = "docwiz:///"

# Each segment begins with a letter or a digit, so that neither "..", nor a hidden
# file, nor an absolute path can be spelled.
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,254}(?:/[A-Za-z0-9][A-Za-z0-9._=-]{0,254})*")


class Store(Protocol):
    """Whole objects by path; a write is there whole or not at all, whoever dies when."""

    def get(self, path: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        ...

    def exists(self, path: str) -> bool:
        """Say whether there is an object."""
        ...

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Write an object, in place of what was there.

        Args:
            path: where.
            data: the whole of it.
            durable: have it outlive a loss of power; if not, it can be gone or cut
                short after one. Processes that are killed lose nothing either way.
        """
        ...

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        """Write an object unless there is one, as `put` does; say whether this call wrote it."""
        ...

    def delete(self, path: str) -> None:
        """Remove an object; one that isn't there is no error."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the paths of all objects below the folder `prefix`, sorted."""
        ...

    def link(self, path: str, expires_seconds: float) -> str:
        """Return a signed link to an object that ends after `expires_seconds`.

        Raises:
            StoreError: this kind of store has no links of its own.
        """
        ...


def check_path(path: str) -> str:
    """Return `path` if it stays inside the store.

    Raises:
        InvalidId: it doesn't.
    """
    if not _PATH.fullmatch(path):
        raise InvalidId(
            "This id can't be part of a store path: use letters, digits, '.', '_', '-'."
        )
    return path


def url_of(path: str) -> Url:
    """Return the URL that results carry for a store path."""
    return SCHEME + check_path(path)


def path_of(url: Url) -> str:
    """Return the store path of a ``docwiz:///`` URL.

    Raises:
        StoreError: it is another kind of URL.
        InvalidId: its path leaves the store.
    """
    if not url.startswith(SCHEME):
        raise StoreError("This isn't a docwiz:/// URL; only those are read from the store.")
    return check_path(url.removeprefix(SCHEME))
