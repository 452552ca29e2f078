"""The doctor finds what makes jobs fail, and says what to set."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from conftest import missing
from plugin_files import write_plugin
from workers import environment, worker

import docwiz_tasks
from docwiz_tasks.celery_app.doctor import Finding, examine
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.store.memory import MemoryStore

GOOD = docwiz_tasks.celery_config()
OPTIONS = GOOD["broker_transport_options"]
VISUALIZATION = "docwiz_tasks.generate_visualization_task"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def host(
    store: Path,
    *,
    broker: str = "memory://",
    settings: Mapping[str, Any] | None = None,
    **conf: Any,
) -> Celery:
    """Make an app with nothing to find fault with but what `conf` and `settings` say."""
    app = Celery("host", set_as_current=False)
    app.conf.update(GOOD, broker_url=broker, result_backend="cache+memory://")
    app.conf.update(conf)
    good = {"store_url": store.as_uri(), "ai_provider": "offline", "image_provider": "offline"}
    docwiz_tasks.register(app, docwiz_tasks.Settings(**{**good, **(settings or {})}))
    return app


def examined(app: Celery) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in examine(docwiz_tasks.register(app)):
        found.setdefault(finding.subject, []).append(finding)
    return found


def one(found: dict[str, list[Finding]], subject: str) -> Finding:
    [finding] = found[subject]
    return finding


@contextmanager
def redis_server(*options: str) -> Iterator[str]:
    """Run a Redis of the test's own, whose configuration is nobody else's."""
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server")
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [program, "--port", str(port), "--save", "", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as output:
        try:
            assert any("eady to accept connections" in line for line in output)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()


@contextmanager
def silent_server() -> Iterator[int]:
    """Take connections and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_good_host_has_no_problem_and_no_warning(redis_url: str, store: Path) -> None:
    app = host(store, broker=redis_url, result_backend=redis_url)
    with embedded_worker(app):
        found = examined(app)
    levels = {finding.level for findings in found.values() for finding in findings}
    assert levels == {"ok"}
    assert found.keys() == {
        "plugins", "AI provider", "image provider", "renderer", "store", "prefetch",
        "connection loss", "limits", "result backend", "broker", "eviction",
        "visibility timeout", "lost jobs", "throttle", "workers",
    }  # fmt: skip


def test_the_plain_app_of_a_host_has_no_problem(store: Path, redis_url: str) -> None:
    app = Celery("host", broker=redis_url, backend=redis_url, set_as_current=False)
    settings = docwiz_tasks.Settings(
        store_url=store.as_uri(), ai_provider="offline", image_provider="offline"
    )
    findings = list(examine(docwiz_tasks.register(app, settings)))
    assert "problem" not in {finding.level for finding in findings}


def test_a_plugin_that_cannot_be_loaded_is_a_problem(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plugin(tmp_path, "broken", "raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)
    found = examined(host(store))
    finding = one(found, "plugins")
    assert finding.level == "problem"
    assert "plugin 'broken' of broken-docwiz" in finding.message
    assert one(found, "broker").level == "ok"


@pytest.mark.parametrize(
    ("subject", "setting"), [("AI provider", "ai_provider"), ("image provider", "image_provider")]
)
def test_a_provider_that_no_plugin_gives_is_a_problem(
    store: Path, subject: str, setting: str
) -> None:
    finding = one(examined(host(store, settings={setting: "absent"})), subject)
    assert finding.level == "problem"
    assert f"DOCWIZ_{setting.upper()}" in finding.message
    assert "offline" in finding.message


def test_a_missing_key_names_its_variable(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import docwiz_tasks

def make(settings):
    raise docwiz_tasks.SettingsError("Set KEYED_API_KEY.")

@docwiz_tasks.hookimpl
def docwiz_image_providers():
    return {"keyed": make}
"""
    write_plugin(tmp_path, "keyed", code)
    monkeypatch.syspath_prepend(tmp_path)
    finding = one(examined(host(store, settings={"image_provider": "keyed"})), "image provider")
    assert finding == Finding("problem", "image provider", "Set KEYED_API_KEY.")


def test_a_renderer_that_no_plugin_gives_is_a_problem(store: Path) -> None:
    found = examined(host(store, settings={"renderers": ("pdf", "papyrus")}))
    assert [finding.level for finding in found["renderer"]] == ["ok", "problem"]


def test_a_store_that_is_not_set_is_a_problem(store: Path) -> None:
    finding = one(examined(host(store, settings={"store_url": None})), "store")
    assert finding.level == "problem"
    assert "DOCWIZ_STORE_URL" in finding.message


def test_a_store_that_cannot_be_written_is_a_problem(store: Path) -> None:
    store.write_text("a file and no folder")
    assert one(examined(host(store)), "store").level == "problem"


def test_a_store_of_one_process_is_a_warning(store: Path) -> None:
    assert (
        one(examined(host(store, settings={"store_url": "memory://"})), "store").level == "warning"
    )


def test_a_store_in_which_an_object_can_be_created_twice_is_a_problem(store: Path) -> None:
    class Overwriting(MemoryStore):
        def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
            self.put(path, data)
            return True

    app = host(store)
    docwiz_tasks.register(app).store = Overwriting()
    finding = one(examined(app), "store")
    assert finding.level == "problem"
    assert "conditional writes" in finding.message


def test_nothing_is_left_in_the_store(store: Path) -> None:
    examined(host(store))
    assert not [path for path in store.rglob("*") if path.is_file()]


def test_a_missing_result_backend_is_a_problem(store: Path) -> None:
    finding = one(examined(host(store, result_backend=None)), "result backend")
    assert finding.level == "problem"
    assert "set result_backend" in finding.message


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/0", "amqp://me:secret@127.0.0.1:1//"])
def test_a_broker_that_is_down_is_a_problem_without_its_password(store: Path, url: str) -> None:
    found = examined(host(store, broker=url))
    finding = one(found, "broker")
    assert finding.level == "problem"
    assert "127.0.0.1:1/" in finding.message
    assert "secret" not in str(found)


def test_a_broker_without_a_transport_is_a_problem(store: Path) -> None:
    assert one(examined(host(store, broker="carrier-pigeon://x")), "broker").level == "problem"


def test_a_result_backend_that_is_down_is_a_problem_without_its_password(store: Path) -> None:
    found = examined(host(store, result_backend="redis://:secret@127.0.0.1:1/0"))
    assert one(found, "result backend").level == "problem"
    assert "secret" not in str(found)


@pytest.mark.parametrize("what", ["broker", "result backend"])
def test_what_never_answers_is_a_problem_in_bounded_time(store: Path, what: str) -> None:
    with silent_server() as port:
        url = f"redis://127.0.0.1:{port}/0"
        app = host(store, broker=url) if what == "broker" else host(store, result_backend=url)
        begun = time.monotonic()
        finding = one(examined(app), what)
    assert finding.level == "problem"
    assert "no answer" in finding.message
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru"])
@pytest.mark.parametrize("forbidden", [[], ["--rename-command", "CONFIG", ""]])
def test_a_redis_that_evicts_is_a_problem(store: Path, policy: str, forbidden: list[str]) -> None:
    with redis_server("--maxmemory-policy", policy, *forbidden) as url:
        finding = one(examined(host(store, broker=url)), "eviction")
    assert finding.level == "problem"
    assert "noeviction" in finding.message


def test_a_redis_that_does_not_tell_its_policy_is_a_warning(store: Path) -> None:
    forbidden = "--rename-command", "CONFIG", "", "--rename-command", "INFO", ""
    with redis_server(*forbidden) as url:
        finding = one(examined(host(store, broker=url)), "eviction")
    assert finding.level == "warning"
    assert "noeviction" in finding.message


def test_the_fake_redis_can_be_examined(store: Path, docwiz_redis: str) -> None:
    found = examined(host(store, broker=docwiz_redis, result_backend=docwiz_redis))
    assert one(found, "broker").level == "ok"
    assert one(found, "eviction").level == "warning"


@pytest.mark.parametrize(
    ("seconds", "level"), [(None, "warning"), (299, "problem"), (300, "problem"), (301, "ok")]
)
def test_a_visibility_timeout_has_to_be_longer_than_the_hard_limit(
    redis_url: str, store: Path, seconds: int | None, level: str
) -> None:
    options = {**OPTIONS, "visibility_timeout": seconds}
    app = host(store, broker=redis_url, broker_transport_options=options)
    finding = one(examined(app), "visibility timeout")
    assert finding.level == level
    assert level == "ok" or "visibility_timeout in broker_transport_options to 360" in (
        finding.message
    )


def test_the_hard_limit_is_the_one_in_force(redis_url: str, store: Path) -> None:
    annotations = {VISUALIZATION: {"time_limit": 4000}}
    app = host(store, broker=redis_url, task_annotations=annotations)
    assert one(examined(app), "visibility timeout").level == "problem"


def test_a_slow_search_for_lost_jobs_is_a_warning(redis_url: str, store: Path) -> None:
    app = host(store, broker=redis_url, broker_transport_options={"visibility_timeout": 360})
    finding = one(examined(app), "lost jobs")
    assert finding.level == "warning"
    assert "unacked_restore_throttle to 1" in finding.message


def test_a_lock_that_outlives_a_dead_worker_for_long_is_a_warning(
    redis_url: str, store: Path
) -> None:
    options = {name: value for name, value in OPTIONS.items() if name != "unacked_mutex_expire"}
    app = host(store, broker=redis_url, broker_transport_options=options)
    finding = one(examined(app), "lost jobs")
    assert finding.level == "warning"
    assert "unacked_mutex_expire to 30" in finding.message


def test_a_worker_that_hoards_jobs_is_a_warning(store: Path) -> None:
    finding = one(examined(host(store, worker_prefetch_multiplier=4)), "prefetch")
    assert finding.level == "warning"
    assert "set it to 1" in finding.message


def test_jobs_lost_with_the_connection_are_a_warning(store: Path) -> None:
    app = host(store, worker_cancel_long_running_tasks_on_connection_loss=True)
    finding = one(examined(app), "connection loss")
    assert finding.level == "warning"
    assert "worker_cancel_long_running_tasks_on_connection_loss is on" in finding.message


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ({VISUALIZATION: {"time_limit": 12}}, f"time_limit to 12 for {VISUALIZATION},"),
        ([{"*": {"acks_late": False}}], "acks_late to False for all our tasks"),
        ({"docwiz_tasks.generate_export_task": {"soft_time_limit": 5}}, "soft_time_limit to 5"),
        ({"*": {"reject_on_worker_lost": False}}, "reject_on_worker_lost to False"),
    ],
)
def test_annotations_that_override_our_limits_are_a_warning(
    store: Path, annotations: object, told: str
) -> None:
    finding = one(examined(host(store, task_annotations=annotations)), "limits")
    assert finding.level == "warning"
    assert told in finding.message


def test_annotations_of_other_things_are_none_of_our_business(store: Path) -> None:
    annotations = {"*": {"rate_limit": "10/s"}, "host.task": {"time_limit": 1}}
    assert one(examined(host(store, task_annotations=annotations)), "limits").level == "ok"


def test_a_queue_that_no_worker_consumes_is_a_warning(redis_url: str, store: Path) -> None:
    app = host(store, broker=redis_url)
    with embedded_worker(app, queues="exports"):
        found = examined(app)["workers"]
    assert {finding.level for finding in found} == {"ok", "warning"}
    [warning] = [finding for finding in found if finding.level == "warning"]
    assert "visualizations" in warning.message


def test_a_worker_that_would_drop_our_jobs_is_a_problem(redis_url: str, store: Path) -> None:
    stranger = Celery("stranger", broker=redis_url, set_as_current=False)
    with embedded_worker(stranger, queues="exports"):
        found = examined(host(store, broker=redis_url))["workers"]
    messages = [finding.message for finding in found if finding.level == "problem"]
    assert messages
    assert all("docwiz_tasks.register(app)" in message for message in messages)


def test_a_worker_of_the_solo_pool_is_a_warning(
    redis_url: str, store: Path, tmp_path: Path
) -> None:
    with worker(environment(redis_url, redis_url, store), tmp_path / "log", "--pool=solo"):
        found = examined(host(store, broker=redis_url))["workers"]
    [warning] = [finding for finding in found if finding.level == "warning"]
    assert "SIGQUIT" in warning.message


def test_a_probe_that_hangs_is_left_behind() -> None:
    from docwiz_tasks.celery_app.doctor.bounded import within

    never = threading.Event()
    with pytest.raises(TimeoutError):
        within(never.wait, 0.05)
    never.set()
