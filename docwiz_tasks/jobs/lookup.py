"""Finding what a job is about, or saying what isn't there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from docwiz_tasks.contracts import Records
from docwiz_tasks.errors import (
    NotFound,
    UnknownCostBreakdown,
    UnknownImage,
    UnknownPatient,
    UnknownProcedure,
    UnknownRecord,
    WrongPatient,
)
from docwiz_tasks.jobs.requests import (
    ComparisonRequest,
    ExportRequest,
    InfographicRequest,
    JobRequest,
    VisualizationRequest,
)
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.models import (
    Comparison,
    CostBreakdown,
    Patient,
    Procedure,
    Record,
    Visualization,
)
from docwiz_tasks.records.catalogue import catalogue
from docwiz_tasks.store import Store

__all__ = [
    "check_request",
    "find_cost_breakdown",
    "find_patient",
    "find_procedure",
    "image_path",
    "of_patient",
    "photo_bytes",
]

Kind = TypeVar("Kind", bound=Record)


def check_request(request: JobRequest, resources: Resources) -> None:
    """Check that all a request names is there and belongs together.

    Raises:
        NotFound: something isn't there.
        WrongPatient: something belongs to another patient.
        UnknownFormat: no renderer makes the format.
    """
    match request:
        case VisualizationRequest():
            _check_photo(request.image_id, request.patient_id, resources)
            find_procedure(resources.records, request.procedure_id)
        case ComparisonRequest():
            _check_photo(request.image_id, request.patient_id, resources)
            for procedure_id in request.procedure_ids:
                find_procedure(resources.records, procedure_id)
        case ExportRequest():
            resources.plugins.check_format(request.format, resources.settings)
            find_patient(resources.records, request.patient_id)
            _check_selection(request, resources.records)
        case InfographicRequest():
            find_cost_breakdown(resources.records, request.cost_breakdown_id)


def image_path(image_id: str) -> str:
    """Return the store path of a photo."""
    return f"images/{image_id}"


def photo_bytes(store: Store, image_id: str) -> bytes:
    """Return a photo that `add_image` stored.

    Raises:
        UnknownImage: there is none with this id.
    """
    data = store.get(image_path(image_id))
    if data is None:
        raise _unknown_image()
    return data


def find_procedure(records: Records, procedure_id: str) -> Procedure:
    """Return a procedure of the host's, or else the catalogue's."""
    procedure = records.get("procedure", procedure_id) or catalogue().get(procedure_id)
    return _found(procedure, Procedure, UnknownProcedure, "procedure", "procedure_id")


def find_patient(records: Records, patient_id: str) -> Patient:
    """Return a patient."""
    patient = records.get("patient", patient_id)
    return _found(patient, Patient, UnknownPatient, "patient", "patient_id")


def find_cost_breakdown(records: Records, cost_breakdown_id: str) -> CostBreakdown:
    """Return a cost breakdown."""
    breakdown = records.get("cost_breakdown", cost_breakdown_id)
    return _found(
        breakdown, CostBreakdown, UnknownCostBreakdown, "cost breakdown", "cost_breakdown_id"
    )


def of_patient(
    records: Records, kind: str, model: type[Kind], patient_id: str, ids: list[str] | None
) -> list[Kind]:
    """Return one patient's records: those with these ids in their order, or all, newest first.

    Raises:
        NotFound: there is none with an id.
        WrongPatient: one belongs to another patient, or to none.
    """
    if ids is None:
        return [record for record in records.find(kind, patient_id) if isinstance(record, model)]
    words = kind.replace("_", " ")
    unknown = UnknownCostBreakdown if kind == "cost_breakdown" else UnknownRecord
    found = []
    for id in dict.fromkeys(ids):
        record = _found(records.get(kind, id), model, unknown, words, "id")
        if getattr(record, "patient_id", None) != patient_id:
            raise WrongPatient(f"A {words} asked for isn't this patient's.")
        found.append(record)
    return found


def _unknown_image() -> UnknownImage:
    return UnknownImage("No photo has this image_id; add it with add_image first.")


def _check_photo(image_id: str, patient_id: str | None, resources: Resources) -> None:
    if not resources.store.exists(image_path(image_id)):
        raise _unknown_image()
    if patient_id is not None:
        find_patient(resources.records, patient_id)


def _check_selection(request: ExportRequest, records: Records) -> None:
    for kind, model, ids in (
        ("visualization", Visualization, request.visualization_ids),
        ("cost_breakdown", CostBreakdown, request.cost_breakdown_ids),
        ("comparison", Comparison, request.comparison_ids),
    ):
        of_patient(records, kind, model, request.patient_id, ids or [])


def _found(
    record: Record | None,
    model: type[Kind],
    error: Callable[[str], NotFound],
    what: str,
    argument: str,
) -> Kind:
    if not isinstance(record, model):
        raise error(f"No {what} has this {argument}.")
    return record
