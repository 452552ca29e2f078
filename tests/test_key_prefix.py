"""A Redis that is shared: a host may touch nothing there but keys that begin as its own do."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from celery import Celery
from redis_server import RedisServer

import docwiz_tasks
from docwiz_tasks import DocWiz, Settings
from docwiz_tasks.celery_app.embedded import embedded_worker
from docwiz_tasks.celery_app.rescue import rescue
from docwiz_tasks.testing.sample import add_sample_case

SECONDS = 60


@pytest.fixture
def tenant(redis_server: RedisServer, tmp_path: Path) -> DocWiz:
    with redis.Redis.from_url(redis_server.url) as administrator:
        administrator.acl_setuser(
            "clinic",
            enabled=True,
            passwords=["+secret"],
            keys=["clinic:*"],
            channels=["*"],
            categories=["+@all", "-@admin"],
        )
    url = redis_server.url.replace("://", "://clinic:secret@")
    app = Celery("tenant", broker=url, backend=url, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": "clinic:"}
    app.conf.result_backend_transport_options = {"global_keyprefix": "clinic:"}
    settings = Settings(
        store_url=(tmp_path / "store").as_uri(),
        ai_provider="offline",
        image_provider="offline",
        plugins="none",
        rescue_seconds=0.001,
    )
    return docwiz_tasks.register(app, settings)


def test_its_jobs_run(tenant: DocWiz, caplog: pytest.LogCaptureFixture) -> None:
    case = add_sample_case(tenant)
    with embedded_worker(tenant.app):
        job = tenant.visualize(case.image_id, "rhinoplasty")
        assert [status.progress for status in job.watch(SECONDS)][-1] == 100
        assert job.status().successful
    assert "not shared" not in caplog.text


def test_what_is_queued_there_is_told_from_what_was_lost(
    tenant: DocWiz, redis_server: RedisServer
) -> None:
    case = add_sample_case(tenant)
    job = tenant.visualize(case.image_id, "rhinoplasty")
    assert rescue(tenant) == []
    assert job.status().state == "PENDING"
    redis_server.client.flushall()
    assert job.status().state == "LOST"
    assert rescue(tenant) == [job.id]
