"""What the fidelity measure says of edits that are faithful, and of edits that aren't.

Each pair is made here from the drawn portrait. Prints a table, and whether the default
threshold parts the two kinds.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from docwiz_tasks import EditRequest, Settings
from docwiz_tasks.imaging.fidelity import changed_outside
from docwiz_tasks.imaging.regions import REGIONS
from docwiz_tasks.providers.offline import OfflineAIProvider
from docwiz_tasks.testing.portrait import portrait

Picture = Image.Image
PHOTO = portrait()


def opened(data: bytes) -> Picture:
    return Image.open(io.BytesIO(data)).convert("RGB")


def as_jpeg(image: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return opened(file.getvalue())


def offline(region: str) -> Picture:
    request = EditRequest(PHOTO, "image/png", "a change", region)
    return opened(OfflineAIProvider(Settings(plugins="none")).edit_image(request).data)


def resized(image: Picture, scale: float) -> Picture:
    return image.resize((round(image.width * scale), round(image.height * scale)))


def zoomed(image: Picture, share: float) -> Picture:
    x, y = image.width * share / 2, image.height * share / 2
    return image.resize(image.size, box=(x, y, image.width - x, image.height - y))


def other_background(image: Picture) -> Picture:
    mask = Image.new("L", image.size, 255)
    draw = ImageDraw.Draw(mask)
    draw.ellipse((image.width * 0.2, image.height * 0.1, image.width * 0.8, image.height), fill=0)
    beach = ImageOps.colorize(Image.linear_gradient("L").resize(image.size), "#3a6ea5", "#e0c090")
    return Image.composite(beach, image, mask)


def other_hair(image: Picture) -> Picture:
    mask = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(mask)
    box = (image.width * 0.22, image.height * 0.08, image.width * 0.78, image.height * 0.3)
    draw.ellipse(box, fill=255)
    return Image.composite(ImageOps.colorize(image.convert("L"), "#5a1a08", "#ffb070"), image, mask)


def smoothed(image: Picture) -> Picture:
    return image.filter(ImageFilter.GaussianBlur(image.width / 60))


def repainted(image: Picture) -> Picture:
    return ImageOps.posterize(image.filter(ImageFilter.ModeFilter(13)), 2)


FAITHFUL: dict[str, Callable[[Picture], Picture]] = {
    "the same": lambda i: i,
    "JPEG, quality 40": lambda i: as_jpeg(i, 40),
    "half the size": lambda i: resized(i, 0.5),
    "5 % brighter": lambda i: ImageEnhance.Brightness(i).enhance(1.05),
    "a warmer tone": lambda i: ImageChops.add(i, Image.new("RGB", i.size, (8, 3, 0))),
    "shifted by 0.8 %": lambda i: ImageChops.offset(i, round(i.width * 0.008), 0),
    "half the size, JPEG 60, warmer": lambda i: as_jpeg(
        ImageChops.add(resized(i, 0.5), Image.new("RGB", resized(i, 0.5).size, (6, 2, 0))), 60
    ),
}
UNFAITHFUL: dict[str, Callable[[Picture], Picture]] = {
    "another background": other_background,
    "other hair": other_hair,
    "turned by 5 degrees": lambda i: i.rotate(5, Image.Resampling.BICUBIC, fillcolor="#d8d8d8"),
    "zoomed by 12 %": lambda i: zoomed(i, 0.12),
    "skin and all smoothed": smoothed,
    "painted anew": repainted,
    "in black and white": lambda i: i.convert("L").convert("RGB"),
}


def main() -> None:
    threshold = Settings.model_fields["fidelity_threshold"].default
    photo = opened(PHOTO)
    highest, lowest = 0.0, 1.0
    print("| faithful | changed outside |\n|---|---|")
    for region in sorted(REGIONS):
        figure = changed_outside(photo, offline(region), region)
        highest = max(highest, figure)
        print(f"| the offline provider's {region} | {figure:.3f} |")
    for name, change in FAITHFUL.items():
        figure = changed_outside(photo, change(photo), "nose")
        highest = max(highest, figure)
        print(f"| {name} | {figure:.3f} |")
    print("\n| not faithful | changed outside |\n|---|---|")
    for name, change in UNFAITHFUL.items():
        figure = changed_outside(photo, change(photo), "nose")
        lowest = min(lowest, figure)
        print(f"| {name} | {figure:.3f} |")
    began = time.perf_counter()
    changed_outside(opened(PHOTO), opened(PHOTO), "nose")
    print(f"\none measurement, with decoding both: {(time.perf_counter() - began) * 1000:.0f} ms")
    print(f"faithful at most {highest:.3f}, not faithful at least {lowest:.3f}")
    print(f"the threshold {threshold} parts them: {highest < threshold < lowest}")


if __name__ == "__main__":
    main()
