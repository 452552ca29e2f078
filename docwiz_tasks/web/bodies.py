"""What the endpoints are sent and send."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, create_model

from docwiz_tasks.errors import DocWizError
from docwiz_tasks.models import ID_PATTERN, Id

__all__ = [
    "ComparisonBody",
    "ExportBody",
    "FileId",
    "ImageAdded",
    "InfographicBody",
    "StatusBody",
    "Submitted",
    "TaskId",
    "VisualizationBody",
    "export_body",
]

_JOB = "0b9f7c1e-6c5e-4b0e-9d2f-3a8f5f0f8a11"
_IMAGE = "5b2f0c7d9a1e4f6f8e7d6c5b4a392817"

# Only told here: what is wrong with an id has an error of its own.
TaskId = Annotated[
    str,
    Path(
        description="A job's id.",
        json_schema_extra={"pattern": ID_PATTERN, "maxLength": 128, "examples": [_JOB]},
    ),
]
FileId = Annotated[
    str,
    Path(
        description="A photo's id, or that of a file in a status' `links`.",
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$", "examples": [_IMAGE]},
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, strict=True)


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class ImageAdded(BaseModel):
    """A photo that was taken."""

    model_config = _example(image_id=_IMAGE)

    image_id: str


class VisualizationBody(_Body):
    """One procedure on a photo."""

    model_config = _example(image_id=_IMAGE, procedure_id="rhinoplasty", patient_id="p1")

    image_id: Id
    procedure_id: Id
    patient_id: Id | None = None


class ComparisonBody(_Body):
    """Several procedures on one photo."""

    model_config = _example(source_image_id=_IMAGE, procedure_ids=["rhinoplasty", "brow-lift"])

    source_image_id: Id
    procedure_ids: Annotated[
        list[Id], Field(min_length=2, max_length=8, json_schema_extra={"uniqueItems": True})
    ]
    patient_id: Id | None = None


class ExportBody(_Body):
    """A patient's report."""

    model_config = _example(patient_id="p1", format="pdf", shareable=False)

    patient_id: Id
    visualization_ids: list[Id] | None = None
    format: Annotated[str, Field(max_length=40)] = "pdf"
    shareable: bool = False
    cost_breakdown_ids: list[Id] | None = None
    comparison_ids: list[Id] | None = None
    include_visualizations: bool = True
    include_cost_estimates: bool = True
    include_comparisons: bool = True


def export_body(formats: Callable[[], Iterable[str]]) -> type[ExportBody]:
    """Return what is sent for a report, described with the formats that there are then.

    Args:
        formats: gives them, when the API is described.
    """

    def describe(schema: dict[str, Any]) -> None:
        with suppress(DocWizError):
            schema["enum"] = sorted(formats())

    described = Field("pdf", max_length=40, json_schema_extra=describe)
    return create_model(
        "ExportBody", __base__=ExportBody, __doc__=ExportBody.__doc__, format=(str, described)
    )


class InfographicBody(_Body):
    """A cost breakdown as a picture."""

    model_config = _example(cost_breakdown_id="c1", format="png")

    cost_breakdown_id: Id
    format: Annotated[str, Field(max_length=40, json_schema_extra={"enum": ["jpeg", "png"]})] = (
        "png"
    )


class Submitted(BaseModel):
    """A job that was taken, and where to hear of it."""

    model_config = _example(
        task_id=_JOB,
        status_url=f"https://clinic.example/api/tasks/{_JOB}/status",
        websocket_url=f"wss://clinic.example/api/ws/tasks/{_JOB}",
    )

    task_id: str
    status_url: str
    websocket_url: str


class StatusBody(BaseModel):
    """How a job stands."""

    model_config = _example(
        task_id=_JOB,
        state="PROGRESS",
        ready=False,
        successful=False,
        status="The picture is being made",
        progress=20,
        meta={"progress": 20, "status": "The picture is being made", "step": "photo"},
        result=None,
        error=None,
        links={},
    )

    task_id: str
    state: str
    ready: bool
    successful: bool
    status: str
    progress: int
    meta: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    links: dict[str, str] = Field(
        default={}, description="Where each `docwiz:///` URL of the result can be fetched."
    )
