"""The prompt of an AI edit."""

from __future__ import annotations

from docwiz_tasks.models import Procedure

__all__ = ["build_prompt", "firmer"]

_KEEP = (
    "Change nothing but the treated region. Identity, expression, hair, skin texture, moles,"
    " lighting, background, clothing, framing and size stay exactly as they are. Show a modest,"
    " natural result of an uneventful procedure after healing. Add no text and no marks."
)


def build_prompt(procedure: Procedure) -> str:
    """Return what the AI is asked for; it never holds a patient's data."""
    return f"{procedure.prompt_template.strip()}\n\n{_KEEP}"


_FIRMER = (
    "This is the second try: the first changed too much. Copy every pixel outside the treated"
    " region as it is. Do not redraw, smooth, relight, recolour, reframe or sharpen anything."
)


def firmer(prompt: str) -> str:
    """Return a prompt that insists on leaving all else as it is."""
    return f"{prompt}\n\n{_FIRMER}"
