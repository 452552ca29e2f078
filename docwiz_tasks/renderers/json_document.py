"""The report as JSON: the same content, for programs."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from docwiz_tasks.contracts import ReportDocument, ReportPicture, ReportSection
from docwiz_tasks.renderers.pictures import print_ready

if TYPE_CHECKING:
    from docwiz_tasks.settings import Settings

__all__ = ["JsonRenderer"]


class JsonRenderer:
    """Write a report as a JSON document with its pictures in base64."""

    media_type = "application/json"
    extension = "json"

    def __init__(self, settings: Settings) -> None:
        pass

    def render(self, document: ReportDocument) -> bytes:
        """Return the document in UTF-8.

        Raises:
            RenderFailed: a picture can't be read.
        """
        content = {
            "id": document.id,
            "title": document.title,
            "generated_at": document.generated_at.isoformat(),
            "locale": document.locale,
            "shareable": document.shareable,
            "notice": document.notice,
            "patient": [{"label": label, "value": value} for label, value in document.patient],
            "sections": [_section(section) for section in document.sections],
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _section(section: ReportSection) -> dict[str, Any]:
    return {
        "title": section.title,
        "paragraphs": list(section.paragraphs),
        "pictures": [_picture(picture) for picture in section.pictures],
        "tables": [
            {"head": list(table.head), "rows": [list(row) for row in table.rows]}
            for table in section.tables
        ],
    }


def _picture(picture: ReportPicture) -> dict[str, Any]:
    data = print_ready(picture)
    return {
        "caption": picture.caption,
        "simulated": picture.simulated,
        "media_type": "image/jpeg",
        "sha256": hashlib.sha256(data).hexdigest(),
        "data": base64.b64encode(data).decode(),
    }
