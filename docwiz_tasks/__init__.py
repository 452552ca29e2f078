"""Long-running Celery tasks for surgical consultations: previews, comparisons, reports, costs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from docwiz_tasks.celery_app.config import celery_config, task_routes
from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.celery_app.registration import register
from docwiz_tasks.errors import (
    AlreadyRegistered,
    AmountsDiffer,
    AppNotRegistered,
    ComparisonFailed,
    DeadlineExceeded,
    DeliveryLimitExceeded,
    DocWizError,
    EditUnfaithful,
    ExtraMissing,
    IdempotencyConflict,
    InternalError,
    InvalidId,
    InvalidPhoto,
    InvalidRecord,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    JobLost,
    JobNotFailed,
    NotEmbedded,
    NotFound,
    PluginError,
    ProviderError,
    ProviderRefused,
    ProviderRejected,
    ProviderUnavailable,
    RenderFailed,
    SettingsError,
    SigningFailed,
    StoreError,
    StoreForked,
    StoreUnavailable,
    SubmissionFailed,
    UnknownCostBreakdown,
    UnknownFormat,
    UnknownImage,
    UnknownJob,
    UnknownPatient,
    UnknownPlugin,
    UnknownProcedure,
    UnknownRecord,
    WaitTimeout,
    WebhookFailed,
    WebhookGone,
    WrongPatient,
)
from docwiz_tasks.hookspecs import hookimpl, hookspec
from docwiz_tasks.settings import Settings

if TYPE_CHECKING:
    from docwiz_tasks import models
    from docwiz_tasks.celery_app.job import Job
    from docwiz_tasks.celery_app.status import JobStatus
    from docwiz_tasks.contracts import (
        AIProvider,
        ArtworkRequest,
        CaseIndex,
        EditRequest,
        Embedding,
        EmbeddingProvider,
        GeneratedImage,
        ImageProvider,
        JobEvent,
        OrderingImageProvider,
        Records,
        Renderer,
        ReportDocument,
        ReportPicture,
        ReportSection,
        ReportTable,
        SimilarCase,
    )
    from docwiz_tasks.jobs.cases import Reindexed

__all__ = [
    "AIProvider",
    "AlreadyRegistered",
    "AmountsDiffer",
    "AppNotRegistered",
    "ArtworkRequest",
    "CaseIndex",
    "ComparisonFailed",
    "DeadlineExceeded",
    "DeliveryLimitExceeded",
    "DocWiz",
    "DocWizError",
    "EditRequest",
    "EditUnfaithful",
    "Embedding",
    "EmbeddingProvider",
    "ExtraMissing",
    "GeneratedImage",
    "IdempotencyConflict",
    "ImageProvider",
    "InternalError",
    "InvalidId",
    "InvalidPhoto",
    "InvalidRecord",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobEvent",
    "JobFailed",
    "JobLost",
    "JobNotFailed",
    "JobStatus",
    "NotEmbedded",
    "NotFound",
    "OrderingImageProvider",
    "PluginError",
    "ProviderError",
    "ProviderRefused",
    "ProviderRejected",
    "ProviderUnavailable",
    "Records",
    "Reindexed",
    "RenderFailed",
    "Renderer",
    "ReportDocument",
    "ReportPicture",
    "ReportSection",
    "ReportTable",
    "Settings",
    "SettingsError",
    "SigningFailed",
    "SimilarCase",
    "StoreError",
    "StoreForked",
    "StoreUnavailable",
    "SubmissionFailed",
    "UnknownCostBreakdown",
    "UnknownFormat",
    "UnknownImage",
    "UnknownJob",
    "UnknownPatient",
    "UnknownPlugin",
    "UnknownProcedure",
    "UnknownRecord",
    "WaitTimeout",
    "WebhookFailed",
    "WebhookGone",
    "WrongPatient",
    "__version__",
    "celery_config",
    "hookimpl",
    "hookspec",
    "models",
    "register",
    "task_routes",
]


# Imported when they are asked for: a host that only registers waits for none of them.
_ELSEWHERE = {
    "Job": "docwiz_tasks.celery_app.job",
    "JobStatus": "docwiz_tasks.celery_app.status",
    "Reindexed": "docwiz_tasks.jobs.cases",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("docwiz-tasks")
    if name == "models":
        return import_module("docwiz_tasks.models")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "docwiz_tasks.contracts")), name)
