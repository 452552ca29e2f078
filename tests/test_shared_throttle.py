"""Two workers, each a process with one slot, that call Gemini and Freepik on the emulator."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from celery import Celery
from clinic import until
from conftest import REDIS_URL, missing
from pictures import photo
from test_throttle import COSTS
from workers import environment, start_worker

import docwiz_tasks
from docwiz_tasks import DocWiz, Job, ProviderUnavailable, Settings
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.testing.emulator import Emulator, Fault, gemini

SECONDS = 30
PATIENT = {"id": "somebody", "name": "Some Body", "date_of_birth": "1990-01-01"}
NAMES = ("first", "second")
SETTINGS = {
    "ai_provider": "gemini",
    "image_provider": "freepik",
    "gemini_api_key": "AIza-test",
    "gemini_embedding_model": "none",
    "freepik_api_key": "FPSX-test",
    "retry_base_seconds": 0.1,
    "retry_max_seconds": 0.1,
    "retry_in_place_seconds": 0.2,
    "breaker_failures": 3,
    "breaker_open_seconds": 1,
    "provider_rate_limits": {"freepik": [[2, 1]]},
}


class Workers:
    """A worker of each name, with queues of its own, so that a test says who does what."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.emulator = emulator
        self.docwiz: dict[str, DocWiz] = {}
        self.logs = [folder / name for name in NAMES]
        base = {**SETTINGS, "gemini_base_url": emulator.url, "freepik_base_url": emulator.url}
        store = folder / "store"

        def started(name: str) -> int:
            queues = {"visualizations_queue": f"{name}-previews", "exports_queue": f"{name}-others"}
            settings = {**base, **queues}
            given = {
                f"DOCWIZ_{key.upper()}": value if isinstance(value, str) else json.dumps(value)
                for key, value in settings.items()
            }
            app = Celery("host", broker=REDIS_URL, backend=REDIS_URL, set_as_current=False)
            made = Settings.model_validate({**settings, "store_url": store.as_uri()})
            self.docwiz[name] = docwiz_tasks.register(app, made)
            env = environment(REDIS_URL, REDIS_URL, store, **given)
            options = ("--pool=solo", "--without-mingle", "--without-gossip")
            return start_worker(env, folder / name, *options).pid

        with ThreadPoolExecutor() as pool:
            self._pids = list(pool.map(started, NAMES))
        first = self.docwiz["first"]
        first.records.put("patient", PATIENT)
        first.records.put("cost_breakdown", COSTS)
        self._image_id = first.add_image(photo(size=(300, 400)))

    def preview(self, name: str) -> Job:
        return self.docwiz[name].visualize(self._image_id, "rhinoplasty")

    def closed(self) -> bool:
        return self.docwiz["first"].throttle.closed("gemini") is not None

    def waits(self, job: Job) -> bool:
        return job.status().state == "RETRY"

    def times(self, operation: str) -> list[float]:
        return [received.at for received in self.emulator.requests(operation)]

    def stop(self) -> None:
        for pid in self._pids:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@pytest.fixture(scope="module")
def both_at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with redis.Redis.from_url(REDIS_URL) as client:
        try:
            client.flushdb()
        except redis.ConnectionError:
            missing("Redis")
        with Emulator() as emulator:
            workers = Workers(tmp_path_factory.mktemp("workers"), emulator)
            yield workers
            workers.stop()
        client.flushdb()


@pytest.fixture
def workers(both_at_work: Workers) -> Workers:
    """Give the two with nothing known of the providers."""
    with redis.Redis.from_url(REDIS_URL) as client:
        for key in client.scan_iter("*docwiz-tasks/*"):
            client.delete(key)
    both_at_work.emulator.received.clear()
    return both_at_work


def test_a_429_that_one_worker_sees_holds_back_the_other_and_keeps_no_slot(
    workers: Workers,
) -> None:
    workers.emulator.plan(gemini.error(429, retry_delay="3s"))
    first = workers.preview("first")
    until(workers.closed, "the 429")
    second = workers.preview("second")
    until(lambda: workers.waits(first) and workers.waits(second), "the waits")
    report = workers.docwiz["second"].export(PATIENT["id"], format="json")
    assert report.result(SECONDS)["format"] == "json"
    assert workers.waits(second), "the report was made meanwhile, by the only slot"
    assert first.result(SECONDS)["paid_calls"]["made"] == 2
    assert second.result(SECONDS)["paid_calls"]["made"] == 1, "to be held up is no attempt"
    seen, *later = workers.times("generateContent")
    assert len(later) == 2
    assert min(later) - seen >= 3
    journal = workers.docwiz["second"].journal(second.id)
    last = Lease(journal, 20).last()
    assert last > 1
    assert len(journal.names("left")) == last - 1, "none of them counts as a death"


def test_failures_of_one_worker_keep_the_other_away_until_a_probe_is_answered(
    workers: Workers,
) -> None:
    workers.emulator.plan(*[gemini.error(503)] * 3, Fault(delay_seconds=0.7))
    first = workers.preview("first")
    until(workers.closed, "the third failure")
    second = workers.preview("second")
    made = [job.result(SECONDS)["paid_calls"]["made"] for job in (first, second)]
    assert made == [4, 1]
    times = workers.times("generateContent")
    assert len(times) == 5
    assert times[3] - times[2] >= 1, "it stays open for a while"
    assert times[4] - times[3] >= 0.7, "one probe at a time"
    assert not workers.closed()
    logs = "".join(log.read_text() for log in workers.logs)
    assert "Provider gemini failed 3 times in a row: no worker calls it for 1 seconds" in logs
    assert "Provider gemini answers again" in logs


def test_both_workers_together_keep_to_the_rate_limit(workers: Workers) -> None:
    jobs = [workers.docwiz[name].infographic(COSTS["id"]) for name in NAMES for _ in range(3)]
    for job in jobs:
        assert job.result(SECONDS)["paid_calls"] == {"made": 1, "saved": 0}
    times = sorted(workers.times("text-to-image"))
    assert len(times) == 6
    # What lies between a turn and the request's arrival isn't the same each time.
    assert all(after - before > 0.8 for before, after in zip(times, times[2:], strict=False))


def test_a_wait_longer_than_any_job_has_patience_for_fails_all_at_once(workers: Workers) -> None:
    workers.emulator.plan(gemini.error(429, retry_delay="3600s"))
    begin = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="429"):
        workers.preview("first").result(SECONDS)
    held_up = workers.preview("second")
    with pytest.raises(ProviderUnavailable, match="'gemini' asked to wait"):
        held_up.result(SECONDS)
    assert time.monotonic() - begin < SECONDS
    assert (held_up.status().error or {})["retryable"]
    assert len(workers.times("generateContent")) == 1
