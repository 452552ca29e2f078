"""What can be known when a job is submitted is an error there, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from docwiz_tasks import DocWiz, DocWizError
from docwiz_tasks.testing.sample import SampleCase

FACIAL = ["rhinoplasty", "facelift", "otoplasty", "brow-lift", "lip-augmentation",
          "blepharoplasty", "chin-augmentation", "cleft-lip-repair", "liposuction"]  # fmt: skip

BAD: list[tuple[str, str, Callable[[DocWiz, SampleCase], object]]] = [
    ("unknown image", "image_unknown", lambda d, c: d.visualize("nobody", "rhinoplasty")),
    ("unknown procedure", "procedure_unknown", lambda d, c: d.visualize(c.image_id, "nose-job")),
    (
        "unknown patient",
        "patient_unknown",
        lambda d, c: d.visualize(c.image_id, "rhinoplasty", "nobody"),
    ),
    ("unknown patient's report", "patient_unknown", lambda d, c: d.export("nobody")),
    ("unknown costs", "cost_breakdown_unknown", lambda d, c: d.infographic("nothing")),
    (
        "unknown costs in a report",
        "cost_breakdown_unknown",
        lambda d, c: d.export(c.patient_id, cost_breakdown_ids=["nothing"]),
    ),
    (
        "unknown preview in a report",
        "record_unknown",
        lambda d, c: d.export(c.patient_id, visualization_ids=["nothing"]),
    ),
    ("id that climbs", "id_malformed", lambda d, c: d.visualize("../secrets", "rhinoplasty")),
    ("empty id", "id_malformed", lambda d, c: d.export("")),
    ("endless id", "id_malformed", lambda d, c: d.export("x" * 129)),
    ("id that is no text", "request_invalid", lambda d, c: d.export(7)),  # type: ignore[arg-type]
    ("one procedure", "request_invalid", lambda d, c: d.compare(c.image_id, FACIAL[:1])),
    ("nine procedures", "request_invalid", lambda d, c: d.compare(c.image_id, FACIAL)),
    (
        "a procedure twice",
        "request_invalid",
        lambda d, c: d.compare(c.image_id, ["facelift", "facelift"]),
    ),
    ("unknown format", "format_unknown", lambda d, c: d.export(c.patient_id, format="docx")),
    (
        "unknown picture format",
        "format_unknown",
        lambda d, c: d.infographic(c.cost_breakdown_id, "gif"),
    ),
]


@pytest.mark.parametrize(("what", "code", "submit"), BAD, ids=[what for what, _, _ in BAD])
def test_a_bad_argument_is_refused_and_leaves_nothing(
    docwiz: DocWiz,
    docwiz_case: SampleCase,
    what: str,
    code: str,
    submit: Callable[[DocWiz, SampleCase], object],
) -> None:
    with pytest.raises(DocWizError) as refusal:
        submit(docwiz, docwiz_case)
    assert refusal.value.code == code
    assert list(docwiz.store.list("jobs")) == []
    assert docwiz.app.backend.client.llen("visualizations") == 0
    assert docwiz.app.backend.client.llen("exports") == 0


def test_another_patients_costs_are_refused(docwiz: DocWiz, docwiz_case: SampleCase) -> None:
    other = docwiz_case.patient.model_copy(
        update={"id": "other", "name": "Somebody", "date_of_birth": date(1980, 1, 1)}
    )
    docwiz.records.put("patient", other)
    with pytest.raises(DocWizError) as refusal:
        docwiz.export("other", cost_breakdown_ids=[docwiz_case.cost_breakdown_id])
    assert refusal.value.code == "patient_mismatch"


def test_celerys_own_calls_are_checked_too(docwiz: DocWiz) -> None:
    task = docwiz.app.tasks["docwiz_tasks.generate_visualization_task"]
    calls: list[Callable[[], object]] = [
        lambda: task.delay("nobody", "rhinoplasty"),
        lambda: task.apply_async(("nobody", "rhinoplasty")),
    ]
    for call in calls:
        with pytest.raises(DocWizError) as refusal:
            call()
        assert refusal.value.code == "image_unknown"


def test_a_job_that_nobody_submitted_is_unknown(docwiz: DocWiz) -> None:
    assert docwiz.job("3f0c").status().state == "UNKNOWN"
    with pytest.raises(DocWizError) as failure:
        docwiz.job("3f0c").result(timeout=5)
    assert failure.value.code == "job_unknown"


def test_a_queued_job_is_pending(docwiz: DocWiz, docwiz_case: SampleCase) -> None:
    job = docwiz.infographic(docwiz_case.cost_breakdown_id)
    status = job.status()
    assert (status.state, status.ready, status.progress) == ("PENDING", False, 0)
    assert status["state"] == status.state


def test_a_queued_job_that_is_cancelled_never_starts(
    docwiz: DocWiz, docwiz_case: SampleCase, request: pytest.FixtureRequest
) -> None:
    cancelled = docwiz.infographic(docwiz_case.cost_breakdown_id)
    cancelled.cancel()
    assert cancelled.status().state == "REVOKED"
    request.getfixturevalue("docwiz_worker")
    docwiz.infographic(docwiz_case.cost_breakdown_id).result(timeout=60)
    assert not any("steps" in path for path in docwiz.store.list(f"jobs/{cancelled.id}"))
    with pytest.raises(DocWizError) as end:
        cancelled.result(timeout=5)
    assert end.value.code == "job_cancelled"


def test_a_store_that_is_not_set_is_an_error_that_names_the_variable(
    docwiz_app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import docwiz_tasks

    monkeypatch.delenv("DOCWIZ_STORE_URL", raising=False)
    docwiz = docwiz_tasks.register(docwiz_app, docwiz_tasks.Settings())
    with pytest.raises(DocWizError, match="DOCWIZ_STORE_URL"):
        docwiz.visualize("a", "rhinoplasty")
