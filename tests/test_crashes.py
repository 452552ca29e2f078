"""A job whose worker is killed, anywhere, gives what it would have given, and pays once.

Each of the four jobs is killed at each of its steps and paid calls, first with the child
of a prefork worker, then with the whole worker. The points come from an undisturbed run,
so a new step is covered as soon as it is there.
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import redis
from celery import Celery
from clinic import until
from workers import environment, paid_twice, supervised

import docwiz_tasks
from docwiz_tasks import DocWiz
from docwiz_tasks.celery_app.config import COMPARISON, EXPORT, INFOGRAPHIC, VISUALIZATION
from docwiz_tasks.testing.sample import add_sample_case

SECONDS = 90
Victim = Literal["child", "worker"]

PREVIEW, COMPARED, REPORT, COSTS = "the-preview", "the-comparison", "the-report", "the-costs"


@dataclass
class Lab:
    """A host, its worker, and a store that each wave of crashes begins anew."""

    docwiz: DocWiz
    redis: redis.Redis
    folder: Path
    jobs: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def plans(self) -> Path:
        return self.folder / "plans"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def begin_wave(self, name: str) -> Path:
        """Have all processes see a fresh copy of the base store."""
        wave = self.folder / name
        shutil.copytree(self.folder / "base", wave)
        link = self.folder / "link"
        link.symlink_to(wave)
        link.replace(self.store)
        for key in self.redis.scan_iter("celery-task-meta-*"):
            self.redis.delete(key)
        (self.folder / "calls").write_text("")
        return wave

    def wait_until_told(self) -> None:
        """Wait until the last write for jobs that ended, lest it lands in another store."""
        until(lambda: not any((self.store / "open").glob("*")), "the end of all")

    def plan(self, planned: dict[str, str], victim: Victim) -> None:
        """Have each job killed at its point, by whichever message it will be run."""
        for job_id, point in planned.items():
            (self.plans / job_id).write_text(f"{point}|{victim}")

    def run(self, planned: dict[str, str]) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """Run all jobs, and return their results, and which of those planned were killed."""
        for job_id, (task, arguments) in self.jobs.items():
            self.docwiz.app.tasks[task].apply_async(kwargs=arguments, task_id=job_id)
        results = {id: self.ended(id) for id in self.jobs}
        self.wait_until_told()
        # With the whole worker one job's death can carry another one over its own point.
        alive = {plan.name for plan in self.plans.iterdir()}
        for job_id in alive:
            (self.plans / job_id).unlink()
        return results, planned.keys() - alive

    def ended(self, job_id: str) -> dict[str, Any]:
        """Wait for a job's end in the store; Celery can still be told of the wave before."""
        journal = self.docwiz.journal(job_id)
        until(journal.end, f"the end of {job_id}", SECONDS)
        end = journal.end()
        assert end is not None
        assert end.result is not None, end
        return end.result


@contextmanager
def lab(redis_url: str, folder: Path, broker: str | None = None) -> Iterator[Lab]:
    client = redis.Redis.from_url(redis_url)
    base = folder / "base"
    base.mkdir()
    (folder / "store").symlink_to(base)
    (folder / "plans").mkdir()
    (folder / "calls").touch()
    app = Celery("host", set_as_current=False)
    app.conf.update(broker_url=broker or redis_url, result_backend=redis_url)
    # Of its own, because RabbitMQ has no database of its own for each test, and tests that
    # run side by side can have folders of one name.
    own = uuid.uuid4().hex
    queues = {f"{name}_queue": f"{name}-{own}" for name in ("visualizations", "exports")}
    settings = docwiz_tasks.Settings(
        store_url=(folder / "store").as_uri(),
        ai_provider="offline",
        image_provider="offline",
        **queues,
    )
    env = environment(
        broker or redis_url, redis_url, folder / "store",
        **{f"DOCWIZ_{name.upper()}": queue for name, queue in queues.items()},
        HOST_PLANS=str(folder / "plans"), HOST_CALLS=str(folder / "calls"),
        HOST_VISIBILITY="1", DOCWIZ_HEARTBEAT_SECONDS="1", DOCWIZ_MAX_DELIVERIES="20",
        DOCWIZ_RESCUE_SECONDS="1",
    )  # fmt: skip
    made = Lab(docwiz_tasks.register(app, settings), client, folder)
    with supervised(env, folder / "log"):
        case = add_sample_case(made.docwiz)
        # The report's pictures are there before, so that it doesn't depend on the other jobs.
        made.docwiz.visualize(case.image_id, "otoplasty", case.patient_id).result(SECONDS)
        made.wait_until_told()
        shutil.rmtree(base / "jobs")
        shutil.rmtree(base / "open")
        photo = {"image_id": case.image_id}
        made.jobs = {
            PREVIEW: (VISUALIZATION, {**photo, "procedure_id": "rhinoplasty"}),
            COMPARED: (COMPARISON, {**photo, "procedure_ids": ["facelift", "chin-augmentation"]}),
            REPORT: (EXPORT, {"patient_id": case.patient_id}),
            COSTS: (INFOGRAPHIC, {"cost_breakdown_id": case.cost_breakdown_id}),
        }
        yield made
    if broker is not None:
        with app.connection_for_write() as connection:
            for queue in queues.values():
                connection.default_channel.queue_delete(queue)
    client.close()


def outputs(store: Path) -> dict[str, bytes]:
    """Return all files that jobs leave for people: everything but their working data."""
    files = [file for file in store.rglob("*") if file.is_file()]
    names = {file.relative_to(store).as_posix(): file for file in files}
    hidden = ("jobs/", "open/", ".incoming/")
    return {name: file.read_bytes() for name, file in names.items() if not name.startswith(hidden)}


def points_of(store: Path, job_id: str) -> list[str]:
    """Return where a job can be killed: in and after each step; before, in and after each call."""
    folder = store / "jobs" / job_id
    files = sorted(folder.glob("steps=*"), key=lambda file: file.stat().st_mtime_ns)
    steps = [file.stem.partition("=")[2] for file in files]
    calls = sorted({file.name.split("=")[1] for file in folder.glob("calls=*")})
    at_steps = [f"{when} {step}" for step in steps for when in ("in", "after")]
    return at_steps + [f"{when} call {c}" for c in calls for when in ("before", "during", "after")]


def survive(made: Lab, victim: Victim) -> Counter[str]:
    """Kill each job at each of its points; return how many were survived, by job."""
    undisturbed = made.begin_wave("undisturbed")
    results, _ = made.run({})
    expected = outputs(undisturbed)
    points = {id: points_of(undisturbed, id) for id in made.jobs}
    survived: Counter[str] = Counter()
    while any(points.values()):
        planned = {id: points[id][0] for id in points if points[id]}
        made.plan(planned, victim)
        wave = made.begin_wave(f"wave-{survived.total()}")
        disturbed, killed = made.run(planned)
        assert killed
        assert outputs(wave) == expected, planned
        for id, result in disturbed.items():
            assert {**result, "paid_calls": None} == {**results[id], "paid_calls": None}
        assert not paid_twice((made.folder / "calls").read_text()), planned
        survived.update(killed)
        for id in killed:
            points[id].pop(0)
    print(f"killed {victim}: {survived.total()} points survived, {dict(survived)}")
    return survived


@pytest.mark.timeout(400)
@pytest.mark.parametrize("victim", ["child", "worker"])
def test_a_job_killed_anywhere_gives_the_same_bytes_and_pays_once(
    redis_url: str, tmp_path: Path, victim: Victim
) -> None:
    with lab(redis_url, tmp_path) as made:
        assert survive(made, victim).total() >= 60


@pytest.mark.timeout(200)
@pytest.mark.parametrize("victim", ["child", "worker"])
def test_a_job_killed_anywhere_survives_on_rabbitmq_too(
    redis_url: str, rabbitmq_url: str, tmp_path: Path, victim: Victim
) -> None:
    with lab(redis_url, tmp_path, broker=rabbitmq_url) as made:
        made.jobs = {COSTS: made.jobs[COSTS]}
        assert survive(made, victim).total() >= 10
