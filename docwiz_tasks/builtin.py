"""What is built in, given through the same hooks as everybody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from docwiz_tasks.hookspecs import hookimpl

if TYPE_CHECKING:
    from docwiz_tasks.contracts import CaseIndex, Factory, Records
    from docwiz_tasks.settings import Settings

__all__ = [
    "docwiz_ai_providers",
    "docwiz_case_index",
    "docwiz_export_renderers",
    "docwiz_image_providers",
    "docwiz_records",
]

# Each factory imports its module when it is called: a process that only submits
# jobs never pays for what makes pictures and documents.


@hookimpl
def docwiz_ai_providers() -> Mapping[str, Factory]:
    """Give the built-in AI providers."""
    return {"gemini": _gemini, "gemini-legacy": _legacy_gemini, "offline": _offline_ai}


@hookimpl
def docwiz_image_providers() -> Mapping[str, Factory]:
    """Give the built-in image providers."""
    return {"freepik": _freepik, "offline": _offline_image}


@hookimpl
def docwiz_export_renderers() -> Mapping[str, Factory]:
    """Give the built-in renderers."""
    return {"pdf": _pdf, "png": _png, "jpeg": _jpeg, "json": _json}


# A host's own records and index come first, whatever the settings say.


@hookimpl(trylast=True)
def docwiz_records(settings: Settings) -> Records | None:
    """Give the records in Firestore, where the settings name a project."""
    if settings.firestore_project is None:
        return None
    from docwiz_tasks.records.firestore import FirestoreRecords

    return FirestoreRecords(
        settings.firestore_project, settings.firestore_database, settings.firestore_prefix
    )


@hookimpl(trylast=True)
def docwiz_case_index(settings: Settings) -> CaseIndex | None:
    """Give the case index on Qdrant, where the settings say where that is."""
    if settings.qdrant_url is None:
        return None
    from docwiz_tasks.providers.qdrant import QdrantIndex

    return QdrantIndex(settings)


def _gemini(settings: Settings) -> object:
    from docwiz_tasks.providers.gemini import gemini_provider

    return gemini_provider(settings)


def _legacy_gemini(settings: Settings) -> object:
    from docwiz_tasks.providers.gemini_legacy import LegacyGeminiProvider

    return LegacyGeminiProvider(settings)


def _offline_ai(settings: Settings) -> object:
    from docwiz_tasks.providers.offline import OfflineAIProvider

    return OfflineAIProvider(settings)


def _freepik(settings: Settings) -> object:
    from docwiz_tasks.providers.freepik import freepik_provider

    return freepik_provider(settings)


def _offline_image(settings: Settings) -> object:
    from docwiz_tasks.providers.offline import OfflineImageProvider

    return OfflineImageProvider(settings)


def _pdf(settings: Settings) -> object:
    from docwiz_tasks.renderers.pdf import PdfRenderer

    return PdfRenderer(settings)


def _png(settings: Settings) -> object:
    from docwiz_tasks.renderers.raster import PngRenderer

    return PngRenderer(settings)


def _jpeg(settings: Settings) -> object:
    from docwiz_tasks.renderers.raster import JpegRenderer

    return JpegRenderer(settings)


def _json(settings: Settings) -> object:
    from docwiz_tasks.renderers.json_document import JsonRenderer

    return JsonRenderer(settings)
