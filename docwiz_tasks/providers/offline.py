"""Providers that need no network: a simulation that is visibly one, for trying and testing."""

from __future__ import annotations

import io
import math
import zlib
from typing import TYPE_CHECKING, NamedTuple

from docwiz_tasks.contracts import ArtworkRequest, EditRequest, Embedding, GeneratedImage
from docwiz_tasks.errors import ExtraMissing, InvalidPhoto, ProviderRejected
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.photos import decoded
from docwiz_tasks.imaging.regions import Ellipse, ellipses, region_mask

if TYPE_CHECKING:
    from PIL.Image import Image

    from docwiz_tasks.settings import Settings

__all__ = ["OfflineAIProvider", "OfflineImageProvider"]

_GRID = 24


class _Change(NamedTuple):
    """How a region changes; all are parts of its size, and less than 0 is the other way."""

    wider: float = 0.0
    taller: float = 0.0
    inward: float = 0.0
    upward: float = 0.0


_CHANGES = {
    "abdomen": _Change(wider=-0.25),
    "body_contour": _Change(inward=0.34),
    "breasts": _Change(wider=0.28, taller=0.28),
    "chin": _Change(wider=0.1, upward=-0.26),
    "ears": _Change(wider=-0.15, inward=0.22),
    "eyelids": _Change(wider=0.06, taller=0.2, upward=0.06),
    "face": _Change(inward=0.12, upward=0.1),
    "forehead": _Change(upward=0.2),
    "lips": _Change(wider=0.1, taller=0.42),
    "nose": _Change(wider=-0.55, upward=0.08),
    "upper_lip": _Change(wider=0.05, taller=0.5),
}


class OfflineAIProvider:
    """Warp and brighten the procedure's region a little; all else stays as it is.

    The same photo and request give the same bytes. The result is a PNG, since a lossy
    format would change every pixel, with the word SIMULATION printed into it.
    """

    def __init__(self, settings: Settings) -> None:
        pass

    def edit_image(self, request: EditRequest) -> GeneratedImage:
        """Return the changed photo.

        Raises:
            ProviderRejected: the photo can't be read, or the region isn't known.
        """
        photo = _read(request.image)
        # Two procedures share this region; only the prompt tells them apart.
        smaller = request.region == "breasts" and "reduction" in request.prompt
        _change(photo, request.region, smaller=smaller)
        marks.print_label(photo, "SIMULATION")
        data = marks.embed_source_type(_png(photo), marks.EDITED, note="SIMULATION")
        return GeneratedImage(data, "image/png", "offline-warp-1", usage={"images": 1})

    def embed_image(self, image: bytes, media_type: str) -> Embedding:
        """Return a perceptual fingerprint: alike for pictures that look alike, no more.

        The 64 lowest frequencies of the luminance's cosine transform, but for its mean,
        and the mean colours of a grid of 4 by 4, scaled to length 1. After the perceptual
        hash of Zauner, "Implementation and benchmarking of perceptual image hash
        functions", 2010, kept as numbers.

        Raises:
            ProviderRejected: the picture can't be read.
        """
        # No finer than what is looked at: a large photo costs little more than a small one.
        picture = _read(image, at_least=(256, 256)).resize((64, 64))
        luminance = [v / 255 for v in picture.convert("L").resize((32, 32)).tobytes()]
        colours = [v / 255 - 0.5 for v in picture.resize((4, 4)).tobytes()]
        vector = [*_cosines(luminance, 32, 8)[1:], *colours]
        length = math.sqrt(sum(v * v for v in vector)) or 1.0
        return Embedding([round(v / length, 6) for v in vector], "offline-perceptual-1")


class OfflineImageProvider:
    """Draw calm waves in two tones, chosen by the prompt and the seed."""

    def __init__(self, settings: Settings) -> None:
        pass

    def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
        """Return the artwork as a PNG of the wanted size, but each side 64 to 4096 pixels.

        Raises:
            ExtraMissing: Pillow isn't installed.
        """
        try:
            from PIL import Image as Images
            from PIL import ImageDraw
        except ImportError:
            raise ExtraMissing.for_extra("images", "Drawing artwork") from None

        seed = zlib.crc32(f"{request.prompt}/{request.seed}".encode())
        # Drawn at twice the size and reduced: the edges come out smooth.
        width = min(max(request.width, 64), 4096) * 2
        height = min(max(request.height, 64), 4096) * 2
        artwork = Images.linear_gradient("L").resize((width, height))
        image = _tinted(artwork, (246, 250, 250), (206, 232, 232))
        for layer in range(4):
            phase = ((seed >> (layer * 7)) % 628) / 100
            colour = (178 - 26 * layer, 216 - 18 * layer, 216 - 14 * layer)
            wave = [
                (x, height * (0.55 + 0.11 * layer + 0.06 * math.sin(x / width * 5 + phase)))
                for x in range(0, width + 8, 8)
            ]
            sheet = Images.new("L", (width, height), 0)
            ImageDraw.Draw(sheet).polygon([*wave, (width, height), (0, height)], fill=110)
            image.paste(Images.new("RGB", (width, height), colour), (0, 0), sheet)
        image = image.reduce(2)
        data = marks.embed_source_type(_png(image), marks.ALGORITHMIC, note="Drawn by a program")
        return GeneratedImage(data, "image/png", "offline-waves-1", usage={"images": 1})


def _read(data: bytes, at_least: tuple[int, int] | None = None) -> Image:
    try:
        return decoded(data, at_least=at_least).convert("RGB")
    except InvalidPhoto as error:
        raise ProviderRejected(error.message) from None


def _png(image: Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _change(photo: Image, region: str, *, smaller: bool) -> None:
    from PIL import Image as Images

    mask = region_mask(region, *photo.size)
    lighter = [min(255, round(v * 0.97 + 12)) for v in range(256)] * 3
    for ellipse in ellipses(region):
        box = ellipse.box(*photo.size)
        patch = photo.crop(box)
        mesh = _mesh(patch.size, ellipse, _CHANGES[region], -1 if smaller else 1)
        patch = patch.transform(patch.size, Images.Transform.MESH, mesh, Images.Resampling.BICUBIC)
        # The warp ends smoothly by itself; blending it too would show both pictures at once.
        soft = mask.crop(box)
        photo.paste(patch, box[:2], soft.point(lambda v: 255 if v else 0))
        photo.paste(patch.point(lighter), box[:2], soft)


def _mesh(
    size: tuple[int, int], ellipse: Ellipse, change: _Change, strength: int
) -> list[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    """Return a grid of boxes, each with the corners of what it shows."""
    width, height = size
    side = (ellipse.x < 0.5) - (ellipse.x > 0.5)

    def source(column: int, row: int) -> tuple[float, float]:
        x, y = column / _GRID * 2 - 1, row / _GRID * 2 - 1
        # Nothing at the ellipse's edge, nor a kink there: no seam shows.
        pull = strength * max(0.0, 1 - x * x - y * y) ** 2
        x -= pull * (x * change.wider + side * change.inward)
        y -= pull * (y * change.taller - change.upward)
        return (x + 1) / 2 * width, (y + 1) / 2 * height

    mesh = []
    for column in range(_GRID):
        for row in range(_GRID):
            box = (
                column * width // _GRID,
                row * height // _GRID,
                (column + 1) * width // _GRID,
                (row + 1) * height // _GRID,
            )
            corners = [
                source(column, row),
                source(column, row + 1),
                source(column + 1, row + 1),
                source(column + 1, row),
            ]
            if box[2] > box[0] and box[3] > box[1]:
                mesh.append((box, tuple(v for corner in corners for v in corner)))
    return mesh


def _cosines(values: list[float], side: int, wanted: int) -> list[float]:
    waves = [
        [math.cos(math.pi * k * (2 * n + 1) / (2 * side)) for n in range(side)]
        for k in range(wanted)
    ]
    rows = [
        [sum(w * v for w, v in zip(wave, values[y * side : (y + 1) * side], strict=True))
         for wave in waves]
        for y in range(side)
    ]  # fmt: skip
    return [
        sum(wave[y] * rows[y][k] for y in range(side)) / side
        for wave in waves
        for k in range(wanted)
    ]


def _tinted(grey: Image, dark: tuple[int, int, int], light: tuple[int, int, int]) -> Image:
    from PIL import ImageOps

    return ImageOps.colorize(grey, dark, light)
