"""A drawn portrait of nobody, for the demonstration and for tests."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["portrait"]

_SKIN, _SHADE, _LIGHT = (226, 184, 158), (198, 148, 122), (244, 212, 190)
_HAIR, _HAIR_LIGHT = (72, 50, 40), (104, 74, 58)
_LIP, _LIP_DARK = (190, 104, 100), (160, 78, 78)
_BROW, _IRIS, _DARK = (84, 60, 48), (92, 122, 116), (44, 32, 30)

Box = tuple[float, float, float, float]


@cache
def portrait(width: int = 1024, height: int = 1280) -> bytes:
    """Return the portrait as a JPEG; the same bytes each time.

    Args:
        width: in pixels.
        height: in pixels.
    """
    from PIL import Image as Images

    image = Images.linear_gradient("L").resize((width, height))
    image = _colours(image, (214, 224, 228), (176, 192, 200))
    _shoulders(image)
    _hair_behind(image)
    _ears(image)
    _face(image)
    _eyes(image)
    _nose(image)
    _mouth(image)
    _hair_in_front(image)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92, subsampling=0)
    return file.getvalue()


def _paint(
    image: Image, boxes: list[Box], colour: tuple[int, int, int], soft: float, strength: int = 255
) -> None:
    """Paint ellipses, given in fractions of the picture, with edges blurred by `soft`."""
    from PIL import Image as Images
    from PIL import ImageDraw

    mask = Images.new("L", image.size, 0)
    draw = ImageDraw.Draw(mask)
    for box in boxes:
        draw.ellipse(_pixels(image, box), fill=strength)
    _apply(image, mask, colour, soft)


def _shape(
    image: Image,
    points: list[tuple[float, float]],
    colour: tuple[int, int, int],
    soft: float,
    strength: int = 255,
) -> None:
    from PIL import Image as Images
    from PIL import ImageDraw

    mask = Images.new("L", image.size, 0)
    corners = [(x * image.width, y * image.height) for x, y in points]
    ImageDraw.Draw(mask).polygon(corners, fill=strength)
    _apply(image, mask, colour, soft)


def _rounded(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return an outline with its corners cut four times over (Chaikin, 1974)."""
    for _ in range(4):
        pairs = zip(points, [*points[1:], points[0]], strict=True)
        points = [
            (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part)
            for (x0, y0), (x1, y1) in pairs
            for part in (0.25, 0.75)
        ]
    return points


def _apply(image: Image, mask: Image, colour: tuple[int, int, int], soft: float) -> None:
    from PIL import Image as Images
    from PIL import ImageFilter

    mask = mask.filter(ImageFilter.GaussianBlur(soft * image.width))
    image.paste(Images.new("RGB", image.size, colour), (0, 0), mask)


def _shoulders(image: Image) -> None:
    _paint(image, [(0.08, 0.84, 0.92, 1.3)], (88, 112, 128), 0.006)
    _paint(image, [(0.30, 0.86, 0.70, 1.2)], (104, 130, 146), 0.05, 130)
    _shape(
        image, [(0.40, 0.66), (0.60, 0.66), (0.63, 0.88), (0.50, 0.94), (0.37, 0.88)], _SKIN, 0.006
    )
    _paint(image, [(0.36, 0.68, 0.64, 0.80)], _SHADE, 0.03, 200)


def _hair_behind(image: Image) -> None:
    _paint(image, [(0.22, 0.10, 0.78, 0.66)], _HAIR, 0.006)
    long_hair = [(0.22, 0.34), (0.78, 0.34), (0.79, 0.56), (0.81, 0.74), (0.70, 0.79), (0.62, 0.76),
                 (0.38, 0.76), (0.30, 0.79), (0.19, 0.74), (0.21, 0.56)]  # fmt: skip
    _shape(image, _rounded(long_hair), _HAIR, 0.004)
    _shape(
        image, [(0.40, 0.62), (0.60, 0.62), (0.62, 0.86), (0.50, 0.92), (0.38, 0.86)], _SKIN, 0.006
    )
    _paint(image, [(0.38, 0.67, 0.62, 0.78)], _SHADE, 0.025, 220)


def _ears(image: Image) -> None:
    for middle, inner in ((0.268, 0.276), (0.732, 0.724)):
        _paint(image, [(middle - 0.035, 0.365, middle + 0.035, 0.495)], _SKIN, 0.003)
        _paint(image, [(inner - 0.018, 0.385, inner + 0.018, 0.470)], _SHADE, 0.008, 200)
        _paint(image, [(inner - 0.008, 0.400, inner + 0.008, 0.450)], _LIGHT, 0.006, 120)


def _face(image: Image) -> None:
    _paint(image, [(0.275, 0.17, 0.725, 0.66)], _SKIN, 0.004)
    _shape(image, [(0.285, 0.46), (0.715, 0.46), (0.66, 0.65), (0.58, 0.735), (0.50, 0.752), (0.42, 0.735),
                   (0.34, 0.65)], _SKIN, 0.010)  # fmt: skip
    _paint(image, [(0.24, 0.40, 0.36, 0.70), (0.64, 0.40, 0.76, 0.70)], _SHADE, 0.04, 110)
    _paint(image, [(0.38, 0.205, 0.62, 0.32)], _LIGHT, 0.05, 150)
    _paint(
        image,
        [(0.335, 0.475, 0.425, 0.545), (0.575, 0.475, 0.665, 0.545)],
        (232, 158, 142),
        0.03,
        130,
    )
    _paint(image, [(0.45, 0.66, 0.55, 0.72)], _LIGHT, 0.02, 130)
    _paint(image, [(0.45, 0.637, 0.55, 0.652)], _SHADE, 0.010, 140)


def _eyes(image: Image) -> None:
    for x in (0.405, 0.595):
        _paint(image, [(x - 0.07, 0.355, x + 0.07, 0.415)], _SHADE, 0.018, 130)
        _almond(image, x, 0.388, (250, 246, 242))
        _paint(image, [(x - 0.021, 0.371, x + 0.021, 0.405)], _IRIS, 0.0015)
        _paint(image, [(x - 0.010, 0.380, x + 0.010, 0.396)], (22, 20, 22), 0.001)
        _paint(image, [(x + 0.003, 0.377, x + 0.011, 0.383)], (255, 255, 255), 0.0008)
        lid = [(x - 0.055, 0.392), (x - 0.03, 0.373), (x, 0.366), (x + 0.03, 0.372), (x + 0.056, 0.388),
               (x + 0.03, 0.379), (x, 0.372), (x - 0.03, 0.380)]  # fmt: skip
        _shape(image, lid, _DARK, 0.0012)
        _shape(
            image,
            [(x - 0.05, 0.358), (x, 0.348), (x + 0.05, 0.356), (x, 0.352)],
            _SHADE,
            0.002,
            220,
        )
        inner, outer = (x + 0.055, x - 0.075) if x < 0.5 else (x - 0.055, x + 0.075)
        brow = [(inner, 0.325), (x, 0.317), (outer, 0.334), (x, 0.328), (inner, 0.337)]
        _shape(image, brow, _BROW, 0.003)


def _almond(image: Image, x: float, y: float, colour: tuple[int, int, int]) -> None:
    outline = [(x - 0.055, y + 0.003), (x - 0.03, y - 0.014), (x, y - 0.019), (x + 0.03, y - 0.014),
               (x + 0.055, y + 0.001), (x + 0.03, y + 0.013), (x, y + 0.017), (x - 0.03, y + 0.013)]  # fmt: skip
    _shape(image, outline, colour, 0.0015)


def _nose(image: Image) -> None:
    _shape(image, [(0.468, 0.37), (0.478, 0.37), (0.462, 0.50), (0.440, 0.52)], _SHADE, 0.010, 190)
    _shape(image, [(0.532, 0.37), (0.522, 0.37), (0.538, 0.50), (0.560, 0.52)], _SHADE, 0.010, 130)
    _shape(image, [(0.492, 0.37), (0.508, 0.37), (0.514, 0.49), (0.486, 0.49)], _LIGHT, 0.007, 220)
    _paint(image, [(0.470, 0.485, 0.530, 0.530)], _LIGHT, 0.012, 150)
    _paint(image, [(0.436, 0.500, 0.470, 0.534), (0.530, 0.500, 0.564, 0.534)], _SHADE, 0.006, 150)
    _paint(
        image,
        [(0.460, 0.521, 0.484, 0.533), (0.516, 0.521, 0.540, 0.533)],
        (122, 76, 64),
        0.003,
        230,
    )
    _paint(image, [(0.462, 0.533, 0.538, 0.546)], _SHADE, 0.006, 170)


def _mouth(image: Image) -> None:
    _shape(
        image, [(0.488, 0.545), (0.512, 0.545), (0.508, 0.574), (0.492, 0.574)], _SHADE, 0.004, 130
    )
    upper = [(0.420, 0.600), (0.465, 0.582), (0.487, 0.577), (0.500, 0.582), (0.513, 0.577), (0.535, 0.582),
             (0.580, 0.600), (0.540, 0.603), (0.500, 0.605), (0.460, 0.603)]  # fmt: skip
    lower = [(0.420, 0.600), (0.460, 0.603), (0.500, 0.605), (0.540, 0.603), (0.580, 0.600), (0.550, 0.620),
             (0.500, 0.631), (0.450, 0.620)]  # fmt: skip
    _shape(image, upper, _LIP_DARK, 0.0025)
    _shape(image, lower, _LIP, 0.0025)
    _paint(image, [(0.465, 0.609, 0.535, 0.622)], (222, 150, 144), 0.006, 170)
    _shape(
        image,
        [(0.418, 0.599), (0.500, 0.602), (0.582, 0.599), (0.500, 0.607)],
        (112, 54, 56),
        0.0015,
        210,
    )


def _hair_in_front(image: Image) -> None:
    fringe = [(0.256, 0.48), (0.225, 0.30), (0.29, 0.14), (0.42, 0.095), (0.58, 0.095), (0.71, 0.14),
              (0.775, 0.30), (0.744, 0.48), (0.722, 0.33), (0.66, 0.225), (0.57, 0.195), (0.46, 0.215),
              (0.36, 0.25), (0.295, 0.33)]  # fmt: skip
    _shape(image, _rounded(fringe), _HAIR, 0.003)
    _shape(
        image, [(0.34, 0.20), (0.46, 0.135), (0.60, 0.14), (0.46, 0.165)], _HAIR_LIGHT, 0.014, 170
    )
    _shape(
        image, [(0.62, 0.155), (0.70, 0.21), (0.735, 0.30), (0.69, 0.22)], _HAIR_LIGHT, 0.010, 150
    )


def _pixels(image: Image, box: Box) -> Box:
    left, top, right, bottom = box
    return (left * image.width, top * image.height, right * image.width, bottom * image.height)


def _colours(grey: Image, dark: tuple[int, int, int], light: tuple[int, int, int]) -> Image:
    from PIL import ImageOps

    return ImageOps.colorize(grey, dark, light)
