"""The prompt of an AI edit."""

from __future__ import annotations

from docwiz_tasks.models import Procedure

__all__ = ["build_prompt"]

_KEEP = (
    "Change nothing but the treated region. Identity, expression, hair, skin texture, moles,"
    " lighting, background, clothing, framing and size stay exactly as they are. Show a modest,"
    " natural result of an uneventful procedure after healing. Add no text and no marks."
)


def build_prompt(procedure: Procedure) -> str:
    """Return what the AI is asked for; it never holds a patient's data."""
    return f"{procedure.prompt_template.strip()}\n\n{_KEEP}"
