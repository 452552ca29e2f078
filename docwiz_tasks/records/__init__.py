"""Patients, procedures, cost breakdowns, and what jobs made for them."""

from __future__ import annotations

from docwiz_tasks.records.stored import StoredRecords

__all__ = ["StoredRecords"]
