"""When providers may be called: rules of one throttle, and of all that share its Redis."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from celery import Celery
from clinic import until
from plugin_packages import host
from redis_server import RedisServer

from docwiz_tasks import DocWiz, Job, JobCancelled, ProviderUnavailable, Settings, SettingsError
from docwiz_tasks.celery_app.doctor.throttles import throttle_findings
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.celery_app.throttling import throttle_of
from docwiz_tasks.jobs import throttle as throttling
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.jobs.throttle import Hold, Throttle

COSTS: dict[str, Any] = {
    "id": "some-costs", "patient_id": "somebody", "procedure_id": "rhinoplasty", "currency": "USD",
    "surgeon_fee": 600, "facility_fee": 200, "anesthesia_fee": 100, "post_op_care": 100,
    "total_cost": 1000, "insurance_coverage": 0, "patient_responsibility": 1000,
}  # fmt: skip
NOWHERE = "redis://127.0.0.1:1/0"

Make = Callable[..., Throttle]


def throttle_at(url: str, **settings: Any) -> Throttle:
    usual = {"breaker_failures": 3, "breaker_open_seconds": 1, "breaker_window_seconds": 5}
    return Throttle(Settings(**{**usual, **settings}), url)


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> Make:
    """Make a throttle in each of the places where it can be."""
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    return partial(throttle_at, url)


def fail(throttle: Throttle, times: int) -> None:
    for _ in range(times):
        assert throttle.turn("gemini") is None
        throttle.failed("gemini", None)


def test_a_provider_that_asked_to_wait_is_closed_for_that_long(make: Make) -> None:
    throttle = make()
    throttle.failed("gemini", 17.0)
    hold = throttle.turn("gemini")
    assert hold is not None
    assert hold.seconds == pytest.approx(17, abs=0.6)
    assert throttle.turn("freepik") is None


def test_a_shorter_wait_never_shortens_a_longer_one(make: Make) -> None:
    throttle = make()
    for seconds in (3.0, 17.0, 3.0):
        throttle.failed("gemini", seconds)
    hold = throttle.turn("gemini")
    assert hold is not None
    assert hold.seconds == pytest.approx(17, abs=0.6)


def test_failures_in_a_row_open_the_breaker_and_an_answer_between_them_does_not(
    make: Make,
) -> None:
    throttle = make()
    fail(throttle, 2)
    throttle.answered("gemini")
    fail(throttle, 3)
    hold = throttle.turn("gemini")
    assert hold is not None
    assert 0 < hold.seconds <= 1


def test_failures_that_come_slowly_do_not_open_the_breaker(redis_url: str) -> None:
    throttle = throttle_at(redis_url, breaker_window_seconds=1)
    fail(throttle, 2)
    time.sleep(1.1)
    fail(throttle, 2)
    assert throttle.turn("gemini") is None


def test_one_probe_decides_for_all_whether_the_breaker_closes(redis_url: str) -> None:
    throttle = throttle_at(redis_url)
    fail(throttle, 3)
    for again in (True, False):
        until(lambda: throttle.closed("gemini") is None, "the end of its time")
        with ThreadPoolExecutor(8) as pool:
            turns = list(pool.map(lambda _: throttle.turn("gemini"), range(8)))
        assert turns.count(None) == 1
        if again:
            throttle.failed("gemini", None)
    throttle.answered("gemini")
    assert [throttle.turn("gemini") for _ in range(8)] == [None] * 8
    fail(throttle, 2)
    assert throttle.turn("gemini") is None, "it counts from the beginning again"


def test_a_probe_whose_worker_died_is_followed_by_another() -> None:
    throttle = throttle_at("memory://")
    fail(throttle, 3)
    for _ in range(2):
        until(lambda: throttle.closed("gemini") is None, "the end of its time")
        assert throttle.turn("gemini") is None
        assert throttle.turn("gemini") is not None


def test_no_more_calls_than_the_rate_limit_allows(redis_url: str) -> None:
    throttle = throttle_at(redis_url, provider_rate_limits={"gemini": ((3, 60), (2, 1))})
    assert [throttle.turn("gemini") for _ in range(2)] == [None, None]
    hold = throttle.turn("gemini")
    assert hold is not None
    assert hold.seconds <= 1
    time.sleep(1.1)
    assert throttle.turn("gemini") is None
    hold = throttle.turn("gemini")
    assert hold is not None
    assert hold.seconds == pytest.approx(59, abs=1)


def test_a_rate_limit_of_one_provider_leaves_the_known_ones_as_they_are() -> None:
    limits = Settings(provider_rate_limits={"gemini": ((2, 1),)}).provider_rate_limits
    assert limits == {"freepik": ((250, 5), (1200, 120)), "gemini": ((2, 1),)}
    assert Settings(provider_rate_limits={"freepik": ()}).provider_rate_limits == {"freepik": ()}


@pytest.mark.parametrize("value", ["gemini=2", '{"gemini": [[0, 1]]}', '{"gemini": "2/s"}'])
def test_a_rate_limit_that_makes_no_sense_is_refused_by_name(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCWIZ_PROVIDER_RATE_LIMITS", value)
    with pytest.raises(SettingsError, match="provider_rate_limits"):
        Settings()


def test_two_throttles_on_one_redis_are_one(redis_url: str) -> None:
    settings = Settings(breaker_failures=2, provider_rate_limits={"freepik": ((2, 60),)})
    one, other = Throttle(settings, redis_url), Throttle(settings, redis_url)
    one.failed("gemini", None)
    assert other.turn("gemini") is None
    other.failed("gemini", None)
    assert one.turn("gemini") is not None
    assert one.turn("freepik") is None
    assert other.turn("freepik") is None
    assert one.turn("freepik") is not None


def test_what_is_kept_in_redis_expires(redis_url: str) -> None:
    import redis

    throttle = Throttle(Settings(breaker_failures=2), redis_url)
    fail(throttle, 2)
    throttle.failed("gemini", 5.0)
    throttle.turn("freepik")
    with redis.Redis.from_url(redis_url) as client:
        keys = client.keys("*")
        assert len(keys) == 6
        assert all(b"docwiz-tasks/" in key and 0 < client.ttl(key) <= 300 for key in keys)


def test_a_throttle_used_before_a_fork_shares_nothing_but_its_redis(make: Make) -> None:
    throttle = make()
    throttle.failed("freepik", 17.0)
    child = os.fork()
    if not child:
        throttle.failed("gemini", 17.0)
        held = [throttle.turn(name) is not None for name in ("gemini", "freepik")]
        os._exit(0 if held == [True, throttle.is_shared] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (throttle.turn("gemini") is not None) == throttle.is_shared


def test_calls_go_on_without_redis_and_one_warning_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    throttle = Throttle(Settings(), NOWHERE)
    for _ in range(100):
        assert throttle.turn("gemini") is None
        throttle.failed("gemini", 17.0)
        throttle.answered("gemini")
    [warning] = caplog.messages
    assert warning == "Rate limits and breakers of providers are not shared now: ConnectionError"


def test_a_redis_that_is_back_is_asked_again(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(throttling, "AWAY_SECONDS", 0.1)
    throttle = Throttle(Settings(), redis_server.url)
    for _ in range(2):
        throttle.failed("gemini", 17.0)
        assert throttle.turn("gemini") is not None
        redis_server.stop()
        caplog.clear()
        assert [throttle.turn("gemini") for _ in range(3)] == [None] * 3
        assert len(caplog.messages) == 1
        redis_server.start()
        time.sleep(0.15)


def test_calls_go_on_without_the_library_and_a_warning_says_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("limits", "limits.storage"):
        monkeypatch.setitem(sys.modules, name, None)
    assert Throttle(Settings(), "memory://").turn("gemini") is None
    assert "pip install 'docwiz-tasks[worker]'" in caplog.text


@pytest.mark.parametrize(
    ("broker", "backend", "url"),
    [
        ("redis://:secret@a:6380/3", "redis://b/4", "redis://:secret@a:6380/3"),
        ("amqp://a//", "redis://b/4", "redis://b/4"),
        ("redis://a/1;redis://b/1", "rpc://", "redis://a/1"),
        ("redis+socket:///run/redis.sock?virtual_host=2", None, "redis+unix:///run/redis.sock?db=2"),
        ("rediss://a/1?ssl_cert_reqs=CERT_NONE", None, "rediss://a/1?ssl_cert_reqs=none"),
        ("amqp://a//", "rpc://", "memory://"),
        ("sentinel://a:26379;sentinel://b:26379", None, "memory://"),
    ],
)  # fmt: skip
def test_the_hosts_own_redis_is_found(broker: str, backend: str | None, url: str) -> None:
    app = Celery("host", broker=broker, backend=backend, set_as_current=False)
    assert throttle_of(app, Settings()).url == url
    assert throttle_of(app, Settings(throttle_url="redis://other/9")).url == "redis://other/9"


def test_a_hosts_tls_options_are_taken_over() -> None:
    app = Celery("host", broker="redis://a/1", set_as_current=False)
    app.conf.broker_use_ssl = {"ssl_ca_certs": "/ca.pem"}
    assert throttle_of(app, Settings()).url == "rediss://a/1"


# Whole jobs, in a worker of this process.


@pytest.fixture(scope="module")
def docwiz_at_work() -> Iterator[DocWiz]:
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.broker_transport_options = {"polling_interval": 0.01}
    docwiz = host(app, retry_base_seconds=0, retry_in_place_seconds=0.5)
    docwiz.records.put("cost_breakdown", COSTS)
    with embedded_worker(app):
        yield docwiz


def costs(docwiz: DocWiz) -> Job:
    return docwiz.infographic(COSTS["id"])


def deliveries(job: Job, docwiz: DocWiz) -> Lease:
    return Lease(docwiz.journal(job.id), docwiz.settings.lease_seconds)


def test_a_job_whose_redis_is_away_ends_right(
    docwiz_at_work: DocWiz, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = Throttle(docwiz_at_work.settings, NOWHERE)
    monkeypatch.setitem(vars(docwiz_at_work), "throttle", away)
    for _ in range(2):
        assert costs(docwiz_at_work).result(20)["artwork_provider"] == "offline"
    assert len([r for r in caplog.records if r.name == throttling.__name__]) == 1


def test_a_short_wait_is_waited_for_in_place(
    docwiz_at_work: DocWiz, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = [Hold(0.1, "asked to wait"), None]
    monkeypatch.setattr(docwiz_at_work.throttle, "turn", lambda _: holds.pop(0))
    job = costs(docwiz_at_work)
    assert job.result(20)["artwork_provider"] == "offline"
    assert holds == []
    assert deliveries(job, docwiz_at_work).last() == 1


def test_a_job_that_is_held_up_is_cancelled_at_once(
    docwiz_at_work: DocWiz, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docwiz_at_work.throttle, "turn", lambda _: Hold(60.0, "asked to wait"))
    waiting = costs(docwiz_at_work)
    until(lambda: waiting.status().state == "RETRY", "the wait")
    waiting.cancel()
    leave = Lease.leave

    def leave_cancelled(lease: Lease, number: int) -> None:
        docwiz_at_work.job(lease.journal.job_id).cancel()
        leave(lease, number)

    monkeypatch.setattr(Lease, "leave", leave_cancelled)
    leaving = costs(docwiz_at_work)
    for job in (waiting, leaving):
        with pytest.raises(JobCancelled):
            job.result(20)


def test_a_job_that_is_held_up_for_too_long_fails_and_can_be_retried(
    docwiz_at_work: DocWiz, monkeypatch: pytest.MonkeyPatch
) -> None:
    docwiz, turn = docwiz_at_work, docwiz_at_work.throttle.turn
    short = {"provider_patience_seconds": 1.2, "retry_in_place_seconds": 0.2}
    monkeypatch.setitem(vars(docwiz), "settings", docwiz.settings.model_copy(update=short))
    monkeypatch.setattr(docwiz.throttle, "turn", lambda _: Hold(0.3, "asked to wait"))
    job = costs(docwiz)
    with pytest.raises(ProviderUnavailable, match="asked to wait and may be called again in 0"):
        job.result(20)
    assert (job.status().error or {})["retryable"]
    last = deliveries(job, docwiz).last()
    assert last > 1, "it waited outside the worker"
    assert len(docwiz.journal(job.id).names("left")) == last - 1, "none of them counts as a death"
    assert docwiz.journal(job.id).names("calls") == [], "waiting is no call"
    holds = [Hold(0.3, "asked to wait")]
    monkeypatch.setattr(docwiz.throttle, "turn", lambda name: holds.pop() if holds else turn(name))
    job.retry()
    assert job.result(20)["paid_calls"]["made"] == 1


def test_the_doctor_tells_which_provider_is_not_called(redis_url: str) -> None:
    docwiz = host(throttle_url=redis_url)
    [shared] = throttle_findings(docwiz)
    docwiz.throttle.failed("offline", 17.0)
    closed, _ = throttle_findings(docwiz)
    assert (shared.level, closed.level) == ("ok", "warning")
    assert closed.message == "offline asked to wait: no worker calls it for 17 more seconds."


@pytest.mark.parametrize("url", ["memory://", "redis://:secret@127.0.0.1:1/0", "carrier://x"])
def test_the_doctor_warns_where_nothing_is_shared(url: str) -> None:
    [finding] = throttle_findings(host(throttle_url=url))
    assert finding.level == "warning"
    assert "DOCWIZ_THROTTLE_URL" in finding.message
    assert "secret" not in finding.message
