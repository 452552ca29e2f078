"""Each end of a job is posted, signed, until the receiver took it; the job never waits for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
import standardwebhooks
from celery import Celery
from clinic import until
from plugin_packages import host
from workers import environment, worker

from docwiz_tasks import DocWiz, DocWizError, ExtraMissing, JobEvent, Settings, SettingsError
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.celery_app.rescue import rescue
from docwiz_tasks.celery_app.webhooks import resend
from docwiz_tasks.testing.sample import add_sample_case

SECONDS = 30
SECRET = "whsec_" + base64.b64encode(b"a secret of the tests' own").decode()
CANARY = "Zqxjkvbird"

Message = tuple[dict[str, str], bytes]
Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, **headers: str) -> Answer:
    def answering(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answering


class Receiver:
    """Keeps what is posted to it, and answers as it was told; with 204 when that is used up."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answers: list[Answer] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.messages.append((headers, body))
                (receiver.answers.pop(0) if receiver.answers else answer(204))(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://user:{CANARY}@127.0.0.1:{self._server.server_port}/{CANARY}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hang(self, _handler: BaseHTTPRequestHandler) -> None:
        self.closing.wait(SECONDS)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def told(self) -> list[tuple[str, str]]:
        """Return of each message which job it is about, and what happened to it."""
        documents = [json.loads(body) for _, body in self.messages]
        return sorted((d["data"]["job_id"], d["type"]) for d in documents)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def docwiz(redis_url: str, receiver: Receiver, tmp_path: Path) -> Iterator[DocWiz]:
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    yield host(
        app,
        store_url=(tmp_path / "store").as_uri(),
        webhook_url=receiver.url,
        webhook_secret=SECRET,
        webhook_retry_seconds=0.1,
        webhook_timeout_seconds=1,
        webhook_attempts=3,
        rescue_seconds=0.5,
    )
    app.close()


def outbox(docwiz: DocWiz) -> list[str]:
    return list(docwiz.store.list("webhooks"))


def ended(docwiz: DocWiz) -> str:
    """Run a job to its end and return its id."""
    case = add_sample_case(docwiz)
    job = docwiz.infographic(case.cost_breakdown_id)
    job.result(SECONDS)
    return job.id


def is_authentic(message: Message, secret: str) -> bool:
    """Say what the recipe in the documentation says."""
    headers, body = message
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    signatures = headers["webhook-signature"].split()
    recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return recent and any(hmac.compare_digest(f"v1,{expected}", s) for s in signatures)


def test_each_end_is_posted_once(docwiz: DocWiz, receiver: Receiver) -> None:
    case = add_sample_case(docwiz)
    succeeds = docwiz.infographic(case.cost_breakdown_id)
    fails = docwiz.visualize(case.image_id, "rhinoplasty")
    cancelled = docwiz.visualize(case.image_id, "rhinoplasty")
    docwiz.store.delete(f"images/{case.image_id}")
    cancelled.cancel()
    with embedded_worker(docwiz.app):
        succeeds.result(SECONDS)
        until(lambda: len(receiver.messages) == 3 and not outbox(docwiz), "three messages")
        # Longer than it takes to look for lost ones.
        with pytest.raises(AssertionError):
            until(lambda: len(receiver.messages) > 3, "a fourth", seconds=1)
    assert receiver.told() == sorted(
        [(succeeds.id, "job.succeeded"), (fails.id, "job.failed"), (cancelled.id, "job.cancelled")]
    )


def test_a_running_job_that_is_cancelled_is_posted_once(docwiz: DocWiz, receiver: Receiver) -> None:
    case = add_sample_case(docwiz)
    job = docwiz.compare(case.image_id, ["rhinoplasty", "facelift"])
    with embedded_worker(docwiz.app):
        until(lambda: docwiz.journal(job.id).names("deliveries"), "its start")
        job.cancel()
        until(lambda: job.status().ready and receiver.messages, "a message")
        until(lambda: not outbox(docwiz), "an empty outbox")
    assert len(receiver.messages) == 1


def test_a_message_is_verified_by_the_recipe_and_by_a_library_and_a_tampered_one_is_not(
    docwiz: DocWiz, receiver: Receiver
) -> None:
    with embedded_worker(docwiz.app):
        job_id = ended(docwiz)
        until(lambda: receiver.messages, "a message")
    [(headers, body)] = receiver.messages
    library = standardwebhooks.Webhook(SECRET)
    assert library.verify(body, headers)["data"]["job_id"] == job_id
    assert is_authentic((headers, body), SECRET)
    tampered = body.replace(b"succeeded", b"cancelled")
    assert not is_authentic((headers, tampered), SECRET)
    assert not is_authentic(({**headers, "webhook-id": "another"}, body), SECRET)
    old = str(int(headers["webhook-timestamp"]) - 1)
    assert not is_authentic(({**headers, "webhook-timestamp": old}, body), SECRET)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        library.verify(tampered, headers)


def test_a_worker_set_up_by_its_environment_signs_with_both_secrets_while_one_is_replaced(
    redis_url: str, receiver: Receiver, tmp_path: Path
) -> None:
    new = "whsec_" + base64.b64encode(b"another secret of the tests").decode()
    store, log = tmp_path / "store", tmp_path / "log"
    env = environment(
        redis_url, redis_url, store,
        DOCWIZ_WEBHOOK_URL=receiver.url, DOCWIZ_WEBHOOK_SECRET=f"{SECRET} {new}",
    )  # fmt: skip
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    with worker(env, log, "--pool=prefork", "--concurrency=1", "--without-mingle"):
        ended(host(app, store_url=store.as_uri()))
        until(lambda: receiver.messages, "a message")
    [message] = receiver.messages
    assert is_authentic(message, SECRET)
    assert is_authentic(message, new)
    assert "deliver_webhook_task" in log.read_text()
    assert CANARY not in log.read_text()
    assert SECRET not in log.read_text()


def test_a_receiver_that_fails_twice_gets_the_same_event_again(
    docwiz: DocWiz, receiver: Receiver
) -> None:
    # A redirection isn't followed: it would take the signed message elsewhere.
    receiver.answers = [answer(500), answer(302, Location="/elsewhere")]
    with embedded_worker(docwiz.app):
        ended(docwiz)
        until(lambda: len(receiver.messages) == 3 and not outbox(docwiz), "three posts")
    assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
    assert len({body for _, body in receiver.messages}) == 1
    assert all(is_authentic(message, SECRET) for message in receiver.messages)


def test_a_receiver_that_never_answers_delays_no_job_and_is_given_up(
    redis_url: str, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    docwiz = host(
        app,
        webhook_url=receiver.url,
        webhook_secret=SECRET,
        webhook_timeout_seconds=0.5,
        webhook_attempts=2,
        webhook_retry_seconds=0.1,
    )
    receiver.answers = [receiver.hang] * 4
    with embedded_worker(app), caplog.at_level(logging.INFO):
        jobs = [ended(docwiz), ended(docwiz)]
        assert "given up" not in caplog.text
        until(lambda: caplog.text.count("given up") == 2, "their end")
        until(lambda: not outbox(docwiz), "an empty outbox")
    for job_id in jobs:
        assert f"The webhook of job {job_id} was given up: webhook_failed" in caplog.text
    assert CANARY not in caplog.text
    assert SECRET not in caplog.text


def test_a_receiver_that_is_gone_is_not_asked_again(
    docwiz: DocWiz, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [answer(410)]
    with embedded_worker(docwiz.app), caplog.at_level(logging.DEBUG):
        job_id = ended(docwiz)
        until(lambda: receiver.messages and not outbox(docwiz), "its post")
    assert len(receiver.messages) == 1
    assert f"{job_id} was given up: webhook_gone" in caplog.text
    assert CANARY not in caplog.text
    assert SECRET not in caplog.text


def test_a_message_that_redis_forgot_is_posted_all_the_same(
    docwiz: DocWiz, receiver: Receiver, redis_url: str
) -> None:
    case = add_sample_case(docwiz)
    job = docwiz.infographic(case.cost_breakdown_id)
    job.cancel()
    redis.Redis.from_url(redis_url).flushdb()
    with embedded_worker(docwiz.app):
        until(lambda: receiver.messages, "its post")
    assert receiver.told() == [(job.id, "job.cancelled")]


def test_what_waits_in_a_queue_of_the_hosts_counts_as_lost_neither_job_nor_message(
    docwiz: DocWiz, redis_url: str
) -> None:
    case = add_sample_case(docwiz)
    docwiz.app.conf.task_routes = {"docwiz_tasks.*": {"queue": "the-hosts"}}
    docwiz.visualize(case.image_id, "rhinoplasty")
    docwiz.visualize(case.image_id, "rhinoplasty").cancel()
    waiting = redis.Redis.from_url(redis_url)
    assert waiting.llen("the-hosts") == 3
    time.sleep(docwiz.settings.rescue_seconds)
    resend(docwiz)
    assert rescue(docwiz) == []
    assert waiting.llen("the-hosts") == 3


def test_the_broker_and_the_receiver_see_ids_and_fixed_words_only(
    docwiz: DocWiz, receiver: Receiver, redis_url: str
) -> None:
    case = add_sample_case(docwiz)
    docwiz.records.put("patient", case.patient.model_copy(update={"name": CANARY}))
    monitored = redis.Redis.from_url(redis_url)
    seen = []
    with monitored.monitor() as monitor, embedded_worker(docwiz.app):  # type: ignore[no-untyped-call]
        docwiz.export(case.patient_id, format="json").result(SECONDS)
        until(lambda: receiver.messages and not outbox(docwiz), "its post")
        monitored.set("the-end", 1)
        for command in monitor.listen():
            seen.append(repr(command))
            if "the-end" in command["command"]:
                break
    assert any("docwiz_tasks.deliver_webhook_task" in command for command in seen)
    assert not [c for c in seen if CANARY in c or SECRET in c or "127.0.0.1:" in c]
    [(_, body)] = receiver.messages
    document = json.loads(body)
    assert set(document) == {"type", "timestamp", "data"}
    assert set(document["data"]) == {field.name for field in fields(JobEvent)}
    assert CANARY.encode() not in body


def test_other_events_are_posted_when_they_are_chosen(redis_url: str, receiver: Receiver) -> None:
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    docwiz = host(
        app, webhook_url=receiver.url, webhook_secret=SECRET, webhook_events=("submitted", "step")
    )
    with embedded_worker(app):
        ended(docwiz)
        until(lambda: len(receiver.messages) > 2, "its steps")
    assert {kind for _, kind in receiver.told()} == {"job.submitted", "job.step"}


@pytest.mark.parametrize(
    ("url", "secret", "setting"),
    [
        ("http://clinic.example/hook", SECRET, "webhook_url"),
        ("ftp://clinic.example/hook", SECRET, "webhook_url"),
        ("https:///hook", SECRET, "webhook_url"),
        ("https://clinic.example/hook", None, "webhook_secret"),
        ("https://clinic.example/hook", CANARY, "webhook_secret"),
        ("https://clinic.example/hook", "whsec_c2hvcnQ=", "webhook_secret"),
        ("https://clinic.example/hook", SECRET.removeprefix("whsec_"), "webhook_secret"),
    ],
)
def test_an_unsafe_webhook_is_a_settings_error_that_names_the_setting(
    url: str, secret: str | None, setting: str
) -> None:
    with pytest.raises(SettingsError, match=setting) as failure:
        Settings(webhook_url=url, webhook_secret=secret)
    assert CANARY not in str(failure.value)
    assert (secret or CANARY) not in str(failure.value)


def test_neither_url_nor_secret_shows_in_the_settings() -> None:
    settings = Settings(webhook_url=f"https://x:{CANARY}@example.com", webhook_secret=SECRET)
    assert CANARY not in repr(settings)
    assert SECRET not in repr(settings)


def test_a_worker_without_what_posts_does_not_start(
    docwiz: DocWiz, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(DocWizError) as failure, embedded_worker(docwiz.app):
        raise AssertionError("it started")
    assert isinstance(failure.value, ExtraMissing)
    assert "docwiz-tasks[webhooks]" in str(failure.value)


def test_only_a_worker_has_the_task(docwiz: DocWiz) -> None:
    name = "docwiz_tasks.deliver_webhook_task"
    assert name not in docwiz.app.tasks
    assert docwiz.app.amqp.router.route({}, name)["queue"].name == "exports"
    with embedded_worker(docwiz.app):
        assert name in docwiz.app.tasks
    assert name not in host().app.tasks
