"""Pictures as a report prints them: small enough, upright, marked, without other metadata."""

from __future__ import annotations

import io

from docwiz_tasks.contracts import ReportPicture
from docwiz_tasks.errors import InvalidPhoto, RenderFailed
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.photos import decoded

__all__ = ["print_ready"]

# 80 mm at 200 dpi; taller pictures than 110 mm would not leave room for two on a page.
_WIDTH, _HEIGHT = 630, 866


def print_ready(picture: ReportPicture) -> bytes:
    """Return a picture as a JPEG for print, marked if it is simulated.

    Raises:
        RenderFailed: the picture can't be read.
    """
    from PIL import Image as Images

    try:
        image = decoded(picture.data, at_least=(_WIDTH, _HEIGHT)).convert("RGB")
    except InvalidPhoto:
        raise RenderFailed("A picture of this report can't be read.") from None
    image.thumbnail((_WIDTH, _HEIGHT), Images.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85, optimize=True)
    if not picture.simulated:
        return file.getvalue()
    return marks.embed_source_type(file.getvalue(), marks.EDITED, note="AI simulation")
