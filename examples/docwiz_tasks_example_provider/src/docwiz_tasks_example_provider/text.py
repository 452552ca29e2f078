"""A report as plain text."""

from __future__ import annotations

from docwiz_tasks import ReportDocument


class TextRenderer:
    """Write what a report says; of its pictures, the captions."""

    media_type = "text/plain"
    extension = "txt"

    def render(self, document: ReportDocument) -> bytes:
        """Return the report as UTF-8."""
        lines = [document.title, f"{document.generated_at:%Y-%m-%d %H:%M} UTC", ""]
        lines += [f"{label}: {value}" for label, value in document.patient]
        for section in document.sections:
            lines += ["", section.title, *section.paragraphs]
            for picture in section.pictures:
                mark = " (simulation)" if picture.simulated else ""
                lines.append(f"[{picture.caption}{mark}]")
            for table in section.tables:
                lines += ["\t".join(row) for row in (table.head, *table.rows)]
        return "\n".join([*lines, "", document.notice, ""]).encode()
