"""Patients, procedures, cost breakdowns, and what jobs made for them."""

from __future__ import annotations

from docwiz_tasks.records.stored import StoredRecords
from docwiz_tasks.records.validation import check_id, record_from, record_type

__all__ = ["StoredRecords", "check_id", "record_from", "record_type"]
