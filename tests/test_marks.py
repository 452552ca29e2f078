"""The marks that say that a picture is a simulation."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from docwiz_tasks import InvalidPhoto
from docwiz_tasks.imaging import marks

KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"lossless": True}),
]


def file_of(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    colour = (200, 30, 40, 90)[: len(mode)]
    image = Image.new(mode, (131, 120), colour)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(("kind", "mode", "options"), KINDS)
def test_a_mark_is_read_again_and_no_pixel_changes(
    kind: str, mode: str, options: dict[str, Any]
) -> None:
    data = file_of(kind, mode, **options)
    marked = marks.embed_source_type(data, marks.EDITED, note="SIMULATION. Not a result.")
    assert marks.read_source_type(data) is None
    assert marks.read_source_type(marked) == marks.EDITED
    assert opened(marked).mode == opened(data).mode
    assert opened(marked).tobytes() == opened(data).tobytes()


@pytest.mark.parametrize(("kind", "mode", "options"), KINDS)
def test_the_packet_is_where_other_programs_look_for_it(
    kind: str, mode: str, options: dict[str, Any]
) -> None:
    marked = marks.embed_source_type(file_of(kind, mode, **options), marks.EDITED, note="a < b & c")
    packet = opened(marked).info["xmp"]
    root = ElementTree.fromstring(packet.decode().lstrip("\ufeff"))
    name = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    assert [element.text for element in root.iter(name)] == [marks.EDITED]
    assert "a < b & c" in "".join(root.itertext())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_second_mark_replaces_the_first(kind: str) -> None:
    once = marks.embed_source_type(file_of(kind), marks.GENERATED, note="first")
    twice = marks.embed_source_type(once, marks.EDITED, note="second")
    assert marks.read_source_type(twice) == marks.EDITED
    assert marks.GENERATED.encode() + b"<" not in twice
    assert b"first" not in twice
    assert marks.embed_source_type(twice, marks.EDITED, note="second") == twice


def test_a_packet_of_another_program_is_replaced() -> None:
    other = f'<a Iptc4xmpExt:DigitalSourceType="{marks.ALGORITHMIC}"/>'.encode()
    data = file_of("JPEG", xmp=other, comment=b"before the packet")
    assert marks.read_source_type(data) == marks.ALGORITHMIC
    marked = marks.embed_source_type(data, marks.EDITED)
    assert marks.read_source_type(marked) == marks.EDITED
    assert other not in marked


def test_exif_stays_the_first_segment_of_a_jpeg() -> None:
    exif = Image.Exif()
    exif[0x010E] = "description"
    with_jfif = file_of("JPEG", exif=exif.tobytes())
    length = int.from_bytes(with_jfif[4:6], "big")
    without_jfif = with_jfif[:2] + with_jfif[4 + length :]
    for data, place in ((with_jfif, 1), (without_jfif, 0)):
        file = JpegImageFile(io.BytesIO(marks.embed_source_type(data, marks.EDITED)))
        assert file.applist[place][1].startswith(b"Exif")
        assert file.applist[place + 1][1].startswith(b"http://ns.adobe.com/xap/1.0/")


def test_a_note_may_hold_what_xml_may_not() -> None:
    packet = opened(
        marks.embed_source_type(file_of("PNG"), marks.EDITED, note="one\x0btwo\x00three")
    ).info["xmp"]
    ElementTree.fromstring(packet.decode().lstrip("\ufeff"))


def test_what_follows_a_pngs_end_is_dropped() -> None:
    marked = marks.embed_source_type(file_of("PNG") + b"x", marks.EDITED)
    assert marks.read_source_type(marked) == marks.EDITED
    assert opened(marked).size == (131, 120)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF"])
def test_what_is_no_picture_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidPhoto):
        marks.embed_source_type(data, marks.EDITED)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([file_of(kind, mode, **options) for kind, mode, options in KINDS]),
    st.floats(0, 1),
    st.binary(max_size=6),
)
def test_damaged_pictures_are_marked_or_refused(data: bytes, place: float, piece: bytes) -> None:
    at = int(place * len(data))
    for damaged in (data[:at], data[:at] + piece + data[at + len(piece) :]):
        try:
            marked = marks.embed_source_type(damaged, marks.EDITED)
        except InvalidPhoto:
            continue
        assert marks.read_source_type(marked) == marks.EDITED


@pytest.mark.parametrize("size", [(100, 100), (1024, 1280), (3000, 500), (500, 3000)])
def test_a_label_is_a_small_band_in_the_lower_left(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "white")
    marks.print_label(image, "SIMULATION")
    left, top, right, bottom = Image.eval(image, lambda value: 255 - value).getbbox() or (9,) * 4
    assert left == 0
    assert bottom == size[1]
    assert right <= size[0]
    assert bottom - top <= max(18, 0.055 * size[1])
