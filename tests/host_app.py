"""A host's Celery app for worker processes; everything comes from the environment."""

from __future__ import annotations

import os

from celery import Celery
from kombu import Queue

import docwiz_tasks

app = Celery("host", broker=os.environ["HOST_BROKER"], backend=os.environ["HOST_BACKEND"])
app.conf.task_queues = [Queue("host")]
app.conf.task_default_queue = "host"
app.conf.worker_hijack_root_logger = False
if "HOST_VISIBILITY" in os.environ:
    app.conf.broker_transport_options = {
        "visibility_timeout": float(os.environ["HOST_VISIBILITY"]),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        # Otherwise a worker that is killed in its sweep keeps the others from theirs.
        "unacked_mutex_expire": 5,
    }

docwiz = docwiz_tasks.register(app)

if os.environ.get("HOST_TOUCHES_STORE"):
    docwiz.store.put("touched/before-the-fork", b"1")


@app.task(name="host.echo")  # type: ignore[untyped-decorator]
def echo(text: str) -> str:
    return text
