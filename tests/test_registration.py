"""`register` gives a host's app what SPEC names, and changes nothing else."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading

import pytest
from celery import Celery
from kombu import Exchange, Queue

import docwiz_tasks
from docwiz_tasks import AlreadyRegistered, Settings, SettingsError

VISUALIZATION = "docwiz_tasks.generate_visualization_task"
COMPARISON = "docwiz_tasks.generate_comparison_task"
EXPORT = "docwiz_tasks.generate_export_task"
INFOGRAPHIC = "docwiz_tasks.generate_cost_infographic_task"
NAMES = {VISUALIZATION, COMPARISON, EXPORT, INFOGRAPHIC}


def route_to_host(name: str, *_args: object, **_options: object) -> str | None:
    return "by-function" if name == EXPORT else None


@pytest.fixture
def app() -> Celery:
    return Celery("host", broker="memory://", set_as_current=False)


def queue_of(app: Celery, task: str, **options: object) -> str:
    return str(app.amqp.router.route(dict(options), task)["queue"].name)


def ours(app: Celery) -> set[str]:
    return {name for name in app.tasks if name.startswith("docwiz_tasks.")}


def test_an_app_has_the_four_tasks_with_their_limits(app: Celery) -> None:
    docwiz_tasks.register(app)
    assert ours(app) == NAMES
    for name in NAMES:
        task = app.tasks[name]
        assert (task.time_limit, task.soft_time_limit) == (300, 240)
        assert task.acks_late is True
        assert task.reject_on_worker_lost is True


def test_limits_and_queues_are_settings(app: Celery) -> None:
    settings = Settings(
        time_limit_seconds=60,
        soft_time_limit_seconds=50,
        visualizations_queue="gpu",
        exports_queue="paper",
    )
    docwiz_tasks.register(app, settings)
    assert app.tasks[EXPORT].time_limit == 60
    assert queue_of(app, COMPARISON) == "gpu"
    assert set(app.amqp.queues.consume_from) == {"celery", "gpu", "paper"}


@pytest.mark.parametrize("knows_the_tasks", [True, False])
def test_limits_of_a_producers_configuration_are_not_sent(
    app: Celery, knows_the_tasks: bool
) -> None:
    # A limit in a message beats the worker's own.
    app.conf.update(task_time_limit=7, task_soft_time_limit=5)
    if knows_the_tasks:
        docwiz_tasks.register(app)
        app.finalize()
    # All apps of a process share what is in memory, so the queue is this test's own.
    app.send_task(EXPORT, kwargs={"patient_id": "p1"}, queue="limits")
    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("limits", no_ack=True)
    # Celery sends those of a task that it knows from 5.7 on.
    assert message.headers["timelimit"] in ([300, 240], [None, None])


def test_tasks_go_to_their_queues_by_bare_name(app: Celery) -> None:
    docwiz_tasks.register(app)
    queues = {name: queue_of(app, name) for name in NAMES}
    assert queues == {
        VISUALIZATION: "visualizations",
        COMPARISON: "visualizations",
        EXPORT: "exports",
        INFOGRAPHIC: "exports",
    }
    assert queue_of(app, "host.task") == "celery"


def test_task_routes_serve_a_process_that_does_not_register(app: Celery) -> None:
    app.conf.task_routes = docwiz_tasks.task_routes
    assert {queue_of(app, name) for name in NAMES} == {"visualizations", "exports"}


def test_the_configuration_stays_as_the_host_wrote_it(app: Celery) -> None:
    app.conf.update(
        task_routes={"host.*": {"queue": "host"}},
        task_queues=[Queue("host", Exchange("host"), "host"), Queue("other")],
        task_default_queue="host",
        task_serializer="json",
        task_time_limit=7,
        task_annotations={"host.task": {"rate_limit": "1/s"}},
    )
    before = copy.deepcopy(app.conf.humanize(with_defaults=True))
    docwiz_tasks.register(app)
    app.finalize()
    assert app.conf.humanize(with_defaults=True) == before


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("queues_used", [False, True])
def test_host_queues_and_default_queue_stay(app: Celery, when: str, queues_used: bool) -> None:
    if when == "after":
        docwiz_tasks.register(app)
    app.conf.task_queues = [Queue("host", Exchange("host"), "host")]
    app.conf.task_default_queue = "host"
    if queues_used:
        assert "host" in app.amqp.queues
    if when == "before":
        docwiz_tasks.register(app)
    assert set(app.amqp.queues.consume_from) == {"host", "visualizations", "exports"}
    assert queue_of(app, "anything") == "host"


@pytest.mark.parametrize(
    "routes",
    [
        {VISUALIZATION: {"queue": "host"}},
        [{VISUALIZATION: {"queue": "host"}}],
        {"docwiz_tasks.generate_vis*": "host"},
        ({"x": "y"}, {VISUALIZATION: "host"}),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_host_routes_win(app: Celery, routes: object, when: str) -> None:
    if when == "after":
        docwiz_tasks.register(app)
    app.conf.task_routes = routes
    if when == "before":
        docwiz_tasks.register(app)
    assert queue_of(app, VISUALIZATION) == "host"
    assert queue_of(app, EXPORT) == "exports"


@pytest.mark.parametrize("route", [route_to_host, f"{__name__}.route_to_host"])
def test_host_routes_by_function_or_path_win(app: Celery, route: object) -> None:
    app.conf.task_routes = (route,)
    docwiz_tasks.register(app)
    assert queue_of(app, EXPORT) == "by-function"
    assert queue_of(app, VISUALIZATION) == "visualizations"


def test_an_explicit_queue_wins(app: Celery) -> None:
    docwiz_tasks.register(app)
    assert queue_of(app, EXPORT, queue="urgent") == "urgent"


def test_a_queue_of_the_hosts_with_our_name_stays_the_hosts(app: Celery) -> None:
    app.conf.task_queues = [Queue("exports", Exchange("own"), "own-key")]
    docwiz_tasks.register(app)
    assert app.amqp.queues["exports"].exchange.name == "own"


def test_a_worker_started_with_q_consumes_just_those(app: Celery) -> None:
    docwiz_tasks.register(app)
    app.amqp.queues.select(["exports"])
    assert set(app.amqp.queues.consume_from) == {"exports"}


def test_host_limits_by_annotation_win(app: Celery) -> None:
    app.conf.task_annotations = {EXPORT: {"time_limit": 12}}
    docwiz_tasks.register(app)
    assert app.tasks[EXPORT].time_limit == 12


def test_registering_twice_gives_the_same_object(app: Celery) -> None:
    settings = Settings(store_url="memory://")
    docwiz = docwiz_tasks.register(app, settings)
    assert docwiz_tasks.register(app) is docwiz
    assert docwiz_tasks.register(app, Settings(store_url="memory://")) is docwiz


def test_registering_twice_with_other_settings_raises(app: Celery) -> None:
    docwiz_tasks.register(app, Settings(store_url="memory://"))
    with pytest.raises(AlreadyRegistered):
        docwiz_tasks.register(app, Settings(store_url="file:///elsewhere"))


def test_two_apps_are_independent() -> None:
    one, two, three = (Celery(name, set_as_current=False) for name in "abc")
    first = docwiz_tasks.register(one, Settings(exports_queue="one"))
    second = docwiz_tasks.register(two, Settings(exports_queue="two"))
    assert first is not second
    assert one.tasks[EXPORT].app is one
    assert two.tasks[EXPORT].app is two
    assert (queue_of(one, EXPORT), queue_of(two, EXPORT)) == ("one", "two")
    assert ours(three) == set()


def test_wrong_settings_change_nothing(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCWIZ_TIME_LIMIT_SECONDS", "soon")
    with pytest.raises(SettingsError, match="time_limit_seconds"):
        docwiz_tasks.register(app)
    assert ours(app) == set()
    assert set(app.amqp.queues) == {"celery"}


def test_registering_leaves_the_configuration_for_later(app: Celery) -> None:
    docwiz_tasks.register(app)
    assert not app.configured
    app.config_from_object({"task_default_queue": "later", "result_expires": 5})
    assert app.conf.result_expires == 5
    assert set(app.amqp.queues.consume_from) == {"later", "visualizations", "exports"}


REGISTER = """
import sys
import celery, kombu.transport.redis, pydantic
import docwiz_tasks, socket, threading
events = []
sys.addaudithook(lambda name, args: events.append((name, args[0])) if name in
    ("open", "socket.connect", "_thread.start_new_thread") else None)
docwiz_tasks.register(celery.Celery())
events = [e for e in events if not str(e[1]).endswith((".py", ".pyc"))]
heavy = {"PIL", "jinja2", "xhtml2pdf", "reportlab", "httpx", "google", "fastapi", "qdrant_client",
         "limits", "obstore", "pypdfium2", "fakeredis", "c2pa"}
print(events, sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_registering_reads_connects_starts_and_imports_nothing_heavy() -> None:
    run = subprocess.run(
        [sys.executable, "-c", REGISTER], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["[]", "[]"]


def test_registering_starts_no_thread(app: Celery) -> None:
    before = threading.active_count()
    docwiz_tasks.register(app)
    assert threading.active_count() == before


def test_recommended_configuration() -> None:
    config = docwiz_tasks.celery_config()
    expected = {
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "enable_utc": True,
        "task_track_started": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_time_limit": 300,
        "task_soft_time_limit": 240,
        "result_expires": 3600,
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 1000,
    }
    assert {key: config[key] for key in expected} == expected
    assert config["broker_transport_options"]["visibility_timeout"] > 300
