"""Providers that need no network: a simulation that is visibly one, for trying and testing."""

from __future__ import annotations

import io
import math
import zlib
from typing import TYPE_CHECKING

from docwiz_tasks.contracts import ArtworkRequest, EditRequest, Embedding, GeneratedImage
from docwiz_tasks.errors import InvalidPhoto, ProviderRejected
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.photos import decoded
from docwiz_tasks.imaging.regions import ellipses, region_mask

if TYPE_CHECKING:
    from PIL.Image import Image

    from docwiz_tasks.settings import Settings

__all__ = ["OfflineAIProvider", "OfflineImageProvider"]

_GRID = 24
_STRENGTH = {
    "nose": 0.24, "chin": -0.16, "lips": -0.20, "ears": 0.22, "upper_lip": -0.10,
    "breasts": -0.14, "abdomen": 0.14, "body_contour": 0.18, "eyelids": -0.10,
    "face": 0.10, "forehead": -0.08,
}  # fmt: skip


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
        changed = _warped(photo, request.region)
        changed = changed.point([min(255, round(v * 0.97 + 12)) for v in range(256)] * 3)
        photo.paste(changed, (0, 0), region_mask(request.region, *photo.size))
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
        picture = _read(image)
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
        """Return the artwork as a PNG of the wanted size."""
        from PIL import Image as Images
        from PIL import ImageDraw

        seed = zlib.crc32(f"{request.prompt}/{request.seed}".encode())
        # Drawn at twice the size and reduced: the edges come out smooth.
        width, height = request.width * 2, request.height * 2
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


def _read(data: bytes) -> Image:
    try:
        return decoded(data).convert("RGB")
    except InvalidPhoto as error:
        raise ProviderRejected(error.message) from None


def _png(image: Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _warped(photo: Image, region: str) -> Image:
    from PIL import Image as Images

    warped = photo.copy()
    for ellipse in ellipses(region):
        left, top, right, bottom = ellipse.box(*photo.size)
        patch = photo.crop((left, top, right, bottom))
        mesh = _pinch(patch.size, _STRENGTH[region])
        patch = patch.transform(patch.size, Images.Transform.MESH, mesh, Images.Resampling.BICUBIC)
        warped.paste(patch, (left, top))
    return warped


def _pinch(
    size: tuple[int, int], strength: float
) -> list[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    """Return a mesh that draws the middle together; a negative strength spreads it."""
    width, height = size

    def source(column: int, row: int) -> tuple[float, float]:
        x, y = column / _GRID * 2 - 1, row / _GRID * 2 - 1
        pull = 1 + strength * max(0.0, 1 - x * x - y * y)
        # Mostly across: the height of a feature stays believable.
        return ((x * pull + 1) / 2 * width, (y * (1 + (pull - 1) * 0.35) + 1) / 2 * height)

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
