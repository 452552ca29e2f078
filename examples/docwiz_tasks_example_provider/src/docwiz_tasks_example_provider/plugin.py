"""What the entry point names: the hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from docwiz_tasks import Settings, hookimpl


@hookimpl
def docwiz_ai_providers() -> Mapping[str, Callable[[Settings], object]]:
    """Give the AI provider."""
    return {"example-blur": _blur}


@hookimpl
def docwiz_image_providers() -> Mapping[str, Callable[[Settings], object]]:
    """Give the image provider."""
    return {"example-stripes": _stripes}


@hookimpl
def docwiz_export_renderers() -> Mapping[str, Callable[[Settings], object]]:
    """Give the renderer."""
    return {"txt": _text}


def _blur(settings: Settings) -> object:
    from docwiz_tasks_example_provider.pictures import BlurProvider

    return BlurProvider()


def _stripes(settings: Settings) -> object:
    from docwiz_tasks_example_provider.pictures import StripesProvider

    return StripesProvider()


def _text(settings: Settings) -> object:
    from docwiz_tasks_example_provider.text import TextRenderer

    return TextRenderer()
