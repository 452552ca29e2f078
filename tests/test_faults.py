"""What happens to a job when what it runs on breaks: real workers, real Redis, real faults."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from clinic import SECONDS, Clinic, until
from conftest import missing
from redis_server import RedisServer

import docwiz_tasks
from docwiz_tasks import (
    DeadlineExceeded,
    DeliveryLimitExceeded,
    JobCancelled,
    JobLost,
    SubmissionFailed,
)
from docwiz_tasks.jobs.journal import End, Journal
from docwiz_tasks.jobs.lease import Lease

POOLS = ("prefork", "threads", "solo")


@pytest.fixture
def clinic(redis_url: str, tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(redis_url, tmp_path)
    yield made
    made.stop_workers()


@pytest.fixture
def fragile(redis_server: RedisServer, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic on the Redis that the test stops and starts."""
    made = Clinic(redis_server.url, tmp_path)
    yield made
    made.stop_workers()


def test_a_job_that_kills_its_worker_each_time_is_given_up_and_listed(clinic: Clinic) -> None:
    clinic.start_worker("--concurrency=1")
    clinic.plan("poison", "in edit", "child always")
    job = clinic.submit_preview("poison")
    with pytest.raises(DeliveryLimitExceeded):
        job.result(SECONDS)
    assert [dead.id for dead in clinic.docwiz.dead_jobs()] == ["poison"]
    assert clinic.deliveries("poison") == 4, "three that died, and the one that gave it up"
    assert clinic.submit_preview("healthy").result(SECONDS), "the worker lives"


def test_a_job_that_was_given_up_runs_again_from_its_last_good_step(clinic: Clinic) -> None:
    clinic.start_worker("--concurrency=1")
    clinic.plan("poison", "in record", "child always")
    job = clinic.submit_preview("poison")
    with pytest.raises(DeliveryLimitExceeded):
        job.result(SECONDS)
    calls = clinic.started("poison")
    (clinic.plans / "poison").unlink()
    job.retry()
    result = job.result(SECONDS)
    assert clinic.started("poison") == calls == result["paid_calls"]["made"]
    assert result["paid_calls"]["saved"] > 0
    assert clinic.docwiz.dead_jobs() == []


def test_the_late_word_of_a_failed_run_does_not_end_the_retried_one(clinic: Clinic) -> None:
    worker = clinic.start_worker("--concurrency=1")
    clinic.plan("poison", "in record", "child always")
    job = clinic.submit_preview("poison")
    with pytest.raises(DeliveryLimitExceeded) as caught:
        job.result(SECONDS)
    clinic.kill(worker)
    until(clinic.let_go, "the end of the dead worker's connections")
    (clinic.plans / "poison").unlink()
    job.retry()
    # What the worker would have told Celery a moment after the end was in the store.
    clinic.app.backend.mark_as_failure("poison", caught.value)
    assert not job.status().ready
    clinic.start_worker("--concurrency=1")
    assert job.result(SECONDS)["id"] == "poison"


def test_a_run_that_begins_while_its_status_is_read_is_not_ended_by_the_word_of_an_older_one(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = clinic.submit_preview()
    journal, held = clinic.docwiz.journal(job.id), Lease.held
    assert Lease(journal, 3).take(journal.names())
    failure = DeadlineExceeded("It took too long.")
    error = {"code": failure.code, "message": failure.message, "retryable": False}
    journal.finish(End("FAILURE", error=error))
    job.retry()
    clinic.app.backend.mark_as_failure(job.id, failure)

    def held_from_now_on(lease: Lease) -> bool:
        answer = held(lease)
        lease.take(journal.names())
        return answer

    monkeypatch.setattr(Lease, "held", held_from_now_on)
    assert not job.status().ready


def test_a_job_whose_worker_and_message_are_gone_comes_back(clinic: Clinic) -> None:
    # The visibility timeout is an hour, as in a host's own app: nothing of Celery's helps.
    clinic.plan("the-preview", "in embed", "worker")
    first = clinic.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="0.5")
    job = clinic.submit_preview()
    first.wait(SECONDS)
    clinic.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="0.5")
    assert job.result(SECONDS)["paid_calls"] == {"made": 3, "saved": 3}


def test_a_job_whose_worker_died_before_its_submission_was_noted_comes_back_soon(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The dead worker's message stays with the broker for longer than anybody waits.
    worker = clinic.start_worker("--concurrency=1")
    clinic.plan("the-preview", "in edit", "worker")
    noted = Journal.published

    def noted_late(journal: Journal, *what: Any) -> None:
        until(lambda: worker.poll() is not None, "the worker's death")
        noted(journal, *what)

    monkeypatch.setattr(Journal, "published", noted_late)
    job = clinic.submit_preview()
    clinic.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="1")
    assert job.result(SECONDS)["paid_calls"]["made"] == 3


def test_two_deliveries_at_once_make_one_run(clinic: Clinic) -> None:
    clinic.start_worker("--concurrency=2")
    job, gate = clinic.begin_preview()
    clinic.docwiz.publish(clinic.docwiz.journal(job.id))
    log = clinic.folder / "log-0"
    until(lambda: b"[the-preview] ignored" in log.read_bytes(), "the second delivery")
    gate.unlink()
    assert job.result(SECONDS)["paid_calls"] == {"made": 3, "saved": 0}
    assert clinic.started("the-preview") == 3
    assert clinic.deliveries("the-preview") == 1
    assert clinic.heard("succeeded") == 1


def test_a_job_that_outlives_the_visibility_timeout_runs_once(clinic: Clinic) -> None:
    # The first holds its job's message only, so the second is given its copy.
    options = "--concurrency=1", "--prefetch-multiplier=1"
    clinic.start_worker(*options, HOST_VISIBILITY="0.2")
    job, gate = clinic.begin_preview()
    # A worker looks for such messages when it starts, and then, before kombu 5.7, only
    # every hundred seconds.
    clinic.start_worker(*options, HOST_VISIBILITY="0.2")
    logs = [clinic.folder / f"log-{number}" for number in range(2)]
    ignored = b"[the-preview] ignored"
    until(lambda: any(ignored in log.read_bytes() for log in logs), "the second delivery")
    gate.unlink()
    assert job.result(SECONDS)["paid_calls"] == {"made": 3, "saved": 0}
    assert clinic.started("the-preview") == 3
    assert clinic.deliveries("the-preview") == 1
    assert clinic.heard("the-preview succeeded") == 1


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_connection_reset_while_a_job_runs_makes_one_result(
    fragile: Clinic, redis_server: RedisServer, concurrency: int
) -> None:
    fragile.start_worker(f"--concurrency={concurrency}")
    job, gate = fragile.begin_preview()
    redis_server.cut_connections()
    log = fragile.folder / "log-0"
    until(lambda: log.read_bytes().count(b"Connected to redis") > 1, "the new connection")
    gate.unlink()
    assert job.result(SECONDS)["paid_calls"]["made"] == 3
    assert fragile.started("the-preview") == 3
    assert fragile.heard("succeeded") == 1


def test_a_running_job_outlives_a_redis_that_forgets_everything(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    fragile.start_worker("--concurrency=1")
    job, gate = fragile.begin_preview()
    redis_server.stop()
    redis_server.start()
    assert job.status().state in ("STARTED", "PROGRESS"), "it runs, and isn't lost"
    gate.unlink()
    assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"


def test_a_job_that_ends_while_redis_is_down_has_its_result(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    fragile.start_worker("--concurrency=1")
    job, gate = fragile.begin_preview()
    redis_server.stop()
    gate.unlink()
    until(lambda: job.status().successful, "its end")
    redis_server.start()
    assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"


def test_a_queued_job_that_redis_forgot_is_lost_and_can_be_submitted_again(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    job = fragile.preview()
    assert job.status().state == "PENDING"
    redis_server.client.flushall()
    assert job.status().state == "LOST"
    with pytest.raises(JobLost):
        job.result(SECONDS)
    assert fragile.preview().id == job.id
    assert job.status().state == "PENDING"
    fragile.start_worker("--concurrency=1")
    assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"


def test_a_queued_job_that_redis_forgot_comes_back_by_itself(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    job = fragile.preview()
    redis_server.client.flushall()
    fragile.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="0.5")
    until(lambda: job.status().successful, "its end")


def test_a_queued_job_outlives_a_restart_of_a_redis_that_saves(tmp_path: Path) -> None:
    if not RedisServer.is_installed():
        missing("redis-server")
    server = RedisServer(tmp_path, persistent=True)
    clinic = Clinic(server.url, tmp_path)
    try:
        job = clinic.preview()
        server.stop()
        server.start()
        assert job.status().state == "PENDING"
        clinic.start_worker("--concurrency=1")
        assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"
    finally:
        clinic.stop_workers()
        server.stop()


def test_a_submission_without_redis_is_refused_and_can_be_repeated(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    fragile.preview("warm")
    redis_server.stop()
    for _ in range(2):
        with pytest.raises(SubmissionFailed):
            fragile.preview()
    redis_server.start()
    job = fragile.preview()
    fragile.start_worker("--concurrency=1")
    assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"


def test_a_submission_right_after_an_inspection_of_workers_is_whole(clinic: Clinic) -> None:
    # Celery leaves an answer of Redis unread on the connection that it asked by.
    for key in ("first", "second"):
        clinic.app.control.ping(timeout=0.1)
        job = clinic.preview(key)
        assert job.status().state == "PENDING"
    clinic.start_worker("--concurrency=1")
    assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"


def test_a_submission_to_a_full_redis_is_refused_and_can_be_repeated(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    redis_server.client.config_set("maxmemory-policy", "noeviction")
    redis_server.client.config_set("maxmemory", "1")
    with pytest.raises(SubmissionFailed):
        fragile.preview()
    redis_server.client.config_set("maxmemory", "0")
    job = fragile.preview()
    fragile.start_worker("--concurrency=1")
    assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"


def test_the_result_outlives_celerys(clinic: Clinic, redis_url: str) -> None:
    clinic.start_worker("--concurrency=1")
    job = clinic.submit_preview()
    result = job.result(SECONDS)
    with redis.Redis.from_url(redis_url) as client:
        assert client.delete("celery-task-meta-the-preview") == 1
    assert job.status().state == "SUCCESS"
    assert job.status().result == result


@pytest.mark.parametrize("pool", POOLS)
def test_a_job_out_of_time_fails_in_each_pool_and_keeps_its_steps(
    clinic: Clinic, pool: str
) -> None:
    limits = {"DOCWIZ_SOFT_TIME_LIMIT_SECONDS": "6", "DOCWIZ_TIME_LIMIT_SECONDS": "30"}
    clinic.start_worker(f"--pool={pool}", "--concurrency=1", **limits)
    gate = clinic.close_gate("the-preview")
    # By its bare name: the sender's limits are not the worker's.
    names = {"image_id": clinic.case.image_id, "procedure_id": "rhinoplasty"}
    clinic.app.send_task(
        "docwiz_tasks.generate_visualization_task", kwargs=names, task_id="the-preview"
    )
    job = clinic.docwiz.job("the-preview")
    until(lambda: job.status().ready, "its end")
    with pytest.raises(DeadlineExceeded):
        job.result(SECONDS)
    assert job.status().progress == 20
    gate.unlink()
    job.retry()
    assert job.result(SECONDS)["paid_calls"]["made"] == 4


def test_a_job_stopped_at_the_hard_limit_fails_once_and_truly(clinic: Clinic) -> None:
    limits = {"DOCWIZ_SOFT_TIME_LIMIT_SECONDS": "1", "DOCWIZ_TIME_LIMIT_SECONDS": "3"}
    clinic.start_worker("--concurrency=1", **limits)
    clinic.plan("the-preview", "in edit", "stuck")
    names = {"image_id": clinic.case.image_id, "procedure_id": "rhinoplasty"}
    clinic.app.send_task(
        "docwiz_tasks.generate_visualization_task", kwargs=names, task_id="the-preview"
    )
    job = clinic.docwiz.job("the-preview")
    until(lambda: job.status().ready, "its end")
    assert job.status().state == "FAILURE"
    assert (job.status().error or {})["code"] == "deadline_exceeded"
    assert clinic.heard("the-preview failed") == 1


@pytest.mark.parametrize("pool", POOLS)
def test_a_running_job_is_cancelled_in_each_pool(clinic: Clinic, pool: str) -> None:
    clinic.start_worker(f"--pool={pool}", "--concurrency=1")
    job, _gate = clinic.begin_preview()
    job.cancel()
    with pytest.raises(JobCancelled, match="before that: 1"):
        job.result(SECONDS)
    assert job.status().state == "REVOKED"
    assert clinic.submit_preview("the-next").result(SECONDS), "the worker is free again"


def test_no_call_begins_after_a_job_shows_as_cancelled(clinic: Clinic) -> None:
    worker = clinic.start_worker("--concurrency=1", DOCWIZ_COMPARISON_CONCURRENCY="2")
    gate = clinic.close_gate("eight")
    procedures = [
        "rhinoplasty", "facelift", "otoplasty", "blepharoplasty", "brow-lift",
        "lip-augmentation", "chin-augmentation", "liposuction",
    ]  # fmt: skip
    job = clinic.submit(
        "eight", "comparison", image_id=clinic.case.image_id, procedure_ids=procedures
    )
    until(lambda: clinic.started("eight") == 2, "the first calls")
    job.cancel()
    until(lambda: job.status().state == "REVOKED", "the cancel")
    gate.unlink()
    worker.send_signal(signal.SIGTERM)
    worker.wait(SECONDS)
    assert clinic.started("eight") == 2


def test_a_queued_job_that_was_cancelled_never_starts_whatever_restarts(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    job = fragile.submit_preview()
    job.cancel()
    assert job.status().state == "REVOKED"
    fragile.start_worker("--concurrency=1")
    fragile.submit_preview("the-next").result(SECONDS)
    assert job.status().state == "REVOKED"
    assert fragile.deliveries("the-preview") == 0
    assert fragile.started("the-preview") == 0


def test_a_warm_shutdown_finishes_the_job(clinic: Clinic) -> None:
    worker = clinic.start_worker("--concurrency=1")
    job, gate = clinic.begin_preview()
    worker.send_signal(signal.SIGTERM)
    log = clinic.folder / "log-0"
    until(lambda: b"Warm shutdown" in log.read_bytes(), "the shutdown")
    gate.unlink()
    worker.wait(SECONDS)
    assert job.status().successful


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGQUIT])
def test_a_shutdown_that_doesnt_wait_leaves_the_job_to_the_next_worker(
    clinic: Clinic, blow: signal.Signals
) -> None:
    worker = clinic.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="0.5")
    job, gate = clinic.begin_preview()
    worker.send_signal(signal.SIGTERM)
    log = clinic.folder / "log-0"
    until(lambda: b"Warm shutdown" in log.read_bytes(), "the shutdown")
    if blow == signal.SIGKILL:
        clinic.kill(worker)
    else:
        worker.send_signal(blow)
        worker.wait(SECONDS)
    gate.unlink()
    clinic.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="0.5")
    assert job.result(SECONDS)["procedure_id"] == "rhinoplasty"


def test_a_watcher_sees_the_end_once_though_its_connection_was_cut(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    fragile.start_worker("--concurrency=1")
    job, gate = fragile.begin_preview()
    seen = []
    for status in job.watch(SECONDS):
        seen.append(status)
        if gate.exists():
            redis_server.cut_connections()
            gate.unlink()
    assert [status.ready for status in seen].count(True) == 1
    assert seen[-1].successful
    assert [s.progress for s in seen] == sorted(s.progress for s in seen)
    assert [status.state for status in job.watch(SECONDS)] == ["SUCCESS"], "a late watcher"


def test_progress_is_shown_though_the_worker_lost_its_connection(
    fragile: Clinic, redis_server: RedisServer
) -> None:
    fragile.start_worker("--concurrency=1")
    job, gate = fragile.begin_preview()
    redis_server.cut_connections()
    with redis_server.client.pubsub() as heard:  # type: ignore[no-untyped-call]
        heard.subscribe("celery-task-meta-the-preview")
        until(lambda: redis_server.client.pubsub_numsub("celery-task-meta-the-preview")[0][1], "it")
        gate.unlink()
        job.result(SECONDS)
        said = []
        while message := heard.get_message(timeout=1):
            if message["type"] == "message":
                said.append(json.loads(message["data"])["result"])
    steps = [result.get("step") for result in said]
    assert steps[:4] == ["edit", "embed", "index", "record"]


def test_a_delivery_after_the_end_changes_nothing(clinic: Clinic) -> None:
    clinic.start_worker("--concurrency=1")
    job = clinic.submit_preview()
    result = job.result(SECONDS)
    clinic.docwiz.publish(clinic.docwiz.journal(job.id))
    clinic.submit_preview("the-next").result(SECONDS)
    assert job.status().result == result
    assert clinic.deliveries("the-preview") == 1
    assert clinic.heard("the-preview succeeded") == 1


@pytest.mark.parametrize("dies", ["child", "worker"])
def test_plugins_hear_of_an_end_whose_worker_died_before_it_told_them(
    clinic: Clinic, dies: str
) -> None:
    clinic.plan("the-preview", "after the end", dies)
    job = clinic.submit_preview()
    clinic.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="0.5")
    until(lambda: job.status().ready, "its end")
    if dies == "worker":
        assert clinic.lines(clinic.events, "succeeded") == []
        clinic.start_worker("--concurrency=1", DOCWIZ_RESCUE_SECONDS="0.5")
    assert clinic.heard("the-preview succeeded") == 1
    assert clinic.started("the-preview") == 3


def test_plugins_hear_of_a_queued_job_that_was_cancelled(clinic: Clinic) -> None:
    heard: list[str] = []

    class Listener:
        @docwiz_tasks.hookimpl
        def docwiz_job_event(self, event: docwiz_tasks.JobEvent) -> None:
            heard.append(event.kind)

    clinic.docwiz.plugins.manager.register(Listener())
    job = clinic.submit_preview()
    job.cancel()
    job.cancel()
    assert heard == ["submitted", "cancelled"]
