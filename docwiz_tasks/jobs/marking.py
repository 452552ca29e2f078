"""The last thing that is done to a picture: marked for machines, then signed."""

from __future__ import annotations

from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.signing import Signer

__all__ = ["marked"]


def marked(
    picture: bytes,
    source_type: str,
    note: str,
    signer: Signer | None,
    *,
    original: bytes | None = None,
) -> bytes:
    """Return a finished picture with its marks; whatever saves it again drops them.

    Args:
        picture: JPEG, PNG or WebP bytes.
        source_type: a DigitalSourceType of `marks`.
        note: a sentence for the XMP packet's description.
        signer: None if it isn't to be signed.
        original: the photo that it was edited from, if it was.

    Raises:
        InvalidPhoto: it is no such picture.
        SigningFailed: it can't be signed.
    """
    picture = marks.embed_source_type(picture, source_type, note=note)
    if signer is None:
        return picture
    # Last: the signature covers every byte.
    return signer.sign(picture, source_type, original=original)
