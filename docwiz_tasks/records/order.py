"""The order in which records are found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from docwiz_tasks.models import Record

__all__ = ["newest_first"]

_DATES = ("generated_at", "created_at", "calculated_at")
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Return records by the date that each has, the newest first, those without one last."""
    return sorted(records, key=_date, reverse=True)


def _date(record: Record) -> datetime:
    for name in _DATES:
        date: datetime | None = getattr(record, name, None)
        if date is not None:
            return date if date.tzinfo else date.replace(tzinfo=UTC)
    return _BEGINNING
