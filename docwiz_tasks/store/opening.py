"""From a URL to a store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from docwiz_tasks.errors import SettingsError
from docwiz_tasks.store.base import Store
from docwiz_tasks.store.folder import FolderStore
from docwiz_tasks.store.memory import MemoryStore
from docwiz_tasks.store.objects import ObjectStore

__all__ = ["open_store"]

_OBJECT_SCHEMES = frozenset({"s3", "s3a", "gs"})


def open_store(url: str | None, *, fsync: bool = True) -> Store:
    """Return the store at `url`; nothing is read or connected yet.

    Args:
        url: its kind and place.
        fsync: have a folder wait for the disk at each write.

    Raises:
        SettingsError: there is no URL, or no store of its kind.
    """
    if url is None:
        raise SettingsError(
            "No store is set: set DOCWIZ_STORE_URL, for example to file:///var/lib/docwiz."
        )
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryStore()
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return FolderStore(Path(unquote(parts.path)), fsync=fsync)
    if parts.scheme in _OBJECT_SCHEMES and parts.netloc:
        return ObjectStore(url)
    raise SettingsError(
        "DOCWIZ_STORE_URL must be file:///folder, memory://, s3://bucket or gs://bucket."
    )
