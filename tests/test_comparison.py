"""A comparison keeps what it paid for, makes its previews at once, and gets its signs right."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from celery import Celery
from plugin_packages import Packages, working_host

from docwiz_tasks import (
    ComparisonFailed,
    EditRequest,
    GeneratedImage,
    JobEvent,
    ProviderRefused,
    ProviderUnavailable,
    Settings,
    hookimpl,
)
from docwiz_tasks.providers.offline import OfflineAIProvider

SECONDS = 60
# Each with a region of its own, by which a provider knows them.
EIGHT = {
    "rhinoplasty": "nose",
    "otoplasty": "ears",
    "facelift": "face",
    "blepharoplasty": "eyelids",
    "chin-augmentation": "chin",
    "brow-lift": "forehead",
    "lip-augmentation": "lips",
    "cleft-lip-repair": "upper_lip",
}
THREE = list(EIGHT)[:3]


class Clinic:
    """Edits as the simulation does, and first does what the test says."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.heard: list[JobEvent] = []
        self._offline = OfflineAIProvider(Settings())

    async def before(self, region: str) -> None:
        """Wait or fail, as the test needs it."""

    def hear(self, event: JobEvent) -> None:
        self.heard.append(event)

    async def edit_image(self, request: EditRequest) -> GeneratedImage:
        self.calls.append(request.region)
        await self.before(request.region)
        if error := self.failing.get(request.region):
            raise error
        return self._offline.edit_image(request)

    @hookimpl
    def docwiz_ai_providers(self) -> Mapping[str, Callable[[Settings], object]]:
        return {"clinic": lambda settings: self}

    @hookimpl
    def docwiz_job_event(self, event: JobEvent) -> None:
        self.hear(event)


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    clinic = Clinic()
    Packages(tmp_path, monkeypatch).install(clinic, name="clinic")
    return clinic


@pytest.mark.parametrize(
    ("error", "retryable"), [(ProviderRefused("SAFETY"), False), (ProviderUnavailable(), True)]
)
def test_a_procedure_that_fails_fails_the_comparison_naming_it(
    docwiz_app: Celery, clinic: Clinic, error: Exception, *, retryable: bool
) -> None:
    clinic.failing["ears"] = error
    with working_host(docwiz_app, ai_provider="clinic") as (docwiz, case):
        job = docwiz.compare(case.image_id, THREE)
        with pytest.raises(ComparisonFailed, match="otoplasty") as failure:
            job.result(SECONDS)
        assert failure.value.retryable == retryable
        assert job.status().error == {
            "code": "comparison_failed",
            "message": str(failure.value),
            "retryable": retryable,
        }
        assert not list(docwiz.store.list("records/comparison"))


def test_finished_previews_are_not_paid_for_again_at_the_next_try(
    docwiz_app: Celery, clinic: Clinic
) -> None:
    clinic.failing["face"] = ProviderRefused("SAFETY")
    # One after the other, so that two are finished when the third fails.
    with working_host(docwiz_app, ai_provider="clinic", comparison_concurrency=1) as (docwiz, case):
        with pytest.raises(ComparisonFailed, match="facelift"):
            docwiz.compare(case.image_id, THREE, case.patient_id).result(SECONDS)
        assert clinic.calls == ["nose", "ears", "face"]
        kept = [record.id for record in docwiz.records.find("visualization", case.patient_id)]
        assert len(kept) == 2

        clinic.calls.clear()
        clinic.failing.clear()
        result = docwiz.compare(case.image_id, THREE, case.patient_id).result(SECONDS)
        assert clinic.calls == ["face"]
        shown = [p["visualization_id"] for p in result["procedures"]]
        assert set(shown[:2]) == set(kept)
        assert [p["procedure_id"] for p in result["procedures"]] == THREE
        for procedure in result["procedures"]:
            assert docwiz.open(procedure["after_image_url"]).read()


@pytest.mark.parametrize("other", ["photo", "patient", "prompt"])
def test_previews_of_something_else_are_not_taken_for_finished(
    docwiz_app: Celery, clinic: Clinic, other: str
) -> None:
    clinic.failing["ears"] = ProviderRefused("SAFETY")
    with working_host(docwiz_app, ai_provider="clinic", comparison_concurrency=1) as (docwiz, case):
        with pytest.raises(ComparisonFailed):
            docwiz.compare(case.image_id, THREE[:2]).result(SECONDS)
        clinic.calls.clear()
        clinic.failing.clear()
        if other == "prompt":
            changed = case.procedure.model_copy(update={"prompt_template": "Do it otherwise."})
            docwiz.records.put("procedure", changed)
        image_id = docwiz.add_image(case.photo) if other == "photo" else case.image_id
        patient_id = case.patient_id if other == "patient" else None
        docwiz.compare(image_id, THREE[:2], patient_id).result(SECONDS)
    assert clinic.calls == ["nose", "ears"]


def test_the_first_failure_stops_the_other_previews(
    docwiz_app: Celery, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []

    async def before(region: str) -> None:
        if region == "face":
            await waiting.wait()
            return
        try:
            # Once all the others wait, the last one goes on to its failure.
            await waiting.wait()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(region)
            raise

    waiting = asyncio.Barrier(3)
    monkeypatch.setattr(clinic, "before", before)
    clinic.failing["face"] = ProviderRefused("SAFETY")
    with working_host(docwiz_app, ai_provider="clinic") as (docwiz, case):
        job = docwiz.compare(case.image_id, THREE)
        with pytest.raises(ComparisonFailed, match="facelift"):
            job.result(SECONDS)
    assert sorted(stopped) == ["ears", "nose"]


def test_all_previews_are_made_at_once(
    docwiz_app: Celery, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Passes only when all eight calls are under way together.
    together: Callable[[], Awaitable[int]] = asyncio.Barrier(len(EIGHT)).wait
    monkeypatch.setattr(clinic, "before", lambda region: together())
    with working_host(docwiz_app, ai_provider="clinic", provider_timeout_seconds=10) as host:
        docwiz, case = host
        result = docwiz.compare(case.image_id, list(EIGHT)).result(SECONDS)
    assert len(result["procedures"]) == len(EIGHT)
    assert sorted(clinic.calls) == sorted(EIGHT.values())


def test_all_previews_of_a_plain_provider_are_made_at_once(
    docwiz_app: Celery, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(len(EIGHT), timeout=10)
    offline = OfflineAIProvider(Settings())

    def edit_image(request: EditRequest) -> GeneratedImage:
        together.wait()
        return offline.edit_image(request)

    monkeypatch.setattr(clinic, "edit_image", edit_image)
    with working_host(docwiz_app, ai_provider="clinic") as (docwiz, case):
        result = docwiz.compare(case.image_id, list(EIGHT)).result(SECONDS)
    assert len(result["procedures"]) == len(EIGHT)


def test_progress_rises_as_each_procedure_finishes(
    docwiz_app: Celery, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ["facelift", "rhinoplasty", "otoplasty"]
    turns = {EIGHT[procedure]: asyncio.Event() for procedure in order}
    turns["face"].set()

    def hear(event: JobEvent) -> None:
        clinic.heard.append(event)
        procedure, _, step = (event.step or "").partition(".")
        if step == "record" and procedure != order[-1]:
            turns[EIGHT[order[order.index(procedure) + 1]]].set()

    monkeypatch.setattr(clinic, "before", lambda region: turns[region].wait())
    monkeypatch.setattr(clinic, "hear", hear)
    with working_host(docwiz_app, ai_provider="clinic") as (docwiz, case):
        docwiz.compare(case.image_id, THREE).result(SECONDS)
    steps = [event for event in clinic.heard if (event.step or "").endswith("record")]
    assert [(event.step, event.progress) for event in steps] == [
        ("facelift.record", 30),
        ("rhinoplasty.record", 60),
        ("otoplasty.record", 90),
        ("record", 100),
    ]
    reached = [event.progress for event in clinic.heard]
    assert reached == sorted(reached)


def test_each_difference_says_what_the_second_has_more_than_the_first(docwiz_app: Celery) -> None:
    ids = ["rhinoplasty", "facelift", "lip-augmentation"]
    with working_host(docwiz_app) as (docwiz, case):
        result = docwiz.compare(case.image_id, ids).result(SECONDS)
    assert result["cost_differences"] == {
        "rhinoplasty vs facelift": {"min": 2000, "max": 5000, "currency": "USD"},
        "rhinoplasty vs lip-augmentation": {"min": -4500, "max": -13000, "currency": "USD"},
        "facelift vs lip-augmentation": {"min": -6500, "max": -18000, "currency": "USD"},
    }
    assert result["recovery_differences"] == {
        "rhinoplasty vs facelift": 7,
        "rhinoplasty vs lip-augmentation": -11,
        "facelift vs lip-augmentation": -18,
    }
    assert result["risk_differences"] == {
        "rhinoplasty vs facelift": 1,
        "rhinoplasty vs lip-augmentation": -1,
        "facelift vs lip-augmentation": -2,
    }


def test_costs_in_two_currencies_have_no_difference(docwiz_app: Celery) -> None:
    with working_host(docwiz_app) as (docwiz, case):
        euros = case.procedure.model_copy(update={"currency": "EUR"})
        docwiz.records.put("procedure", euros)
        result = docwiz.compare(case.image_id, ["rhinoplasty", "facelift"]).result(SECONDS)
    assert result["cost_differences"] == {"rhinoplasty vs facelift": None}
    assert result["recovery_differences"] == {"rhinoplasty vs facelift": 7}
