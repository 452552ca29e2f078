"""The comparison: several procedures on one photo, side by side."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from itertools import combinations

from docwiz_tasks.errors import (
    ComparisonFailed,
    DeadlineExceeded,
    DocWizError,
    ExtraMissing,
    JobCancelled,
    SettingsError,
)
from docwiz_tasks.imaging import marks
from docwiz_tasks.imaging.side_by_side import Panel, compose
from docwiz_tasks.imaging.signing import signer_of
from docwiz_tasks.jobs.journal import Document
from docwiz_tasks.jobs.lookup import check_request, find_procedure
from docwiz_tasks.jobs.marking import marked
from docwiz_tasks.jobs.original import Original
from docwiz_tasks.jobs.paid import RetryLater
from docwiz_tasks.jobs.pictures import keep_picture
from docwiz_tasks.jobs.prompts import build_prompt
from docwiz_tasks.jobs.requests import ComparisonRequest
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run
from docwiz_tasks.jobs.subject import NOTICE, Subject
from docwiz_tasks.jobs.visualization import preview
from docwiz_tasks.jobs.wording import cost_range, days
from docwiz_tasks.models import Comparison, CostRange, Procedure, Visualization
from docwiz_tasks.store import path_of

__all__ = ["compare"]

RISK_LEVELS = ("low", "medium", "high")
PREVIEWS_SHARE = 90


async def compare(run: Run, request: ComparisonRequest, resources: Resources) -> Document:
    """Make a preview for each procedure at once, compare them, and return the record."""
    run.advance(0, "The previews are being made")
    check_request(request, resources)
    subjects = [_subject(run, request, procedure_id) for procedure_id in request.procedure_ids]
    original = await run.aside(Original, resources, request.image_id)
    previews = await make_previews(run, subjects, original, resources)
    picture = await run.step(
        "picture",
        lambda: run.aside(draw_side_by_side, run, original, previews, resources),
        status="The pictures are side by side",
    )
    result = await run.step(
        "record",
        lambda: keep_record(run.job_id, request, previews, picture, resources),
        status="The comparison is ready",
        progress=100,
    )
    for subject in subjects:
        resources.store.delete(_kept_path(subject, resources))
    return result


async def make_previews(
    run: Run, subjects: list[Subject], original: Original, resources: Resources
) -> list[Document]:
    """Make all previews concurrently; the first failure stops the others.

    Raises:
        ComparisonFailed: one failed; the finished ones are kept for the next try.
        RetryLater: one has to wait; the others were finished first.
    """
    run.concurrent = True
    room = asyncio.Semaphore(resources.settings.comparison_concurrency)
    put_off: list[RetryLater] = []
    done = {s.procedure_id for s in subjects if run.has(f"{s.procedure_id}.record")}

    async def one(subject: Subject) -> Document | None:
        async with room:
            try:
                return await _named_preview(run, subject, subjects, done, original, resources)
            except RetryLater as later:
                put_off.append(later)
                return None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(subject)) for subject in subjects]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    run.concurrent = False
    if put_off:
        raise max(put_off, key=lambda later: later.seconds)
    return [shown for task in tasks if (shown := task.result()) is not None]


def draw_side_by_side(
    run: Run, original: Original, previews: list[Document], resources: Resources
) -> Document:
    """Draw the photo and all previews in one picture."""
    panels = [Panel(original.data, "Before", (), simulated=False)]
    for shown in previews:
        procedure = find_procedure(resources.records, shown["procedure_id"])
        lines = (
            f"Typical cost {cost_range(procedure)}",
            f"Recovery about {days(procedure.recovery_days)}",
            f"Risk: {procedure.risk_level}",
        )
        data = resources.store.get(path_of(shown["after_image_url"])) or b""
        panels.append(Panel(data, procedure.name, lines, simulated=True))
    picture = compose(panels, title="Comparison of procedures", notice=NOTICE)
    picture = marked(picture, marks.EDITED, NOTICE, signer_of(resources.settings))
    path = f"comparisons/{run.job_id}/side-by-side"
    return {
        "url": keep_picture(resources.store, path, picture, "image/png"),
        "created_at": run.began_at.isoformat(),
    }


def keep_record(
    job_id: str,
    request: ComparisonRequest,
    previews: list[Document],
    picture: Document,
    resources: Resources,
) -> Document:
    """Save the comparison's record and return it as plain data."""
    procedures = [find_procedure(resources.records, id) for id in request.procedure_ids]
    pairs = {f"{a.id} vs {b.id}": (a, b) for a, b in combinations(procedures, 2)}
    record = Comparison.model_validate(
        {
            "id": job_id,
            "source_image_id": request.image_id,
            "patient_id": request.patient_id,
            "procedures": [
                {
                    "procedure_id": procedure.id,
                    "procedure_name": procedure.name,
                    "visualization_id": shown["id"],
                    "before_image_url": shown["before_image_url"],
                    "after_image_url": shown["after_image_url"],
                    "cost": _cost(procedure),
                    "recovery_days": procedure.recovery_days,
                    "risk_level": procedure.risk_level,
                }
                for procedure, shown in zip(procedures, previews, strict=True)
            ],
            "cost_differences": {key: _cost_difference(a, b) for key, (a, b) in pairs.items()},
            "recovery_differences": {
                key: b.recovery_days - a.recovery_days for key, (a, b) in pairs.items()
            },
            "risk_differences": {key: _risk(b) - _risk(a) for key, (a, b) in pairs.items()},
            "comparison_image_url": picture["url"],
            "created_at": picture["created_at"],
        }
    )
    resources.records.put("comparison", record)
    return record.model_dump(mode="json")


def _subject(run: Run, request: ComparisonRequest, procedure_id: str) -> Subject:
    visualization_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{run.job_id}/{procedure_id}"))
    return Subject(visualization_id, request.image_id, procedure_id, request.patient_id)


async def _named_preview(
    run: Run,
    subject: Subject,
    subjects: list[Subject],
    done: set[str],
    original: Original,
    resources: Resources,
) -> Document:
    prefix = f"{subject.procedure_id}."

    def share_done() -> int:
        done.add(subject.procedure_id)
        return PREVIEWS_SHARE * len(done) // len(subjects)

    kept = _kept(subject, resources)
    try:
        if kept is not None:
            status = f"{kept['procedure_name']}: the preview of the last try is ready"
            name = f"{prefix}record"
            return await run.step(name, lambda: kept, status=status, progress=share_done)
        milestones = {"record": share_done}
        shown = await preview(run, subject, original, resources, milestones, prefix)
    except (JobCancelled, DeadlineExceeded, ExtraMissing, SettingsError):
        # None of them is about the procedure.
        raise
    except DocWizError as error:
        raise ComparisonFailed(
            f"The comparison stopped at {subject.procedure_id}: {error}"
            " The finished previews are kept for the next try.",
            retryable=error.retryable,
        ) from None
    note = (_kept_path(subject, resources), shown["id"].encode())
    await asyncio.to_thread(resources.store.put, *note)
    return shown


def _kept(subject: Subject, resources: Resources) -> Document | None:
    id = resources.store.get(_kept_path(subject, resources))
    if id is None:
        return None
    record = resources.records.get("visualization", id.decode())
    return record.model_dump(mode="json") if isinstance(record, Visualization) else None


def _kept_path(subject: Subject, resources: Resources) -> str:
    """Where a finished preview of an unfinished comparison is noted, by all that shapes it."""
    procedure = find_procedure(resources.records, subject.procedure_id)
    parts = (
        subject.image_id,
        subject.procedure_id,
        subject.patient_id or "",
        resources.settings.ai_provider,
        procedure.region,
        build_prompt(procedure),
    )
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"comparisons/unfinished/{digest}"


def _cost(procedure: Procedure) -> CostRange:
    return CostRange(
        min=float(procedure.typical_cost_min),
        max=float(procedure.typical_cost_max),
        currency=procedure.currency,
    )


def _cost_difference(a: Procedure, b: Procedure) -> CostRange | None:
    if a.currency != b.currency:
        return None
    return CostRange(
        min=float(b.typical_cost_min - a.typical_cost_min),
        max=float(b.typical_cost_max - a.typical_cost_max),
        currency=a.currency,
    )


def _risk(procedure: Procedure) -> int:
    return RISK_LEVELS.index(procedure.risk_level)
