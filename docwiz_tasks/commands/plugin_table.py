"""The plugins of an app as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from docwiz_tasks.errors import DocWizError

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz
    from docwiz_tasks.plugins import PluginSummary

__all__ = ["plugin_table"]

_HEAD = ("PLUGIN", "DISTRIBUTION", "VERSION", "GIVES")
_LABELS = {
    "docwiz_ai_providers": "AI provider",
    "docwiz_image_providers": "image provider",
    "docwiz_export_renderers": "renderer",
    "docwiz_settings": "default setting",
    "docwiz_records": "records",
    "docwiz_case_index": "case index",
    "docwiz_job_event": "listens to job events",
}

# Of the plugins that have one of these, the first that gives something counts.
_FIRST_RESULTS = frozenset({"docwiz_records", "docwiz_case_index"})


def plugin_table(docwiz: DocWiz) -> Iterator[str]:
    """Yield the lines of a table: a plugin a row, what it gives below each other."""
    rows: list[Sequence[str]] = [_HEAD]
    for plugin in docwiz.plugins.summaries():
        gives = list(_gives(docwiz, plugin)) or ["nothing"]
        rows.append((plugin.name, plugin.distribution, plugin.version, gives[0]))
        rows.extend(("", "", "", line) for line in gives[1:])
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    yield from _missing(docwiz)


def _gives(docwiz: DocWiz, plugin: PluginSummary) -> Iterator[str]:
    for hook, label in _LABELS.items():
        if hook not in plugin.gives:
            continue
        if not plugin.gives[hook]:
            yield label + _first_result(docwiz, hook, plugin)
        for name in plugin.gives[hook]:
            notes = list(_notes(docwiz, hook, name))
            yield f"{label} {name}" + (f" ({', '.join(notes)})" if notes else "")


def _first_result(docwiz: DocWiz, hook: str, plugin: PluginSummary) -> str:
    if hook not in _FIRST_RESULTS:
        return ""
    try:
        giver = docwiz.plugins.giver(hook, docwiz.settings)
    except DocWizError:
        return " (can't be made as set up now)"
    return " (chosen)" if giver == plugin.name else " (not chosen)"


def _notes(docwiz: DocWiz, hook: str, name: str) -> Iterator[str]:
    settings = docwiz.settings
    chosen = {
        "docwiz_ai_providers": (settings.ai_provider,),
        "docwiz_image_providers": (settings.image_provider,),
        "docwiz_export_renderers": docwiz.plugins.formats(settings),
    }
    if name in chosen.get(hook, ()):
        yield "chosen"
    if hook == "docwiz_ai_providers":
        yield _embedding(docwiz, name)


def _embedding(docwiz: DocWiz, name: str) -> str:
    # Found by its presence, as a job finds it: on the provider that the factory makes.
    try:
        settings = docwiz.settings.model_copy(update={"ai_provider": name})
        provider = docwiz.plugins.ai_provider(settings)
    except DocWizError:
        return "can't be made as set up now, so whether it has embed_image isn't known"
    return "has embed_image" if hasattr(provider, "embed_image") else "no embed_image"


def _missing(docwiz: DocWiz) -> Iterator[str]:
    settings, plugins = docwiz.settings, docwiz.plugins.summaries()
    for hook, name, variable in (
        ("docwiz_ai_providers", settings.ai_provider, "DOCWIZ_AI_PROVIDER"),
        ("docwiz_image_providers", settings.image_provider, "DOCWIZ_IMAGE_PROVIDER"),
    ):
        if not any(name in plugin.gives.get(hook, ()) for plugin in plugins):
            yield f"No plugin gives the {_LABELS[hook]} {name!r} that {variable} chooses."
