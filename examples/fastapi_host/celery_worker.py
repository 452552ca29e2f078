"""A clinic's Celery app: its own task and queue beside the four of docwiz-tasks."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery
from kombu import Queue

import docwiz_tasks

REDIS = "redis://127.0.0.1:6379/0"

app = Celery(
    "clinic",
    broker=os.environ.get("CELERY_BROKER_URL", REDIS),
    backend=os.environ.get("CELERY_RESULT_BACKEND", REDIS),
)
app.conf.task_queues = [Queue("clinic")]
app.conf.task_default_queue = "clinic"
app.conf.broker_connection_retry_on_startup = True
# As `celery -A celery_worker docwiz doctor` advises.
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_transport_options = {
    "visibility_timeout": 360,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 30,
}

docwiz = docwiz_tasks.register(
    app,
    docwiz_tasks.Settings(
        store_url=os.environ.get("DOCWIZ_STORE_URL", (Path(__file__).parent / "store").as_uri()),
        ai_provider=os.environ.get("DOCWIZ_AI_PROVIDER", "offline"),
        image_provider=os.environ.get("DOCWIZ_IMAGE_PROVIDER", "offline"),
    ),
)


@app.task
def remind(appointment_id: str) -> str:
    """Stand for a task of the clinic's own."""
    return f"reminded of {appointment_id}"
