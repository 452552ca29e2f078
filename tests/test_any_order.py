"""Whatever happens to jobs, and in whatever order: none is lost, done twice, or goes back.

Hypothesis chooses; the store, Redis, Celery's own tracing of a task and the SIGKILLs are
real. A delivery runs in a forked process, as a child of a prefork worker does.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from celery.app.trace import build_tracer
from conftest import REDIS_URL, missing
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from PIL import Image

import docwiz_tasks
from docwiz_tasks import EditRequest, GeneratedImage, Job, JobStatus, Settings, hookimpl
from docwiz_tasks.celery_app.config import VISUALIZATION
from docwiz_tasks.celery_app.rescue import rescue
from docwiz_tasks.jobs.journal import Journal

KEYS = st.sampled_from(["first", "second", "third"])
# A preview writes about a dozen documents; the child dies before or after one of them.
LAST_WORDS = st.none() | st.integers(min_value=1, max_value=24)


class Provider:
    """Answers with the photo, and notes that it was asked."""

    def __init__(self, calls: Path) -> None:
        self._calls = calls

    async def edit_image(self, request: EditRequest) -> GeneratedImage:
        with self._calls.open("a") as file:
            file.write(f"{request.idempotency_key}\n")
        return GeneratedImage(request.image, request.media_type, "none")


class Plugin:
    def __init__(self, calls: Path) -> None:
        self._calls = calls

    @hookimpl
    def docwiz_ai_providers(self) -> Mapping[str, Any]:
        return {"noting": lambda _settings: Provider(self._calls)}


class AnyOrder(RuleBasedStateMachine):
    """Three jobs, and all that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.redis = redis.Redis.from_url(REDIS_URL)
        self.redis.flushdb()
        self.app = Celery("any-order", set_as_current=False)
        self.app.conf.update(broker_url=REDIS_URL, result_backend=REDIS_URL)
        chosen = Settings(
            store_url=(self.folder / "store").as_uri(),
            store_fsync=False,
            ai_provider="noting",
            plugins="none",
            rescue_seconds=0.001,
        )
        self.docwiz = docwiz_tasks.register(self.app, chosen)
        self.docwiz.plugins.manager.register(Plugin(self.folder / "calls"))
        file = io.BytesIO()
        Image.new("RGB", (100, 100), "tan").save(file, "JPEG")
        self.image_id = self.docwiz.add_image(file.getvalue())
        self.task = self.app.tasks[VISUALIZATION]
        self.trace = build_tracer(VISUALIZATION, self.task, app=self.app)
        self.jobs: dict[str, Job] = {}
        self.seen: dict[str, JobStatus] = {}
        self.cancelled: set[str] = set()
        self.deaths: dict[str, int] = {}

    @rule(key=KEYS)
    def submit(self, key: str) -> None:
        job = self.docwiz.visualize(self.image_id, "rhinoplasty", idempotency_key=key)
        assert self.jobs.setdefault(key, job).id == job.id

    @rule(last_words=LAST_WORDS)
    def deliver(self, last_words: int | None) -> None:
        with self.app.connection_for_read() as connection:
            channel = connection.default_channel
            self.app.amqp.queues["visualizations"].bind(channel).declare()
            message = channel.basic_get("visualizations", no_ack=False)
            if message is None:
                return
            if self._survives(channel.message_to_python(message), last_words):
                channel.basic_ack(message.delivery_tag)
            else:
                # As Celery does when a child of its pool was lost.
                channel.basic_reject(message.delivery_tag, requeue=True)

    @rule(key=KEYS)
    def send_twice(self, key: str) -> None:
        if key in self.jobs:
            self.docwiz.publish(self.docwiz.journal(self.jobs[key].id))

    @rule(key=KEYS)
    def cancel(self, key: str) -> None:
        if key in self.jobs:
            self.jobs[key].cancel()
            self.cancelled.add(key)

    @rule()
    def results_expire(self) -> None:
        for key in self.redis.scan_iter("celery-task-meta-*"):
            self.redis.delete(key)

    @rule()
    def redis_forgets_everything(self) -> None:
        self.redis.flushdb()

    @rule()
    def a_worker_looks_for_lost_jobs(self) -> None:
        rescue(self.docwiz)

    @invariant()
    def no_job_goes_back(self) -> None:
        for key, job in self.jobs.items():
            now, before = job.status(), self.seen.get(key)
            assert now.state != "UNKNOWN"
            if before is not None:
                assert now.progress >= before.progress
                if before.ready:
                    assert now == before
            self.seen[key] = now

    @invariant()
    def no_answered_call_is_made_again(self) -> None:
        for job in self.jobs.values():
            calls = list((self.folder / "store/jobs" / job.id).glob("calls=edit=*"))
            assert sum("-outcome" in call.name for call in calls) <= 1
            attempts = [call for call in calls if "-" not in call.name]
            assert len(attempts) <= self.deaths.get(job.id, 0) + 1

    def teardown(self) -> None:
        try:
            for status in self.seen.values():
                event(f"left in state {status.state}")
            for _ in range(20):
                rescue(self.docwiz)
                self._deliver_all()
                self.no_job_goes_back()
                if all(status.ready for status in self.seen.values()):
                    break
            for key, status in self.seen.items():
                died = self.deaths.get(self.jobs[key].id, 0)
                assert status.ready, f"{key} is lost: {status}"
                if status.state == "FAILURE":
                    assert (status.error or {})["code"] == "delivery_limit_exceeded"
                    assert died >= 3
                elif status.state == "REVOKED":
                    assert key in self.cancelled
            records = list((self.folder / "store/records").glob("visualization*/*"))
            done = [s for s in self.seen.values() if s.successful]
            assert len(records) >= len(done)
            assert len({r.name for r in records}) == len(records) <= len(self.jobs)
        finally:
            self.redis.flushdb()
            self.redis.close()
            self.app.close()
            shutil.rmtree(self.folder)

    def _deliver_all(self) -> None:
        for _ in range(30):
            self.deliver(None)

    def _survives(self, message: Any, last_words: int | None) -> bool:
        args, kwargs, _ = message.payload
        headers = message.headers
        job_id = headers["id"]
        child = os.fork()
        if child == 0:
            self._run(job_id, args, kwargs, headers, last_words)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        assert killed or os.WEXITSTATUS(status) == 0
        event(f"a delivery {'died' if killed else 'returned'}")
        self.deaths[job_id] = self.deaths.get(job_id, 0) + killed
        return not killed

    def _run(
        self, job_id: str, args: Any, kwargs: Any, headers: dict[str, Any], last_words: int | None
    ) -> None:
        try:
            self.app._after_fork()
            if last_words is not None:
                die_at_write(last_words)
            request = {**headers, "args": args, "kwargs": kwargs, "is_eager": False}
            request["delivery_info"] = {"exchange": "", "routing_key": "visualizations"}
            self.trace(job_id, args, kwargs, request)
            os._exit(0)
        finally:
            os._exit(1)


def die_at_write(number: int) -> None:
    """Have this process kill itself at a write of a journal: odd before it, even after it."""
    create, writes = Journal.create, iter(range(1, 1000))

    def dying(journal: Journal, *about: Any, **how: Any) -> bool:
        due = next(writes) == (number + 1) // 2
        if due and number % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        created = create(journal, *about, **how)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return created

    Journal.create = dying  # type: ignore[assignment, method-assign]


AnyOrder.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(400)
class TestAnyOrder(AnyOrder.TestCase):  # type: ignore[misc, valid-type]
    def setUp(self) -> None:
        try:
            redis.Redis.from_url(REDIS_URL).ping()
        except redis.ConnectionError:
            missing("Redis")
