"""What a job works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docwiz_tasks.contracts import CaseIndex, Records
from docwiz_tasks.jobs.throttle import Throttle
from docwiz_tasks.plugins import Plugins
from docwiz_tasks.settings import Settings
from docwiz_tasks.store import Store

__all__ = ["Resources"]


@dataclass(frozen=True, slots=True)
class Resources:
    """The settings, store, records, plugins, throttle and case index of one registered app.

    The index is made when it is asked for: one that can't be made harms no job.
    """

    settings: Settings
    store: Store
    records: Records
    plugins: Plugins
    throttle: Throttle
    case_index: Callable[[], CaseIndex | None]
