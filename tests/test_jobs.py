"""The four jobs, run by a real worker on the fixtures that hosts use."""

from __future__ import annotations

import hashlib
import io
import json
from decimal import Decimal

import pypdfium2
import pytest
from PIL import Image

import docwiz_tasks
from docwiz_tasks import DocWiz, DocWizError, Job
from docwiz_tasks.testing.sample import SampleCase

pytestmark = pytest.mark.usefixtures("docwiz_worker")

SECONDS = 60


def picture(docwiz: DocWiz, url: str) -> Image.Image:
    with docwiz.open(url) as file:
        return Image.open(io.BytesIO(file.read()))


def progress_of(job: Job) -> list[int]:
    seen = [status.progress for status in job.watch(SECONDS)]
    assert job.status().successful, job.status().error
    return seen


def code_of(job: Job) -> str:
    with pytest.raises(DocWizError) as failure:
        job.result(SECONDS)
    return failure.value.code


def test_a_visualization_gives_all_that_its_contract_names(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    job = docwiz.visualize(docwiz_case.image_id, "rhinoplasty", docwiz_case.patient_id)
    result = job.result(SECONDS)
    assert set(result) == {
        "id", "patient_id", "procedure_id", "procedure_name", "before_image_url",
        "after_image_url", "prompt_used", "generated_at", "embedding", "provider", "model",
        "metadata", "paid_calls",
    }  # fmt: skip
    assert set(result["embedding"]) == {"id", "model", "dimensions"}
    before, after = (picture(docwiz, result[f"{w}_image_url"]) for w in ("before", "after"))
    assert before.size == after.size
    assert before.convert("RGB").tobytes() != after.convert("RGB").tobytes()
    assert docwiz.records.get("visualization", result["id"]) is not None


def test_celery_returns_the_envelope(docwiz: DocWiz, docwiz_case: SampleCase) -> None:
    task = docwiz.app.tasks["docwiz_tasks.generate_visualization_task"]
    envelope = task.delay(docwiz_case.image_id, "otoplasty").get(timeout=SECONDS)
    assert (envelope["status"], envelope["progress"]) == ("completed", 100)
    assert envelope["result"]["procedure_id"] == "otoplasty"


def test_a_comparison_shows_each_procedure_and_each_pair(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    job = docwiz.compare(docwiz_case.image_id, ["rhinoplasty", "facelift", "otoplasty"])
    result = job.result(SECONDS)
    assert [p["procedure_id"] for p in result["procedures"]] == [
        "rhinoplasty", "facelift", "otoplasty",
    ]  # fmt: skip
    pairs = {"rhinoplasty vs facelift", "rhinoplasty vs otoplasty", "facelift vs otoplasty"}
    for differences in ("cost_differences", "recovery_differences", "risk_differences"):
        assert set(result[differences]) == pairs
    assert result["recovery_differences"]["rhinoplasty vs facelift"] == 7
    assert result["cost_differences"]["rhinoplasty vs facelift"]["min"] == 2000
    assert picture(docwiz, result["comparison_image_url"]).format == "PNG"


@pytest.mark.parametrize(
    ("format", "media_type"),
    [
        ("pdf", "application/pdf"),
        ("png", "image/png"),
        ("jpeg", "image/jpeg"),
        ("json", "application/json"),
    ],
)
def test_an_export_is_a_file_of_its_format(
    docwiz: DocWiz, docwiz_case: SampleCase, format: str, media_type: str
) -> None:
    docwiz.visualize(docwiz_case.image_id, "rhinoplasty", docwiz_case.patient_id).result(SECONDS)
    result = docwiz.export(docwiz_case.patient_id, format=format).result(SECONDS)
    data = docwiz.open(result["file_url"]).read()
    assert result["media_type"] == media_type
    assert result["size_bytes"] == len(data)
    assert result["sha256"] == hashlib.sha256(data).hexdigest()
    assert result["removed"] == []


def text_of(docwiz: DocWiz, result: dict[str, str]) -> str:
    document = pypdfium2.PdfDocument(docwiz.open(result["file_url"]).read())
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_a_report_names_the_patient_and_itself(docwiz: DocWiz, docwiz_case: SampleCase) -> None:
    result = docwiz.export(docwiz_case.patient_id).result(SECONDS)
    text = text_of(docwiz, result)
    assert docwiz_case.patient.name in text
    assert result["id"] in text.replace("\r\n", "")
    assert "11,200.00" in text


@pytest.mark.parametrize("format", ["pdf", "json"])
def test_a_shareable_report_leaves_out_who_it_is(
    docwiz: DocWiz, docwiz_case: SampleCase, format: str
) -> None:
    job = docwiz.export(docwiz_case.patient_id, format=format, shareable=True)
    result = job.result(SECONDS)
    data = docwiz.open(result["file_url"]).read()
    text = text_of(docwiz, result) if format == "pdf" else json.dumps(json.loads(data))
    patient = docwiz_case.patient
    assert patient.insurance is not None
    for secret in (
        patient.name,
        patient.id,
        "1991",
        patient.medical_record_number,
        patient.insurance.provider,
        patient.insurance.policy_number,
        docwiz_case.cost_breakdown.region,
    ):
        assert str(secret) not in text
    assert {"name", "date_of_birth", "insurance", "medical_record_number"} <= set(result["removed"])


def test_a_report_leaves_out_what_was_not_asked_for(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    job = docwiz.export(docwiz_case.patient_id, format="json", include_cost_estimates=False)
    document = docwiz.open(job.result(SECONDS)["file_url"]).read().decode()
    assert "11,200.00" not in document


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_an_infographic_is_a_picture_of_its_size(
    docwiz: DocWiz, docwiz_case: SampleCase, format: str
) -> None:
    result = docwiz.infographic(docwiz_case.cost_breakdown_id, format).result(SECONDS)
    image = picture(docwiz, result["image_url"])
    assert image.format == format.upper()
    assert image.size == (result["width"], result["height"]) == (1200, 800)
    assert result["artwork_provider"] == "offline"


def test_a_breakdown_that_does_not_add_up_fails_saying_by_how_much(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    wrong = docwiz_case.cost_breakdown.model_copy(
        update={"id": "wrong", "surgeon_fee": Decimal("7300.00")}
    )
    docwiz.records.put("cost_breakdown", wrong)
    job = docwiz.infographic("wrong")
    assert code_of(job) == "amounts_differ"
    assert "USD 100.00 too little" in job.status().status


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("visualization", [20, 80, 100]),
        ("comparison", [45, 90, 100]),
        ("export", [10, 30, 90, 100]),
        ("infographic", [20, 60, 90, 100]),
    ],
)
def test_progress_comes_in_the_contracts_steps(
    docwiz: DocWiz, docwiz_case: SampleCase, kind: str, expected: list[int]
) -> None:
    image_id, patient_id = docwiz_case.image_id, docwiz_case.patient_id
    job = {
        "visualization": lambda: docwiz.visualize(image_id, "rhinoplasty"),
        "comparison": lambda: docwiz.compare(image_id, ["rhinoplasty", "otoplasty"]),
        "export": lambda: docwiz.export(patient_id),
        "infographic": lambda: docwiz.infographic(docwiz_case.cost_breakdown_id),
    }[kind]()
    seen = progress_of(job)
    assert seen == sorted(seen)
    assert set(seen) - {0} <= set(expected)
    assert seen[-1] == 100


def test_a_job_sent_by_bare_name_is_known_once_a_worker_takes_it(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    sent = docwiz.app.send_task(
        "docwiz_tasks.generate_cost_infographic_task", [docwiz_case.cost_breakdown_id]
    )
    sent.get(timeout=SECONDS)
    assert docwiz.job(sent.id).status().state == "SUCCESS"


def test_a_finished_job_stays_known_after_redis_forgot_it(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    job = docwiz.infographic(docwiz_case.cost_breakdown_id)
    result = job.result(SECONDS)
    docwiz.app.backend.client.flushall()
    status = docwiz.job(job.id).status()
    assert (status.state, status.result) == ("SUCCESS", result)


def test_a_job_sent_twice_under_one_key_is_done_once(
    docwiz: DocWiz, docwiz_case: SampleCase
) -> None:
    costs = docwiz_case.cost_breakdown_id
    one = docwiz.infographic(costs, idempotency_key="visit-7")
    two = docwiz.infographic(costs, idempotency_key="visit-7")
    assert one.id == two.id
    assert one.result(SECONDS) == two.result(SECONDS)
    with pytest.raises(docwiz_tasks.IdempotencyConflict):
        docwiz.infographic(costs, "jpeg", idempotency_key="visit-7")


def test_a_bad_argument_sent_by_bare_name_fails_at_once(docwiz: DocWiz) -> None:
    sent = docwiz.app.send_task("docwiz_tasks.generate_comparison_task", ["no-photo", ["facelift"]])
    sent.get(timeout=SECONDS, propagate=False)
    assert code_of(docwiz.job(sent.id)) == "request_invalid"
