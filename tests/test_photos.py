"""What a photo has to be to be taken, and what is left of it then."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from docwiz_tasks import InvalidPhoto
from docwiz_tasks.imaging.photos import clean, decoded, header, media_type_of

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
ORIENTATION, GPS, GPS_LATITUDE = 0x0112, 0x8825, 2


def picture(width: int = 160, height: int = 120) -> Image.Image:
    """Red above on the left, green on the right, blue below on the left, white on the right."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((220, 20, 20), (0, 0, width // 2, height // 2))
    image.paste((20, 220, 20), (width // 2, 0, width, height // 2))
    image.paste((20, 20, 220), (0, height // 2, width // 2, height))
    return image


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def exif_of(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif.get_ifd(GPS)[GPS_LATITUDE] = (52.0, 13.0, 56.0)
    return exif.tobytes()


def profile(name: str = "sRGB") -> bytes:
    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes())  # type: ignore[arg-type]


def near(pixel: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 24 for a, b in zip(pixel, wanted, strict=True))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_photo_keeps_its_format_size_and_looks(kind: str) -> None:
    photo = clean(file_of(picture(), kind))
    assert (photo.media_type, photo.width, photo.height) == (FORMATS[kind], 160, 120)
    assert header(photo.data) == (FORMATS[kind], 160, 120)
    assert near(opened(photo.data).getpixel((10, 10)), (220, 20, 20))


@pytest.mark.parametrize("kind", FORMATS)
def test_all_metadata_is_removed(kind: str) -> None:
    options: dict[str, Any] = {"exif": exif_of(1), "icc_profile": profile()}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", "SECRET-NAME")
        text.add_itxt("XML:com.adobe.xmp", "<x>SECRET-NAME</x>")
        options["pnginfo"] = text
    else:
        options["xmp"] = b"<x>SECRET-NAME</x>"
    if kind == "JPEG":
        options["comment"] = b"SECRET-NAME"
    sent = file_of(picture(), kind, **options)
    kept = clean(sent).data
    assert b"SECRET-NAME" in sent
    assert b"SECRET-NAME" not in kept
    assert not opened(kept).getexif()
    assert not {"exif", "xmp", "icc_profile", "comment", "Author"} & set(opened(kept).info)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("with_profile", [False, True])
@pytest.mark.parametrize(
    ("orientation", "upper_left"),
    [
        (1, (220, 20, 20)),
        (2, (20, 220, 20)),
        (3, (255, 255, 255)),
        (4, (20, 20, 220)),
        (5, (220, 20, 20)),
        (6, (20, 20, 220)),
        (7, (255, 255, 255)),
        (8, (20, 220, 20)),
    ],
)
def test_a_photo_is_turned_upright(
    kind: str, with_profile: bool, orientation: int, upper_left: tuple[int, int, int]
) -> None:
    options = {"icc_profile": profile()} if with_profile else {}
    photo = clean(file_of(picture(), kind, exif=exif_of(orientation), **options))
    assert (photo.width, photo.height) == ((120, 160) if orientation > 4 else (160, 120))
    assert near(opened(photo.data).getpixel((10, 10)), upper_left)


@pytest.mark.parametrize("kind", FORMATS)
def test_unreadable_exif_does_not_cost_the_photo(kind: str) -> None:
    assert clean(file_of(picture(), kind, exif=b"Exif\0\0garbage")).width == 160


@pytest.mark.parametrize("damaged", [b"", b"no profile", b"\0" * 200])
def test_an_unusable_colour_profile_is_left_out(damaged: bytes) -> None:
    photo = clean(file_of(picture(), "JPEG", icc_profile=damaged))
    assert near(opened(photo.data).getpixel((10, 10)), (220, 20, 20))


def test_cleaning_twice_changes_no_pixel_of_a_png() -> None:
    once = clean(file_of(picture(), "PNG"))
    assert clean(once.data) == once


@pytest.mark.parametrize("value", [300, 32768, 65535])
def test_sixteen_bits_of_grey_become_eight(value: int) -> None:
    grey = Image.frombytes("I;16", (120, 120), struct.pack("<H", value) * 120 * 120)
    shown = opened(clean(file_of(grey, "PNG")).data).getpixel((5, 5))
    assert near(shown, (value // 257,) * 3)


@pytest.mark.parametrize(
    ("image", "kind", "wanted"),
    [
        (Image.new("CMYK", (120, 120), (0, 0, 0, 0)), "JPEG", (255, 255, 255)),
        (Image.new("L", (120, 120), 90), "JPEG", (90, 90, 90)),
        (Image.new("1", (120, 120), 1), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (120, 120), (200, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (120, 120), (200, 0, 0, 0)), "WEBP", (255, 255, 255)),
        (Image.new("LA", (120, 120), (0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGB", (120, 120), (9, 99, 199)).quantize(4), "PNG", (9, 99, 199)),
    ],
)
def test_every_mode_becomes_rgb_on_white(
    image: Image.Image, kind: str, wanted: tuple[int, int, int]
) -> None:
    shown = opened(clean(file_of(image, kind)).data)
    assert shown.mode == "RGB"
    assert near(shown.getpixel((5, 5)), wanted)


def test_the_content_decides_and_no_name_does() -> None:
    assert media_type_of(file_of(picture(), "WEBP")) == "image/webp"
    assert media_type_of(b"photo.jpg") is None


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(InvalidPhoto, match="JPEG, PNG or WebP"):
        clean(file_of(picture(), kind))


def test_more_than_ten_megabytes_are_refused() -> None:
    with pytest.raises(InvalidPhoto, match="10 MB"):
        clean(file_of(picture(), "JPEG") + bytes(10 * 1024 * 1024))


@pytest.mark.parametrize("size", [(99, 200), (200, 99), (8193, 100), (100, 8193)])
def test_a_side_outside_100_to_8192_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidPhoto, match="100 to 8192"):
        clean(file_of(Image.new("L", size), "PNG"))


@pytest.mark.parametrize("size", [(100, 100), (8192, 100)])
def test_a_side_of_100_or_8192_is_taken(size: tuple[int, int]) -> None:
    assert clean(file_of(Image.new("L", size), "PNG")).width == size[0]


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    # No pixel follows: had it been decoded, the sentence would be another.
    with pytest.raises(InvalidPhoto, match="60000 by 60000"):
        clean(data + struct.pack(">I", 0) + b"IDAT")


def test_a_jpeg_with_thousands_of_scans_is_refused() -> None:
    data = file_of(picture(), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(InvalidPhoto, match="scans"):
        clean(data[:-2] + last * 5000 + b"\xff\xd9")


def test_an_ordinary_progressive_jpeg_is_taken() -> None:
    assert clean(file_of(picture(), "JPEG", progressive=True)).width == 160


def test_a_png_whose_text_unpacks_to_much_is_refused() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 20_000_000, zip=True)
    with pytest.raises(InvalidPhoto):
        clean(file_of(picture(), "PNG", pnginfo=text))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind: str) -> None:
    moving = file_of(picture(), kind, save_all=True, append_images=[Image.new("RGB", (160, 120))])
    with pytest.raises(InvalidPhoto, match="still"):
        clean(moving)


def test_a_phones_jpeg_with_a_second_picture_is_taken() -> None:
    data = file_of(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (160, 120))])
    assert near(opened(clean(data).data).getpixel((10, 10)), (220, 20, 20))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.7, 0.95])
def test_a_file_that_was_cut_off_is_refused(kind: str, part: float) -> None:
    data = file_of(Image.effect_noise((200, 200), 60).convert("RGB"), kind)
    for read in (clean, decoded):
        with pytest.raises(InvalidPhoto):
            read(data[: int(len(data) * part)])


def test_pillows_own_limits_stay_as_they_were() -> None:
    from PIL import ImageFile

    pixels, truncated = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    clean(file_of(picture(), "JPEG"))
    assert pixels == Image.MAX_IMAGE_PIXELS
    assert truncated == ImageFile.LOAD_TRUNCATED_IMAGES


VALID = [
    file_of(Image.effect_noise((110, 105), 60).convert("RGB"), "JPEG", exif=exif_of(6)),
    file_of(picture(110, 105), "JPEG", progressive=True, icc_profile=profile()),
    file_of(picture(110, 105).convert("RGBA"), "PNG", exif=exif_of(3)),
    file_of(picture(110, 105).quantize(8), "PNG"),
    file_of(picture(110, 105), "WEBP", exif=exif_of(8), icc_profile=profile()),
    file_of(picture(110, 105), "WEBP", lossless=True),
]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.sampled_from(VALID),
    cut=st.floats(0.0, 1.0),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=6),
)
def test_hostile_bytes_give_a_photo_or_invalid_photo(
    data: bytes, cut: float, changes: list[tuple[float, bytes]]
) -> None:
    mutated = bytearray(data)
    for place, piece in changes:
        at = int(place * (len(mutated) - 1))
        mutated[at : at + len(piece)] = piece
    hostile = bytes(mutated[: int(len(mutated) * cut)] if cut > 0.3 else mutated)
    try:
        photo = clean(hostile)
    except InvalidPhoto as error:
        refusal: InvalidPhoto | None = error
    else:
        refusal = None
        assert opened(photo.data).size == (photo.width, photo.height)
    # What Pillow raised may quote what was sent: it must not be shown along.
    assert refusal is None or refusal.__suppress_context__ or refusal.__context__ is None
