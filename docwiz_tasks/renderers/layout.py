"""From a report document to the HTML that is set on pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import islice
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from unicodedata import bidirectional

from docwiz_tasks.contracts import ReportDocument, ReportPicture, ReportTable
from docwiz_tasks.errors import ExtraMissing, RenderFailed
from docwiz_tasks.renderers.text import Setter, clean

if TYPE_CHECKING:
    from docwiz_tasks.renderers.pictures import PrintedPicture

__all__ = ["html_of", "moment"]

_LINE_MM = 170
_MM_PER_CHARACTER = 2.0
_LINES_PER_ROW = 40
_ROWS_PER_PART = 400
# A table of no more rows isn't divided between pages.
_WHOLE_ROWS = 15
_NARROWEST, _WIDEST = 8, 36


def html_of(
    document: ReportDocument,
    setter: Setter,
    pictures: dict[ReportPicture, PrintedPicture],
    source: Callable[[ReportPicture], str],
    *,
    fallback: bool,
) -> str:
    """Return the report as HTML.

    Args:
        document: the report.
        setter: escapes its texts.
        pictures: its pictures as they are printed.
        source: the name that a picture is loaded by.
        fallback: whether there is a second font.

    Raises:
        ExtraMissing: Jinja isn't installed.
        RenderFailed: no font has one of its characters, or a row doesn't fit its table.
    """
    return str(
        _template().render(
            document=document,
            set=setter,
            clean=clean,
            pictures=pictures,
            source=source,
            fallback=fallback,
            made=moment(document.generated_at),
            shares_of=_shares,
            parts_of=_parts,
            direction_of=_direction,
            WHOLE_ROWS=_WHOLE_ROWS,
        )
    )


def moment(at: datetime) -> str:
    """Return a time as people read it, for example ``4 May 2026, 09:30 UTC``."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


@cache
def _template() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise ExtraMissing.for_extra("documents", "A PDF report") from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = files("docwiz_tasks.renderers").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(source)


def _shares(table: ReportTable) -> list[float]:
    """Return the share of the line that each column takes, in percent, by what it holds."""
    lengths = [_NARROWEST] * len(table.head)
    for row in (table.head, *table.rows):
        for column, cell in enumerate(row[: len(lengths)]):
            lengths[column] = max(lengths[column], min(len(cell), _WIDEST))
    # Room for the padding, whatever the column holds.
    shares = [length + 3 for length in lengths]
    return [round(100 * share / sum(shares), 2) for share in shares]


def _parts(table: ReportTable) -> Iterator[list[Sequence[str]]]:
    """Give the rows in parts: the layout library's time grows with the square of their number."""
    rows = _rows(table)
    while part := list(islice(rows, _ROWS_PER_PART)):
        yield part


def _rows(table: ReportTable) -> Iterator[Sequence[str]]:
    """Give the rows; one that is taller than a page would be shrunk, so it is continued."""
    limits = [
        max(1, math.floor(_LINES_PER_ROW * share / 100 * _LINE_MM / _MM_PER_CHARACTER))
        for share in _shares(table)
    ]
    for row in table.rows:
        if len(row) > len(limits):
            raise RenderFailed("A table of the report has a row with more cells than its head.")
        cells = [*row, *[""] * (len(limits) - len(row))]
        pieces = [
            wrap(cell, limit) if len(cell) > limit else [cell]
            for cell, limit in zip(cells, limits, strict=True)
        ]
        for number in range(max(map(len, pieces))):
            yield [piece[number] if number < len(piece) else "" for piece in pieces]


def _direction(text: str) -> str:
    for character in text:
        kind = bidirectional(character)
        if kind in ("L", "R", "AL"):
            return "ltr" if kind == "L" else "rtl"
    return "ltr"
