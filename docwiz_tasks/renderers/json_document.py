"""The report as JSON: the same content, for programs."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from docwiz_tasks.contracts import ReportDocument, ReportPicture, ReportSection
from docwiz_tasks.imaging import marks
from docwiz_tasks.renderers.pictures import PrintedPicture, printed

if TYPE_CHECKING:
    from docwiz_tasks.settings import Settings

__all__ = ["JsonRenderer"]

_VERSION = 1


class JsonRenderer:
    """Write a report as a JSON document with its pictures in base64."""

    media_type = "application/json"
    extension = "json"

    def __init__(self, settings: Settings) -> None:
        pass

    def render(self, document: ReportDocument) -> bytes:
        """Return the document in UTF-8, its keys always in the same order.

        Raises:
            ExtraMissing: Pillow isn't installed.
            RenderFailed: a picture can't be read.
        """
        pictures = printed(document)
        content = {
            "version": _VERSION,
            "id": document.id,
            "title": document.title,
            "generated_at": document.generated_at.astimezone(UTC).isoformat(),
            "locale": document.locale,
            "shareable": document.shareable,
            "simulated": document.simulated,
            "digital_source_type": marks.EDITED if document.simulated else None,
            "notice": document.notice,
            "patient": [{"label": label, "value": value} for label, value in document.patient],
            "sections": [_section(section, pictures) for section in document.sections],
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        # A lone surrogate has no bytes in UTF-8.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _section(
    section: ReportSection, pictures: dict[ReportPicture, PrintedPicture]
) -> dict[str, Any]:
    return {
        "title": section.title,
        "paragraphs": list(section.paragraphs),
        "pictures": [_picture(picture, pictures[picture].data) for picture in section.pictures],
        "tables": [
            {
                "head": list(table.head),
                "rows": [list(row) for row in table.rows],
                "numeric": sorted(table.numeric),
            }
            for table in section.tables
        ],
    }


def _picture(picture: ReportPicture, data: bytes) -> dict[str, Any]:
    return {
        "caption": picture.caption,
        "simulated": picture.simulated,
        "digital_source_type": marks.read_source_type(data),
        "media_type": "image/jpeg",
        "sha256": hashlib.sha256(data).hexdigest(),
        "data": base64.b64encode(data).decode(),
    }
