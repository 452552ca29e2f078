"""A comparison whose calls hang at Gemini: they are dropped as soon as they serve nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from clinic import until
from plugin_packages import Packages, working_host

from docwiz_tasks import ComparisonFailed, DeadlineExceeded, DocWiz, JobEvent, hookimpl
from docwiz_tasks.testing.emulator import Emulator, Fault, gemini
from docwiz_tasks.testing.emulator.faults import Answer, Received
from docwiz_tasks.testing.sample import SampleCase

FOUR = ["rhinoplasty", "otoplasty", "facelift", "blepharoplasty"]
SECONDS, DROPPED_SECONDS = 60, 10
ABORT_SECONDS, TRIES = 0.2, 3
SOFT_LIMIT_SECONDS = 3.0
HANGING = Fault(delay_seconds=60)


class Clock:
    """Notes when each job was started."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}

    @hookimpl
    def docwiz_job_event(self, event: JobEvent) -> None:
        if event.kind == "started":
            self.started[event.job_id] = time.monotonic()


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    Packages(tmp_path, monkeypatch).install(clock, name="clock")
    return clock


@pytest.fixture
def host(
    docwiz_app: Celery, docwiz_emulator: Emulator, clock: Clock, request: pytest.FixtureRequest
) -> Iterator[tuple[DocWiz, SampleCase]]:
    with working_host(
        docwiz_app,
        ai_provider="gemini",
        gemini_api_key="emulated",
        gemini_base_url=docwiz_emulator.url,
        **getattr(request, "param", {}),
    ) as host:
        # What is imported at the first use takes no part in what is measured.
        docwiz, case = host
        docwiz.visualize(case.image_id, FOUR[0]).result(SECONDS)
        docwiz_emulator.received.clear()
        yield host


def best_of_tries(measure: Callable[[], float]) -> float:
    """Return the shortest time of a few, since other programs run here, too."""
    best = measure()
    for _ in range(TRIES - 1):
        if best > ABORT_SECONDS:
            best = min(best, measure())
    return best


def seconds_until_dropped(calls: list[Received], since: float) -> float:
    """Return how long after `since` the emulator had seen the last connection close."""
    for call in calls:
        assert call.dropped.wait(DROPPED_SECONDS)
    return time.monotonic() - since


def test_when_one_call_fails_the_others_are_dropped_at_once(
    host: tuple[DocWiz, SampleCase], docwiz_emulator: Emulator
) -> None:
    docwiz, case = host

    refused_at: list[float] = []

    def once_all_are_asked(_right: Answer) -> Answer:
        until(lambda: len(docwiz_emulator.received) == len(FOUR), "all calls at once")
        refusal = gemini.refused("IMAGE_SAFETY").change
        assert refusal is not None
        refused_at.append(time.monotonic())
        return refusal(_right)

    def measure() -> float:
        docwiz_emulator.received.clear()
        docwiz_emulator.plan(Fault(change=once_all_are_asked), *[HANGING] * (len(FOUR) - 1))
        job = docwiz.compare(case.image_id, FOUR)
        until(lambda: any(call.answered.is_set() for call in docwiz_emulator.received), "a refusal")
        others = [call for call in docwiz_emulator.received if not call.answered.is_set()]
        taken = seconds_until_dropped(others, refused_at[-1])
        with pytest.raises(ComparisonFailed, match="IMAGE_SAFETY"):
            job.result(SECONDS)
        assert len(others) == len(FOUR) - 1
        return taken

    assert best_of_tries(measure) <= ABORT_SECONDS


@pytest.mark.parametrize(
    "host", [{"soft_time_limit_seconds": SOFT_LIMIT_SECONDS}], indirect=True, ids=["short limit"]
)
def test_when_the_deadline_comes_all_calls_are_dropped_at_once(
    host: tuple[DocWiz, SampleCase], docwiz_emulator: Emulator, clock: Clock
) -> None:
    docwiz, case = host

    def measure() -> float:
        docwiz_emulator.received.clear()
        docwiz_emulator.plan(*[HANGING] * len(FOUR))
        job = docwiz.compare(case.image_id, FOUR)
        until(lambda: len(docwiz_emulator.received) == len(FOUR), "all calls at once")
        taken = seconds_until_dropped(docwiz_emulator.received, clock.started[job.id])
        with pytest.raises(DeadlineExceeded):
            job.result(SECONDS)
        # The job's own deadline comes a little before Celery's.
        assert taken >= SOFT_LIMIT_SECONDS * 0.98 - 0.01
        return taken - SOFT_LIMIT_SECONDS * 0.98

    assert best_of_tries(measure) <= ABORT_SECONDS
