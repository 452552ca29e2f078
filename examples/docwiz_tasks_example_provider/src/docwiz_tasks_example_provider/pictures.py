"""Pictures by Pillow: plain methods, which docwiz-tasks runs in threads."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFilter

from docwiz_tasks import ArtworkRequest, EditRequest, GeneratedImage, ProviderRejected

# Where the regions lie on a portrait, in parts of its width and height.
_BOXES = {"nose": (0.41, 0.35, 0.59, 0.57), "lips": (0.38, 0.54, 0.62, 0.66)}
_FACE = (0.25, 0.2, 0.75, 0.8)


class BlurProvider:
    """Soften the region; all else stays as it is."""

    def edit_image(self, request: EditRequest) -> GeneratedImage:
        """Return the softened photo as a PNG."""
        try:
            with Image.open(io.BytesIO(request.image)) as opened:
                photo = opened.convert("RGB")
        except OSError:
            raise ProviderRejected("The photo can't be read.") from None
        left, top, right, bottom = _BOXES.get(request.region, _FACE)
        width, height = photo.size
        box = (
            round(left * width), round(top * height), round(right * width), round(bottom * height)
        )  # fmt: skip
        mask = Image.new("L", (box[2] - box[0], box[3] - box[1]), 0)
        ImageDraw.Draw(mask).ellipse((0, 0, *mask.size), fill=255)
        photo.paste(photo.crop(box).filter(ImageFilter.GaussianBlur(width / 60)), box[:2], mask)
        return GeneratedImage(_png(photo), "image/png", "example-blur-1", usage={"images": 1})


class StripesProvider:
    """Draw stripes."""

    async def create_artwork(self, request: ArtworkRequest) -> GeneratedImage:
        """Return the stripes as a PNG of the wanted size."""
        picture = Image.new("RGB", (request.width, request.height), "#f4f8f8")
        draw = ImageDraw.Draw(picture)
        for x in range(0, request.width, 60):
            draw.rectangle((x, 0, x + 29, request.height), fill="#e6f0f0")
        return GeneratedImage(_png(picture), "image/png", "example-stripes-1")


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
