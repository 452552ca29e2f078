"""Photos from outside: checked, decoded once, turned upright, and freed of metadata."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from docwiz_tasks.errors import ExtraMissing, InvalidPhoto
from docwiz_tasks.imaging.png import png_of_photo

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["EXTENSIONS", "MAX_BYTES", "Photo", "clean", "decoded", "encoded", "header",
           "media_type_of"]  # fmt: skip

MAX_BYTES = 10 * 1024 * 1024
MIN_SIDE, MAX_SIDE = 100, 8192

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

# A progressive JPEG has about ten scans. Each costs a pass over the whole picture, so that a
# file of a few megabytes with a scan every few bytes would take hours.
_MAX_SCANS = 100
# Within a scan FF 00 is a data byte and FF D0 to FF D7 are restarts; other markers end it.
_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")

_NOT_A_PHOTO = "This file is no photo: send a JPEG, PNG or WebP picture."
_BROKEN = "This photo's file is broken or cut short: send it again."


@dataclass(frozen=True, slots=True)
class Photo:
    """A clean photo; `width` and `height` are in pixels."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


def clean(data: bytes) -> Photo:
    """Check a photo and return it upright, in RGB, without any metadata.

    Args:
        data: JPEG, PNG or WebP bytes; the content decides, not a name.

    Raises:
        InvalidPhoto: it is too large or small, no photo, broken, or moving.
        ExtraMissing: Pillow isn't installed.
    """
    if len(data) > MAX_BYTES:
        raise InvalidPhoto(f"This photo is too large: at most {MAX_BYTES // 1024**2} MB.")
    media_type, width, height = header(data)
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise InvalidPhoto(
            f"This photo has {width} by {height} pixels;"
            f" each side must have {MIN_SIDE} to {MAX_SIDE}."
        )
    image = _upright(decoded(data))
    return Photo(encoded(image, media_type), media_type, *image.size)


def header(data: bytes) -> tuple[str, int, int]:
    """Return media type, width and height in pixels from the header, decoding nothing.

    Raises:
        InvalidPhoto: it is no JPEG, PNG or WebP.
    """
    image = _opened(data)
    return media_type_of(data) or "", image.width, image.height


def decoded(data: bytes, *, at_least: tuple[int, int] | None = None) -> Image:
    """Return the whole picture, decoded; orientation and mode are the file's.

    Args:
        data: JPEG, PNG or WebP bytes.
        at_least: a JPEG may be decoded to a smaller size, no smaller than this one.

    Raises:
        InvalidPhoto: it is no picture, or broken, or moving.
    """
    image = _opened(data)
    if max(image.size) > MAX_SIDE:
        raise InvalidPhoto(f"This photo has too many pixels: at most {MAX_SIDE} a side.")
    if getattr(image, "is_animated", False):
        raise InvalidPhoto("This photo moves: send a still picture.")
    if _scans(data) > _MAX_SCANS:
        raise InvalidPhoto(f"This photo has more than {_MAX_SCANS} scans: save it anew.")
    if at_least:
        image.draft("RGB", at_least)
    try:
        image.load()
    # Decoders raise what comes, a broken file can make them raise nearly anything.
    except Exception:
        raise InvalidPhoto(_BROKEN) from None
    return image


def encoded(image: Image, media_type: str) -> bytes:
    """Return an RGB picture in its format, without metadata, the same bytes each time."""
    if media_type == "image/png":
        return png_of_photo(image)
    file = io.BytesIO()
    if media_type == "image/jpeg":
        image.save(file, "JPEG", quality=95, subsampling=0, exif=b"")
    else:
        image.save(file, "WEBP", quality=95, method=2, exif=b"")
    return file.getvalue()


def media_type_of(data: bytes) -> str | None:
    """Return the media type by a picture's first bytes, or None if it is no picture of ours."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _opened(data: bytes) -> Image:
    media_type = media_type_of(data)
    if media_type is None:
        raise InvalidPhoto(_NOT_A_PHOTO)
    try:
        # The formats' own classes, and not Image.open: that warns of many pixels, where
        # here the sides are limited, and takes a phone's JPEG with a depth map for a film.
        from PIL.JpegImagePlugin import JpegImageFile
        from PIL.PngImagePlugin import PngImageFile
        from PIL.WebPImagePlugin import WebPImageFile
    except ImportError:
        raise ExtraMissing.for_extra("images", "Reading a photo") from None
    kinds: dict[str, Callable[[io.BytesIO], Image]] = {
        "image/jpeg": JpegImageFile,
        "image/png": PngImageFile,
        "image/webp": WebPImageFile,
    }
    try:
        return kinds[media_type](io.BytesIO(data))
    # What a hostile header makes a parser raise can be anything.
    except Exception:
        raise InvalidPhoto(_NOT_A_PHOTO) from None


def _scans(data: bytes) -> int:
    if media_type_of(data) != "image/jpeg":
        return 0
    scans, at = 0, 2
    while (marker := _JPEG_MARKER.search(data, at)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        at = marker.end()
        if marker[1] not in (b"\x01", b"\xd8"):
            at += int.from_bytes(data[at : at + 2], "big")
    return scans


def _upright(image: Image) -> Image:
    from PIL import Image as Images

    profile = image.info.get("icc_profile")
    try:
        # Turned first: a conversion of the colours drops the Exif that says how.
        image = _in_srgb(_opaque(_turned(image)), profile)
        # A new picture takes no metadata along.
        plain = Images.new("RGB", image.size)
        plain.paste(image.convert("RGB"))
    except Exception:
        raise InvalidPhoto(_BROKEN) from None
    return plain


def _turned(image: Image) -> Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        # Exif that can't be read says nothing of the way up: the photo is taken as it lies.
        return image


def _opaque(image: Image) -> Image:
    from PIL import Image as Images

    if image.mode.startswith("I"):
        # Sixteen bits of grey: a plain conversion would make all above 255 white.
        grey = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
        grey.info.clear()
        return grey
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Images.alpha_composite(Images.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image, profile: bytes | None) -> Image:
    if not profile:
        return image
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A broken profile says nothing of the colours: they are taken as they are.
        return image
    return converted or image
