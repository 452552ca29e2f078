"""Whether plugins load and what the settings name can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from docwiz_tasks.celery_app.doctor.finding import Finding
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.plugins import Plugins
from docwiz_tasks.settings import Settings

__all__ = ["provider_findings"]


def provider_findings(plugins: Plugins, settings: Settings) -> Iterator[Finding]:
    """Make each provider and renderer that the settings name, and throw it away."""
    names = ", ".join(name for name, _ in plugins.manager.list_name_plugin())
    yield Finding("ok", "plugins", f"loaded: {names}.")
    yield _made("AI provider", settings.ai_provider, partial(plugins.ai_provider, settings))
    name = settings.image_provider
    yield _made("image provider", name, partial(plugins.image_provider, settings))
    for format in settings.renderers or plugins.formats(settings):
        yield _made("renderer", format, partial(plugins.renderer, format, settings))


def _made(what: str, name: str, make: Callable[[], object]) -> Finding:
    try:
        make()
    except DocWizError as error:
        return Finding("problem", what, str(error))
    return Finding("ok", what, f"{name} can be made.")
