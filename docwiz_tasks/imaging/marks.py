"""Marking pictures as simulated: for machines in XMP, for eyes with a label.

The XMP property is IPTC's DigitalSourceType, whose values are listed at
https://cv.iptc.org/newscodes/digitalsourcetype/.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from docwiz_tasks.errors import InvalidPhoto

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ALGORITHMIC", "EDITED", "GENERATED", "embed_source_type", "packet_of", "print_label",
           "read_source_type"]  # fmt: skip

_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
EDITED = f"{_TYPES}compositeWithTrainedAlgorithmicMedia"
GENERATED = f"{_TYPES}trainedAlgorithmicMedia"
ALGORITHMIC = f"{_TYPES}algorithmicMedia"

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">
<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{note}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""

# As an element or, as other programs write it, as an attribute.
_SOURCE_TYPE = re.compile(rb"Iptc4xmpExt:DigitalSourceType\s*(?:>|=\s*[\"'])\s*([!#-&(-;=?-~]+)")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_JPEG_XMP = (b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0")
_JPEG_SCAN = 0xDA
_MOST_LINES = 5
_BAND = (22, 30, 36)
_WEBP_XMP_FLAG, _WEBP_ALPHA_FLAG = 0x04, 0x10


def embed_source_type(data: bytes, source_type: str, *, note: str = "") -> bytes:
    """Return the same picture with an XMP packet, in place of one that it had.

    Args:
        data: the final bytes of a PNG, JPEG or WebP; its pixels stay as they are.
        source_type: `EDITED`, `GENERATED` or `ALGORITHMIC`.
        note: a sentence for the packet's description.

    Raises:
        InvalidPhoto: it is another kind of file, or broken.
    """
    packet = packet_of(source_type, note)
    try:
        if data.startswith(_PNG):
            return _png(data, packet)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data, packet)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data, packet)
    except (struct.error, IndexError):
        raise InvalidPhoto("This picture's file is broken; it can't be marked.") from None
    raise InvalidPhoto("Only PNG, JPEG and WebP pictures can be marked.")


def packet_of(source_type: str, note: str) -> bytes:
    """Return the XMP packet alone, for a file that others put together."""
    text = escape(_NOT_IN_XML.sub(" ", note))
    return _PACKET.format(source_type=escape(source_type), note=text).encode()


def read_source_type(data: bytes) -> str | None:
    """Return a picture's DigitalSourceType, or None where it has none."""
    found = _SOURCE_TYPE.search(data)
    return found.group(1).decode() if found else None


def print_label(image: Image, text: str) -> None:
    """Print a label in the lower left corner, in white on a dark band that hides what is there.

    Args:
        image: an RGB picture; changed in place.
        text: a few words; in several lines where the picture is narrow.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    from docwiz_tasks.typography import font, wrapped

    size = max(10, min(image.width, image.height) // 32)
    label = font(size, bold=True)
    lines = wrapped(text, label, image.width - size, _MOST_LINES)
    width = min(image.width, round(max(map(label.getlength, lines))) + size)
    line_height = round(size * 1.3)
    height = round(size * 1.6) + line_height * (len(lines) - 1)
    box = (0, image.height - height, width, image.height)
    # An offline picture has a label there already, which must not shine through.
    band = Images.new("RGB", (width, height), _BAND)
    draw = ImageDraw.Draw(band)
    for number, line in enumerate(lines):
        at = (size // 2, round(size * 0.8) + number * line_height)
        draw.text(at, line, fill="white", font=label, anchor="lm")
    image.paste(band, box[:2])


def _png(data: bytes, packet: bytes) -> bytes:
    chunks = [
        chunk for chunk in _png_chunks(data) if not (chunk[4:8] == b"iTXt" and _PNG_XMP in chunk)
    ]
    # Uncompressed, and with neither a language nor a translated keyword.
    body = b"iTXt" + _PNG_XMP + b"\0\0\0\0" + packet
    mark = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return b"".join([_PNG, chunks[0], mark, *chunks[1:]])


def _png_chunks(data: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunk = data[at : at + 12 + length]
        yield chunk
        # What programs put behind the end is no part of the picture.
        if chunk[4:8] == b"IEND":
            return
        at += 12 + length


def _jpeg(data: bytes, packet: bytes) -> bytes:
    body = _JPEG_XMP[0] + packet
    mark = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    leading: list[bytes] = []
    others: list[bytes] = []
    at = 2
    # From the first scan on the bytes are taken as they are.
    while data[at] == 0xFF and data[at + 1] != _JPEG_SCAN:
        (length,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at : at + 2 + length]
        # JFIF and Exif have to come first.
        if not others and (segment[1] == 0xE0 or segment[4:10] == b"Exif\0\0"):
            leading.append(segment)
        elif not segment[4:].startswith(_JPEG_XMP):
            others.append(segment)
        at += 2 + length
    return b"".join([b"\xff\xd8", *leading, mark, *others, data[at:]])


def _webp(data: bytes, packet: bytes) -> bytes:
    from docwiz_tasks.imaging.photos import header

    _, width, height = header(data)
    chunks = [(name, body) for name, body in _riff_chunks(data) if name != b"XMP "]
    flags = _WEBP_XMP_FLAG
    if chunks[0][0] == b"VP8X":
        flags |= chunks.pop(0)[1][0]
    elif chunks[0][0] == b"VP8L" and chunks[0][1][4] & 0x10:
        flags |= _WEBP_ALPHA_FLAG
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    extended = (b"VP8X", bytes([flags, 0, 0, 0]) + size)
    body = b"".join(
        name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2)
        for name, part in [extended, *chunks, (b"XMP ", packet)]
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
