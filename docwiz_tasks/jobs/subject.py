"""What one preview shows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOTICE", "Subject"]

NOTICE = "AI simulation, not a guarantee of results."


@dataclass(frozen=True, slots=True)
class Subject:
    """One procedure on one photo, and the id of the visualization that shows it."""

    visualization_id: str
    image_id: str
    procedure_id: str
    patient_id: str | None
