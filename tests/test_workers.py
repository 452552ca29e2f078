"""Real workers on a real Redis, given jobs by a second process that only sends names."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import redis
from celery import Celery
from workers import environment, worker

import docwiz_tasks
from docwiz_tasks.testing.sample import add_sample_case

SECONDS = 90

SENDER = """
import json, sys
from celery import Celery
broker, backend, jobs = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
app = Celery(broker=broker, backend=backend)
app.conf.task_routes = {name: {"queue": queue} for name, queue, _ in jobs}
sent = [app.send_task(name, kwargs=kwargs) for name, _, kwargs in jobs]
print(json.dumps([result.get(timeout=90) for result in sent]))
"""


def host(broker: str, backend: str, store: Path) -> docwiz_tasks.DocWiz:
    app = Celery("host", broker=broker, backend=backend, set_as_current=False)
    settings = docwiz_tasks.Settings(
        store_url=store.as_uri(), ai_provider="offline", image_provider="offline"
    )
    return docwiz_tasks.register(app, settings)


def four_jobs(docwiz: docwiz_tasks.DocWiz) -> list[tuple[str, str, dict[str, object]]]:
    case = add_sample_case(docwiz)
    prefix = "docwiz_tasks.generate_"
    return [
        (
            f"{prefix}visualization_task",
            "visualizations",
            {"image_id": case.image_id, "procedure_id": "rhinoplasty"},
        ),
        (
            f"{prefix}comparison_task",
            "visualizations",
            {"image_id": case.image_id, "procedure_ids": ["otoplasty", "facelift"]},
        ),
        (f"{prefix}export_task", "exports", {"patient_id": case.patient_id}),
        (
            f"{prefix}cost_infographic_task",
            "exports",
            {"cost_breakdown_id": case.cost_breakdown_id},
        ),
    ]


def sent_by_name(broker: str, backend: str, jobs: list[object]) -> list[dict[str, object]]:
    command = [sys.executable, "-c", SENDER, broker, backend, json.dumps(jobs)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    results: list[dict[str, object]] = json.loads(run.stdout)
    return results


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_the_four_tasks_run_in_each_pool(redis_url: str, tmp_path: Path, pool: str) -> None:
    store = tmp_path / "store"
    env = environment(redis_url, redis_url, store)
    jobs = four_jobs(host(redis_url, redis_url, store))
    with worker(env, tmp_path / "log", f"--pool={pool}", "--concurrency=2"):
        results = sent_by_name(redis_url, redis_url, [list(job) for job in jobs])
    assert [result["status"] for result in results] == ["completed"] * 4


def test_the_four_tasks_run_over_rabbitmq(
    rabbitmq_url: str, redis_url: str, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    own = uuid.uuid4().hex
    previews, exports = f"previews-{own}", f"exports-{own}"
    env = environment(
        rabbitmq_url, redis_url, store,
        DOCWIZ_VISUALIZATIONS_QUEUE=previews, DOCWIZ_EXPORTS_QUEUE=exports,
    )  # fmt: skip
    docwiz = host(rabbitmq_url, redis_url, store)
    names = {"visualizations": previews, "exports": exports}
    jobs = [[name, names[queue], kwargs] for name, queue, kwargs in four_jobs(docwiz)]
    try:
        with worker(env, tmp_path / "log", "--pool=threads", "-Q", f"{previews},{exports}"):
            results = sent_by_name(rabbitmq_url, redis_url, list(jobs))
    finally:
        with docwiz.app.connection_for_write() as connection:
            for queue in names.values():
                connection.default_channel.queue_delete(queue)
    assert [result["status"] for result in results] == ["completed"] * 4


def test_a_host_that_touched_the_store_before_the_fork_has_working_tasks(
    redis_url: str, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    env = environment(redis_url, redis_url, store, HOST_TOUCHES_STORE="1")
    job = four_jobs(host(redis_url, redis_url, store))[0]
    with worker(env, tmp_path / "log", "--pool=prefork", "--concurrency=1"):
        [result] = sent_by_name(redis_url, redis_url, [list(job)])
    assert (store / "touched" / "before-the-fork").exists()
    assert result["status"] == "completed"


def test_a_worker_without_q_serves_the_host_and_us_and_one_with_q_just_that(
    redis_url: str, tmp_path: Path
) -> None:
    env = environment(redis_url, redis_url, tmp_path / "store")
    inspect = [sys.executable, "-m", "celery", "-A", "host_app", "inspect", "-j", "active_queues"]
    options = "--pool=solo", "-n"
    with (
        worker(env, tmp_path / "all", *options, "all@here"),
        worker(env, tmp_path / "one", *options, "one@here", "-Q", "exports"),
    ):
        run = subprocess.run(
            inspect, env=env, cwd=Path(__file__).parent, capture_output=True, check=True
        )
    queues = {
        name: {queue["name"] for queue in found} for name, found in json.loads(run.stdout).items()
    }
    assert queues == {
        "all@here": {"host", "visualizations", "exports"},
        "one@here": {"exports"},
    }


def test_a_patients_name_is_neither_in_redis_nor_in_a_log(redis_url: str, tmp_path: Path) -> None:
    canary = "Zqxjkvbird"
    store = tmp_path / "store"
    docwiz = host(redis_url, redis_url, store)
    case = add_sample_case(docwiz)
    docwiz.records.put(
        "patient",
        case.patient.model_copy(
            update={
                "name": f"{canary} Ωmega 漢",
                "email": f"{canary}@example.invalid",
                "medical_record_number": canary,
                "medical_history": {"note": canary},
            }
        ),
    )
    env = environment(redis_url, redis_url, store)
    log = tmp_path / "log"
    seen: list[str] = []
    monitored = redis.Redis.from_url(redis_url)
    with (
        monitored.monitor() as monitor,  # type: ignore[no-untyped-call]
        worker(env, log, "--loglevel=DEBUG", "--concurrency=2"),
    ):
        jobs = [
            docwiz.visualize(case.image_id, "rhinoplasty", case.patient_id),
            docwiz.compare(case.image_id, ["otoplasty", "facelift"], case.patient_id),
            docwiz.infographic(case.cost_breakdown_id),
        ]
        for job in jobs:
            job.result(SECONDS)
        docwiz.export(case.patient_id, format="json").result(SECONDS)
        # The Han character has no font here: the job fails, and its error must not tell.
        failed = docwiz.export(case.patient_id)
        with pytest.raises(docwiz_tasks.RenderFailed):
            failed.result(SECONDS)
        monitored.set("the-end", 1)
        for command in monitor.listen():
            seen.append(repr(command))
            if "the-end" in command["command"]:
                break
    assert any("docwiz_tasks.generate_export_task" in command for command in seen)
    assert not [command for command in seen if canary in command]
    assert canary not in log.read_text()
    assert "generate_export_task" in log.read_text()
    # The report itself names the patient: what was looked for was there to be found.
    assert any(canary.encode() in path.read_bytes() for path in store.rglob("*.json"))
