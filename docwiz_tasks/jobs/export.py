"""The report: what a patient takes home, in one of several formats."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from docwiz_tasks.contracts import Renderer, ReportDocument
from docwiz_tasks.errors import DocWizError, RenderFailed, StoreError
from docwiz_tasks.imaging.marks import EDITED
from docwiz_tasks.imaging.signing import SIGNABLE, signer_of
from docwiz_tasks.jobs.amounts import check_amounts
from docwiz_tasks.jobs.calls import where
from docwiz_tasks.jobs.journal import Document
from docwiz_tasks.jobs.lookup import check_request, find_patient, find_procedure, of_patient
from docwiz_tasks.jobs.report import ReportContent, build_report, identifiers
from docwiz_tasks.jobs.requests import ExportRequest
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run
from docwiz_tasks.models import (
    Comparison,
    CostBreakdown,
    Export,
    Patient,
    Procedure,
    Visualization,
)
from docwiz_tasks.store import path_of, url_of

__all__ = ["export"]

logger = logging.getLogger(__name__)


async def export(run: Run, request: ExportRequest, resources: Resources) -> Document:
    """Make a patient's report and return its record."""
    check_request(request, resources)
    chosen = await run.step(
        "select", lambda: select(request, resources), status="The records are chosen", progress=10
    )
    collected = await run.step(
        "collect",
        lambda: collect(run, request, chosen, resources),
        status="The document is being set",
        progress=30,
    )
    rendered = await run.step(
        "render",
        lambda: render(run, request, collected, resources),
        status="The document is set",
        progress=90,
    )
    return await run.step(
        "record",
        lambda: keep_record(run.job_id, request, collected, rendered, resources),
        status="The report is ready",
        progress=100,
    )


def select(request: ExportRequest, resources: Resources) -> Document:
    """Settle which records the report shows.

    Raises:
        NotFound: one that was asked for isn't there.
        WrongPatient: one belongs to another patient.
    """
    records, patient_id = resources.records, request.patient_id
    visualizations: list[Visualization] = []
    breakdowns: list[CostBreakdown] = []
    comparisons: list[Comparison] = []
    if request.include_comparisons:
        ids = request.comparison_ids
        comparisons = of_patient(records, "comparison", Comparison, patient_id, ids)
    if request.include_cost_estimates:
        ids = request.cost_breakdown_ids
        breakdowns = of_patient(records, "cost_breakdown", CostBreakdown, patient_id, ids)
    if request.include_visualizations:
        ids = request.visualization_ids
        visualizations = of_patient(records, "visualization", Visualization, patient_id, ids)
    shown = {p.visualization_id for c in comparisons for p in c.procedures}
    if request.visualization_ids is None:
        # The previews of a comparison are shown there; nobody asked for them twice.
        visualizations = [v for v in visualizations if v.id not in shown]
    return {
        "visualization": [record.id for record in visualizations],
        "cost_breakdown": [record.id for record in breakdowns],
        "comparison": [record.id for record in comparisons],
    }


def collect(run: Run, request: ExportRequest, chosen: Document, resources: Resources) -> Document:
    """Take the chosen records as they are now, so that a later try shows the same.

    Raises:
        AmountsDiffer: a cost breakdown does not add up.
    """
    records, patient_id = resources.records, request.patient_id
    visualizations = of_patient(
        records, "visualization", Visualization, patient_id, chosen["visualization"]
    )
    breakdowns = of_patient(
        records, "cost_breakdown", CostBreakdown, patient_id, chosen["cost_breakdown"]
    )
    comparisons = of_patient(records, "comparison", Comparison, patient_id, chosen["comparison"])
    for breakdown in breakdowns:
        check_amounts(breakdown)
    about = {v.procedure_id for v in visualizations} | {b.procedure_id for b in breakdowns}
    return {
        "patient": find_patient(records, patient_id).model_dump(mode="json"),
        "visualizations": [record.model_dump(mode="json") for record in visualizations],
        "cost_breakdowns": [record.model_dump(mode="json") for record in breakdowns],
        "comparisons": [record.model_dump(mode="json") for record in comparisons],
        "procedures": [find_procedure(records, id).model_dump(mode="json") for id in sorted(about)],
        "created_at": run.began_at.isoformat(),
    }


def render(run: Run, request: ExportRequest, collected: Document, resources: Resources) -> Document:
    """Set the report in its format, sign it if it is to be signed, and store the file."""
    signer = signer_of(resources.settings)

    def read_picture(url: str) -> bytes:
        data = resources.store.get(path_of(url))
        if data is None:
            raise StoreError("A picture of this report is no longer in the store.")
        return data

    document = build_report(
        run.job_id,
        _content(collected),
        datetime.fromisoformat(collected["created_at"]),
        read_picture,
        shareable=request.shareable,
    )
    seconds = min(resources.settings.render_timeout_seconds, max(run.remaining_seconds(), 1))
    settings = resources.settings.model_copy(update={"render_timeout_seconds": seconds})
    renderer = resources.plugins.renderer(request.format, settings)
    data = _rendered(renderer, request.format, document)
    if signer is not None and document.simulated and renderer.media_type in SIGNABLE:
        data = signer.sign(data, EDITED)
    path = f"exports/{run.job_id}.{renderer.extension}"
    resources.store.put(path, data)
    count_pages = getattr(renderer, "count_pages", None)
    return {
        "url": url_of(path),
        "media_type": renderer.media_type,
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "pages": None if count_pages is None else count_pages(data),
    }


def keep_record(
    job_id: str,
    request: ExportRequest,
    collected: Document,
    rendered: Document,
    resources: Resources,
) -> Document:
    """Save the export's record and return it as plain data."""
    record = Export(
        id=job_id,
        patient_id=request.patient_id,
        format=request.format,
        shareable=request.shareable,
        file_url=rendered["url"],
        media_type=rendered["media_type"],
        size_bytes=rendered["size_bytes"],
        sha256=rendered["sha256"],
        pages=rendered["pages"],
        created_at=datetime.fromisoformat(collected["created_at"]),
        removed=identifiers(_content(collected)) if request.shareable else (),
    )
    resources.records.put("export", record)
    return record.model_dump(mode="json")


def _content(collected: Document) -> ReportContent:
    return ReportContent(
        patient=Patient.model_validate(collected["patient"]),
        visualizations=[Visualization.model_validate(v) for v in collected["visualizations"]],
        cost_breakdowns=[CostBreakdown.model_validate(c) for c in collected["cost_breakdowns"]],
        comparisons=[Comparison.model_validate(c) for c in collected["comparisons"]],
        procedures={p["id"]: Procedure.model_validate(p) for p in collected["procedures"]},
    )


def _rendered(renderer: Renderer, format: str, document: ReportDocument) -> bytes:
    try:
        return renderer.render(document)
    except DocWizError:
        raise
    except Exception as error:
        logger.error("Renderer %s failed: %s", format, where(error))
        raise RenderFailed(
            f"The renderer {format!r} failed with {type(error).__name__}: a defect in it."
        ) from None
