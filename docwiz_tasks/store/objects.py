"""A store on S3, GCS or another object store, through obstore."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from docwiz_tasks.errors import StoreError, StoreForked, StoreUnavailable
from docwiz_tasks.store.base import check_path

__all__ = ["ObjectStore"]

# obstore has one runtime for the whole process, and its threads don't survive a fork:
# the next call in the child waits for ever. So the guard is the process's too.
_used_in: set[int] = set()


class ObjectStore:
    """Keep objects in a bucket; conditional puts make `create` atomic.

    Args:
        url: ``s3://bucket/prefix`` or ``gs://bucket/prefix``; credentials come from
            the environment, as obstore documents them.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: Any = None

    def get(self, path: str) -> bytes | None:
        """Return an object's bytes, or None where there is none."""
        with self._opened() as (obstore, store):
            try:
                return bytes(obstore.get(store, check_path(path)).bytes())
            except FileNotFoundError:
                return None

    def exists(self, path: str) -> bool:
        """Say whether there is an object."""
        with self._opened() as (obstore, store):
            try:
                obstore.head(store, check_path(path))
            except FileNotFoundError:
                return False
        return True

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Write an object, in place of what was there."""
        with self._opened() as (obstore, store):
            obstore.put(store, check_path(path), data)

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        """Write an object unless there is one; say whether this call wrote it."""
        with self._opened() as (obstore, store):
            try:
                obstore.put(store, check_path(path), data, mode="create", use_multipart=False)
            except obstore.exceptions.AlreadyExistsError:
                return False
        return True

    def delete(self, path: str) -> None:
        """Remove an object; one that isn't there is no error."""
        with self._opened() as (obstore, store):
            try:
                obstore.delete(store, check_path(path))
            except FileNotFoundError:
                return

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the paths of all objects below the folder `prefix`, sorted."""
        with self._opened() as (obstore, store):
            pages = obstore.list(store, prefix=check_path(prefix))
            found = sorted(entry["path"] for page in pages for entry in page)
        yield from found

    def link(self, path: str, expires_seconds: float) -> str:
        """Return a signed link to an object that ends after `expires_seconds`."""
        with self._opened() as (obstore, store):
            expires = timedelta(seconds=expires_seconds)
            return str(obstore.sign(store, "GET", check_path(path), expires_in=expires))

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        if _used_in and os.getpid() not in _used_in:
            raise StoreForked(
                "This process was forked from one that had used the object store, where it would"
                " hang. Use the store only after the fork (in a worker: in its tasks), or start"
                " the worker with --pool=threads or --pool=solo."
            )
        import obstore
        import obstore.exceptions
        import obstore.store

        _used_in.add(os.getpid())
        try:
            if self._store is None:
                self._store = obstore.store.from_url(self._url)
            yield obstore, self._store
        except obstore.exceptions.BaseError as error:
            raise _explained(error) from None


def _explained(error: Exception) -> StoreError:
    # obstore's texts can hold URLs with signatures, so only the kind of error is told.
    kind = type(error).__name__.removesuffix("Error")
    return StoreUnavailable(f"The object store did not answer as it should: {kind}.")
