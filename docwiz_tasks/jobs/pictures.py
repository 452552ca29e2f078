"""Photos and pictures in the store."""

from __future__ import annotations

import uuid
from pathlib import Path

from docwiz_tasks.errors import InvalidPhoto
from docwiz_tasks.imaging.photos import EXTENSIONS, clean
from docwiz_tasks.jobs.lookup import image_path
from docwiz_tasks.store import Store, Url, url_of

__all__ = ["MAX_PHOTO_BYTES", "add_image", "keep_picture"]

MAX_PHOTO_BYTES = 10 * 1024 * 1024


def add_image(store: Store, photo: bytes | str | Path) -> str:
    """Check a photo, remove its metadata, store it and return its id.

    Args:
        store: where to store it.
        photo: JPEG, PNG or WebP bytes, or the path of such a file; at most 10 MB.

    Raises:
        InvalidPhoto: it can't be taken, and why.
    """
    data = photo if isinstance(photo, bytes) else _read(Path(photo))
    cleaned = clean(data)
    image_id = uuid.uuid4().hex
    store.put(image_path(image_id), cleaned.data)
    return image_id


def keep_picture(store: Store, path: str, data: bytes, media_type: str) -> Url:
    """Store a picture at `path` with the extension of its type, and return its URL."""
    path = f"{path}.{EXTENSIONS[media_type]}"
    store.put(path, data)
    return url_of(path)


def _read(path: Path) -> bytes:
    try:
        # One byte more than allowed is enough to know.
        with path.open("rb") as file:
            return file.read(MAX_PHOTO_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidPhoto(f"The photo's file can't be read: {reason}.") from None
