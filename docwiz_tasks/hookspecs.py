"""The hooks of plugins, found through the entry-point group ``docwiz_tasks``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from docwiz_tasks.contracts import CaseIndex, Factory, JobEvent, Records
    from docwiz_tasks.settings import Settings

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "docwiz_tasks"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def docwiz_ai_providers() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Give AI providers by name, each made by ``factory(settings)``; all results count."""


@hookspec
def docwiz_image_providers() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Give image providers by name, each made by ``factory(settings)``; all results count."""


@hookspec
def docwiz_export_renderers() -> Mapping[str, Factory]:  # type: ignore[empty-body]
    """Give renderers by format, each made by ``factory(settings)``; all results count."""


@hookspec(firstresult=True)
def docwiz_records(settings: Settings) -> Records | None:
    """Give the host's records; the first result counts.

    Args:
        settings: the settings in force.
    """


@hookspec(firstresult=True)
def docwiz_case_index(settings: Settings) -> CaseIndex | None:
    """Give the index of similar cases; the first result counts.

    Args:
        settings: the settings in force.
    """


@hookspec
def docwiz_settings() -> Mapping[str, object]:  # type: ignore[empty-body]
    """Give a host package's default settings, weaker than environment and arguments."""


@hookspec
def docwiz_job_event(event: JobEvent) -> None:
    """Hear of each job's submission, start, step, retry and end.

    Args:
        event: ids, numbers and fixed words only. An error raised here fails no job.
    """
