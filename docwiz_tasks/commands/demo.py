"""The demonstration: a broker, a worker, offline providers and all four jobs in one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from celery import Celery

from docwiz_tasks.celery_app.config import celery_config
from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.celery_app.job import Job
from docwiz_tasks.celery_app.registration import register
from docwiz_tasks.commands.progress import follow
from docwiz_tasks.errors import DocWizError
from docwiz_tasks.settings import Settings
from docwiz_tasks.testing.sample import SampleCase, add_sample_case

__all__ = ["embedded_docwiz", "run_demo"]

PROCEDURES = ["rhinoplasty", "chin-augmentation", "brow-lift", "lip-augmentation"]
JOB_SECONDS = 120


def run_demo(folder: Path) -> int:
    """Do the main job on a sample case and leave ten files.

    Args:
        folder: where to leave them; made if it isn't there.

    Returns:
        0 if every job succeeded, 1 otherwise.
    """
    docwiz = embedded_docwiz()
    failures = 0
    with embedded_worker(docwiz.app):
        case = add_sample_case(docwiz)
        click.echo(f"A sample case: {case.procedure.name}, {case.patient.name}. Offline providers.")
        for title, job, files in _jobs(docwiz, case):
            error = _follow(title, job)
            if error is None:
                _leave(docwiz, job, files, folder)
            else:
                failures += 1
                click.echo(f"  {title} failed ({error.code}): {error}", err=True)
    if failures:
        return 1
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    click.echo(f"\n{len(names)} files in {folder.resolve()}:")
    for name in names:
        click.echo(f"  {name}")
    return 0


def embedded_docwiz() -> DocWiz:
    """Register on an app whose broker and results are in this process."""
    app = Celery("docwiz-demo", set_as_current=False)
    app.conf.update(
        celery_config(),
        broker_url="memory://localhost/",
        result_backend="cache+memory://",
        # The in-memory broker looks for messages once a second otherwise.
        broker_transport_options={"polling_interval": 0.01},
    )
    settings = Settings(
        store_url="memory://", ai_provider="offline", image_provider="offline", plugins="none"
    )
    return register(app, settings)


def _jobs(docwiz: DocWiz, case: SampleCase) -> Iterator[tuple[str, Job, dict[str, str]]]:
    """Submit each job when the one before is done: reports show what the first two made."""
    patient_id = case.patient_id
    yield (
        "Preview",
        docwiz.visualize(case.image_id, case.procedure_id, patient_id),
        {"before": "before_image_url", "after": "after_image_url"},
    )
    yield (
        "Comparison",
        docwiz.compare(case.image_id, PROCEDURES, patient_id),
        {"comparison": "comparison_image_url"},
    )
    for format in ("pdf", "png", "jpeg", "json"):
        job = docwiz.export(patient_id, format=format)
        yield f"Report ({format})", job, {"report": "file_url"}
    yield (
        "Report (shareable)",
        docwiz.export(patient_id, shareable=True),
        {"report-shareable": "file_url"},
    )
    for format in ("png", "jpeg"):
        job = docwiz.infographic(case.cost_breakdown_id, format)
        yield f"Costs ({format})", job, {"costs": "image_url"}


def _follow(title: str, job: Job) -> DocWizError | None:
    """Show a job's progress to its end; return the error if it failed."""
    try:
        follow(job, title, JOB_SECONDS)
    except DocWizError as error:
        return error
    return None


def _leave(docwiz: DocWiz, job: Job, files: dict[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    result = job.result(timeout=1)
    for name, field in files.items():
        url = result[field]
        extension = url.rpartition(".")[2]
        with docwiz.open(url) as file:
            (folder / f"{name}.{extension}").write_bytes(file.read())
