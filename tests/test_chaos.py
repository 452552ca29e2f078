"""Two hundred jobs while workers are killed at random and Redis is restarted."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from clinic import Clinic, until
from conftest import missing
from redis_server import RedisServer
from workers import paid_twice, supervised

from docwiz_tasks import Job, SubmissionFailed

JOBS, KILLS, RESTARTS = 200, 22, 2
SECONDS = 300
PROCEDURES = ("rhinoplasty", "otoplasty", "facelift", "brow-lift")


class Chaos:
    """Kills workers and restarts Redis, each when so many jobs have ended, at random."""

    def __init__(self, server: RedisServer, workers: list[object]) -> None:
        self.kills = 0
        self.restarts = 0
        self._server = server
        self._workers = workers
        self._random = random.Random(20261124)

    def kill(self) -> None:
        main = psutil.Process(self._workers[-1].pid)  # type: ignore[attr-defined]
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            children = main.children()
            if children and self._random.random() < 0.5:
                self._random.choice(children).kill()
            else:
                os.killpg(main.pid, signal.SIGKILL)
            self.kills += 1

    def restart_redis(self) -> None:
        self._server.stop()
        self._server.start()
        self.restarts += 1


def submitted(clinic: Clinic, number: int) -> Job:
    """Submit a job, again with the same key for as long as Redis is away."""
    docwiz, case, key = clinic.docwiz, clinic.case, str(number)
    procedure = PROCEDURES[number % len(PROCEDURES)]
    while True:
        with suppress(SubmissionFailed):
            match number % 10:
                case 0:
                    pair = ["rhinoplasty", "otoplasty"]
                    return docwiz.compare(case.image_id, pair, idempotency_key=key)
                case 1 | 2 | 3:
                    return docwiz.visualize(case.image_id, procedure, idempotency_key=key)
                case 4 | 5 | 6:
                    return docwiz.export(case.patient_id, format="json", idempotency_key=key)
                case _:
                    return docwiz.infographic(case.cost_breakdown_id, idempotency_key=key)


def ended_jobs(store: Path, wanted: int) -> bool:
    return len(list(store.glob("*/end.json"))) >= wanted


def picture_of(clinic: Clinic, result: dict[str, object]) -> tuple[str, str] | None:
    """Return what a job's picture shows, and its fingerprint; None for a report."""
    for name in ("after_image_url", "comparison_image_url", "image_url"):
        if url := result.get(name):
            shown = f"{name} {result.get('procedure_id')}"
            return shown, hashlib.sha256(clinic.docwiz.open(str(url)).read()).hexdigest()
    return None


@pytest.mark.timeout(SECONDS + 60)
def test_two_hundred_jobs_end_right_while_workers_and_redis_die(tmp_path: Path) -> None:
    if not RedisServer.is_installed():
        missing("redis-server")
    server = RedisServer(tmp_path, persistent=True)
    clinic = Clinic(server.url, tmp_path)
    env = clinic.environment(
        HOST_VISIBILITY="5", DOCWIZ_MAX_DELIVERIES="50", DOCWIZ_RESCUE_SECONDS="2"
    )
    ended: set[str] = set()
    jobs: list[Job] = []
    try:
        with supervised(env, tmp_path / "log") as workers:
            until(lambda: workers, "a worker")
            chaos = Chaos(server, workers)  # type: ignore[arg-type]
            submitting = threading.Thread(
                target=lambda: jobs.extend(submitted(clinic, n) for n in range(JOBS))
            )
            submitting.start()
            store = tmp_path / "store" / "jobs"
            for blow in range(KILLS + RESTARTS):
                wanted = (blow + 1) * JOBS * 3 // 4 // (KILLS + RESTARTS)
                until(partial(ended_jobs, store, wanted), "progress")
                chaos.restart_redis() if blow % 12 == 8 else chaos.kill()
            submitting.join()
            results = {job.id: job.result(SECONDS) for job in jobs}
            ended.update(results)
    finally:
        server.stop()
    assert len(ended) == JOBS
    assert chaos.kills >= 20
    assert chaos.restarts == RESTARTS
    pictures = {found for r in results.values() if (found := picture_of(clinic, r)) is not None}
    assert len(pictures) == len({shown for shown, _ in pictures}), "the same job, the same bytes"
    for result in results.values():
        if "file_url" in result:
            data = clinic.docwiz.open(result["file_url"]).read()
            assert hashlib.sha256(data).hexdigest() == result["sha256"]
    assert not paid_twice(clinic.calls.read_text())
