"""What a job works with."""

from __future__ import annotations

from dataclasses import dataclass

from docwiz_tasks.contracts import Records
from docwiz_tasks.jobs.throttle import Throttle
from docwiz_tasks.plugins import Plugins
from docwiz_tasks.settings import Settings
from docwiz_tasks.store import Store

__all__ = ["Resources"]


@dataclass(frozen=True, slots=True)
class Resources:
    """The settings, store, records, plugins and throttle of one registered app."""

    settings: Settings
    store: Store
    records: Records
    plugins: Plugins
    throttle: Throttle
