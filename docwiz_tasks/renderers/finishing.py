"""What is known only when all pages are laid out: their numbers; and the file's own facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

__all__ = ["finished"]

_POINTS_PER_MM = 72 / 25.4
_RIGHT, _BASELINE = 190 * _POINTS_PER_MM, 15.3 * _POINTS_PER_MM
_SIZE = 7.5
_COLOUR = "0.345 0.408 0.439"


def finished(pdf: bytes, created_at: datetime, xmp: bytes | None) -> bytes:
    """Return a PDF with "Page 1 of 3" at the foot of each page, its date, and its mark.

    To let the layout library count is to have it lay everything out twice; an update
    at the end of the file takes a few milliseconds.

    Args:
        pdf: a file that ReportLab wrote, with DejaVu Sans among its fonts.
        created_at: what the file says of its own age.
        xmp: the XMP packet that marks the whole file, if anything in it is simulated.
    """
    from pypdf import PdfReader
    from pypdf.generic import (
        ArrayObject,
        IndirectObject,
        NameObject,
        create_string_object,
    )

    reader: Any = PdfReader(BytesIO(pdf))
    changed: dict[int, bytes] = {}
    first_new = int(reader.trailer["/Size"])
    for number, page in enumerate(reader.pages, 1):
        stamp = IndirectObject(first_new + number - 1, 0, reader)
        changed[stamp.idnum] = _stamp(f"Page {number} of {len(reader.pages)}", *_font(page))
        page[NameObject("/Contents")] = ArrayObject([page.raw_get("/Contents"), stamp])
        changed[page.indirect_reference.idnum] = _written(page)
    date = create_string_object(f"D:{created_at.astimezone(UTC):%Y%m%d%H%M%S}+00'00'")
    facts = reader.trailer["/Info"]
    facts.update({NameObject("/CreationDate"): date, NameObject("/ModDate"): date})
    facts[NameObject("/Creator")] = create_string_object("docwiz-tasks")
    changed[reader.trailer.raw_get("/Info").idnum] = _written(facts)
    if xmp is not None:
        mark = IndirectObject(first_new + len(reader.pages), 0, reader)
        changed[mark.idnum] = _stream(b"/Type /Metadata /Subtype /XML ", xmp)
        catalogue = reader.trailer["/Root"]
        catalogue[NameObject("/Metadata")] = mark
        changed[reader.trailer.raw_get("/Root").idnum] = _written(catalogue)
    return _updated(pdf, reader.trailer, changed)


def _font(page: Any) -> tuple[str, list[float]]:
    for name, reference in page["/Resources"]["/Font"].items():
        font = reference.get_object()
        # ReportLab's first subset of a font has the ASCII characters at their own codes.
        if name.endswith("+0") and font["/BaseFont"].endswith("+DejaVuSans"):
            return name, [float(width) for width in font["/Widths"]]
    raise LookupError("a page has no text in the report's font, so no footer")


def _stamp(text: str, font: str, widths: list[float]) -> bytes:
    left = _RIGHT - sum(widths[ord(character)] for character in text) / 1000 * _SIZE
    content = (
        f"q {_COLOUR} rg BT {font} {_SIZE} Tf {left:.2f} {_BASELINE:.2f} Td ({text}) Tj ET Q"
    ).encode()
    return _stream(b"", content)


def _stream(facts: bytes, content: bytes) -> bytes:
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (facts, len(content), content)


def _updated(pdf: bytes, trailer: Any, changed: Mapping[int, bytes]) -> bytes:
    file = BytesIO()
    file.write(pdf)
    table = [b"xref\n"]
    for number in sorted(changed):
        table.append(b"%d 1\n%010d 00000 n \n" % (number, file.tell()))
        file.write(b"%d 0 obj\n%s\nendobj\n" % (number, changed[number]))
    start = file.tell()
    file.writelines(table)
    kept = b" ".join(
        name.encode() + b" " + _written(trailer.raw_get(name)) for name in ("/Root", "/Info", "/ID")
    )
    previous = int(pdf[pdf.rindex(b"startxref") :].split()[1])
    file.write(
        b"trailer\n<< /Size %d %s /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
        % (max(changed) + 1, kept, previous, start)
    )
    return file.getvalue()


def _written(value: Any) -> bytes:
    file = BytesIO()
    value.write_to_stream(file)
    return file.getvalue()
