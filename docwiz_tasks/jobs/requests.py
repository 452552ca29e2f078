"""The arguments of the four jobs, checked for their form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from docwiz_tasks.errors import InvalidId, InvalidRequest, UnknownFormat
from docwiz_tasks.models import Id

__all__ = [
    "ComparisonRequest",
    "ExportRequest",
    "InfographicRequest",
    "JobRequest",
    "VisualizationRequest",
    "parse",
]


class JobRequest(BaseModel):
    """Base of what a job is asked for."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, strict=True, defer_build=True
    )


class VisualizationRequest(JobRequest):
    """Show one procedure on a photo."""

    image_id: Id
    procedure_id: Id
    patient_id: Id | None = None


class ComparisonRequest(JobRequest):
    """Show several procedures on one photo, side by side."""

    image_id: Id
    procedure_ids: Annotated[list[Id], Field(min_length=2, max_length=8)]
    patient_id: Id | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.procedure_ids)) < len(self.procedure_ids):
            raise ValueError("procedure_ids names a procedure twice")
        return self


class ExportRequest(JobRequest):
    """Make a patient's report; None asks for all there is."""

    patient_id: Id
    visualization_ids: list[Id] | None = None
    format: str = "pdf"
    shareable: bool = False
    cost_breakdown_ids: list[Id] | None = None
    comparison_ids: list[Id] | None = None
    include_visualizations: bool = True
    include_cost_estimates: bool = True
    include_comparisons: bool = True


class InfographicRequest(JobRequest):
    """Draw a cost breakdown."""

    cost_breakdown_id: Id
    format: Literal["png", "jpeg"] = "png"


Request = TypeVar("Request", bound=JobRequest)


def parse(model: type[Request], arguments: Mapping[str, Any]) -> Request:
    """Return `arguments` as a request.

    Raises:
        InvalidId: an id is malformed.
        UnknownFormat: the format isn't one of the infographic's.
        InvalidRequest: anything else is wrong; it names the argument, never its value.
    """
    try:
        return model.model_validate(_with_lists(arguments))
    except ValidationError as error:
        raise _explained(error) from None


def _with_lists(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}


def _explained(error: ValidationError) -> InvalidRequest:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    problems = "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'arguments'}: {detail['msg']}" for detail in details
    )
    first = details[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    sentence = f"This job can't be done as asked: {problems}."
    if first["type"] in ("string_pattern_mismatch", "string_too_long"):
        return InvalidId(sentence)
    if name == "format":
        return UnknownFormat(sentence)
    return InvalidRequest(sentence)
