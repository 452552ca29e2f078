"""One thing that was looked at, and how it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Finding", "Level"]

Level: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and how it is.

    Args:
        level: ``ok``; ``warning``, where jobs run but not as well as they could; or
            ``problem``, where they fail or get lost.
        subject: what was looked at.
        message: how it is, and what to set where it isn't ``ok``; never a secret.
    """

    level: Level
    subject: str
    message: str
