"""Gemini and Freepik on loopback, with their formats, quirks and faults, for tests."""

from __future__ import annotations

from docwiz_tasks.testing.emulator.faults import Fault, Received
from docwiz_tasks.testing.emulator.server import Emulator

__all__ = ["Emulator", "Fault", "Received"]
