"""Signed links to stored files, for stores that have none of their own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from urllib.parse import urlencode

from docwiz_tasks.errors import InvalidId, StoreError
from docwiz_tasks.settings import Settings
from docwiz_tasks.store.base import check_path

__all__ = ["file_id_of", "is_signed", "path_of_file", "signed_link"]


def file_id_of(path: str) -> str:
    """Return the id that stands for a store path in a URL."""
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def path_of_file(file_id: str) -> str:
    """Return the store path that a file's id stands for.

    Raises:
        InvalidId: it stands for none.
    """
    try:
        raw = base64.urlsafe_b64decode(file_id + "=" * (-len(file_id) % 4))
        path = check_path(raw.decode("ascii"))
    except (binascii.Error, ValueError):
        raise InvalidId("No file can have this id.") from None
    # One id for each path: else a link's id could be spelled in several ways.
    if file_id_of(path) != file_id:
        raise InvalidId("No file can have this id.")
    return path


def signed_link(settings: Settings, path: str, expires_seconds: float) -> str:
    """Return a link to a stored file that needs no login until it expires.

    Raises:
        StoreError: the settings don't say where files are served, or lack the secret.
    """
    if settings.public_url is None or settings.link_secret is None:
        raise StoreError(
            "This kind of store has no links of its own: set DOCWIZ_PUBLIC_URL to where the"
            " router is mounted, and DOCWIZ_LINK_SECRET."
        )
    file_id, expires = file_id_of(path), int(time.time() + expires_seconds)
    query = urlencode({"expires": expires, "signature": _signature(settings, file_id, expires)})
    return f"{settings.public_url.rstrip('/')}/files/{file_id}?{query}"


def is_signed(settings: Settings, file_id: str, expires: int, signature: str) -> bool:
    """Say whether a link's signature is ours and has not expired."""
    if settings.link_secret is None or expires < time.time():
        return False
    return hmac.compare_digest(_signature(settings, file_id, expires).encode(), signature.encode())


def _signature(settings: Settings, file_id: str, expires: int) -> str:
    secret = settings.link_secret.get_secret_value() if settings.link_secret else ""
    message = f"docwiz-file\0{file_id}\0{expires}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
