"""Webhooks: a listener like any plugin's, and a Celery task that posts what it heard."""

from __future__ import annotations

import logging
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from celery import Task

from docwiz_tasks.celery_app import broker, config
from docwiz_tasks.celery_app.queues import queues_of
from docwiz_tasks.errors import (
    DocWizError,
    ExtraMissing,
    StoreUnavailable,
    WebhookFailed,
    WebhookGone,
)
from docwiz_tasks.hookspecs import hookimpl

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz
    from docwiz_tasks.contracts import JobEvent

__all__ = ["WebhookListener", "add_webhook_task", "resend"]

logger = logging.getLogger(__name__)

# Below the visibility timeout of an app of ours: the broker would send a message that
# waits longer a second time.
_MAX_WAIT_SECONDS = 240.0

_STORE_SECONDS = 10

# After how long a message counts as lost where the broker can't be asked for it.
_LOST_AFTER = timedelta(days=1)


class WebhookListener:
    """Has a message sent for each event that the settings choose.

    Args:
        docwiz: whose jobs it hears of.
    """

    def __init__(self, docwiz: DocWiz) -> None:
        self._docwiz = docwiz

    @hookimpl
    def docwiz_job_event(self, event: JobEvent) -> None:
        """Keep the message, and leave the posting to a task."""
        settings = self._docwiz.settings
        if settings.webhook_url is None or event.kind not in settings.webhook_events:
            return
        from docwiz_tasks.webhooks.message import body_of, id_of

        _send(self._docwiz, id_of(event), body_of(event))


class WebhookTask(Task):  # type: ignore[misc]
    """Posts one message, and again later if the receiver did not take it."""

    abstract = True
    docwiz: DocWiz

    acks_late = True
    reject_on_worker_lost = True
    ignore_result = True
    throws = (DocWizError,)


def deliver_webhook_task(self: WebhookTask, event_id: str) -> None:
    """Post a message of the outbox, unless it needs no posting any more."""
    from docwiz_tasks.webhooks.message import job_of
    from docwiz_tasks.webhooks.outbox import Outbox

    outbox = Outbox(self.docwiz.store)
    body = outbox.body(event_id)
    if body is None:
        return
    try:
        _post(self.docwiz, event_id, body)
    except (WebhookFailed, ExtraMissing) as error:
        gone = isinstance(error, WebhookGone)
        if not gone and self.request.retries + 1 < self.docwiz.settings.webhook_attempts:
            wait = _wait_seconds(self, error)
            raise self.retry(exc=error, countdown=wait, max_retries=None) from None
        logger.error("The webhook of job %s was given up: %s", job_of(body), error.code)
    outbox.remove(event_id)


def add_webhook_task(docwiz: DocWiz) -> None:
    """Add the task to the app of a worker, if webhooks are to be sent."""
    if docwiz.settings.webhook_url is None or config.WEBHOOK in docwiz.app.tasks:
        return
    docwiz.app.task(
        name=config.WEBHOOK,
        base=WebhookTask,
        bind=True,
        shared=False,
        docwiz=docwiz,
        autoretry_for=(StoreUnavailable,),
        default_retry_delay=_STORE_SECONDS,
        max_retries=None,
    )(deliver_webhook_task)


def resend(docwiz: DocWiz) -> None:
    """Give the broker again what it lost, or could not take."""
    if docwiz.settings.webhook_url is None:
        return
    from docwiz_tasks.webhooks.outbox import Outbox

    outbox = Outbox(docwiz.store)
    now, grace = datetime.now(UTC), timedelta(seconds=docwiz.settings.rescue_seconds)
    overdue = {id: now - sent_at for id, sent_at in outbox.sent() if now - sent_at > grace}
    if not overdue:
        return
    waiting = broker.waiting(docwiz.app, queues_of(docwiz.app, docwiz.queues_by_task()))
    for id, age in overdue.items():
        lost = age > _LOST_AFTER if waiting is None else id not in waiting
        if lost and (body := outbox.body(id)) is not None:
            _send(docwiz, id, body)


def _send(docwiz: DocWiz, id: str, body: str) -> None:
    from docwiz_tasks.webhooks.outbox import Outbox

    Outbox(docwiz.store).put(id, body)
    # By name: only workers have the task.
    docwiz.app.send_task(
        config.WEBHOOK,
        kwargs={"event_id": id},
        task_id=id,
        ignore_result=True,
        **broker.publish_options,
    )


def _post(docwiz: DocWiz, event_id: str, body: str) -> None:
    from docwiz_tasks.webhooks.message import signed_headers
    from docwiz_tasks.webhooks.posting import post

    settings = docwiz.settings
    if settings.webhook_url is None:
        return
    headers = signed_headers(event_id, body, settings.webhook_keys, int(time.time()))
    url = settings.webhook_url.get_secret_value()
    post(url, headers, body, settings.webhook_timeout_seconds)


def _wait_seconds(task: WebhookTask, error: DocWizError) -> float:
    asked = error.retry_after_seconds if isinstance(error, WebhookFailed) else None
    wait: float = task.docwiz.settings.webhook_retry_seconds * 2.0 ** min(task.request.retries, 30)
    # Not all at once when a receiver comes back.
    jittered = random.uniform(0.5, 1) * min(wait, _MAX_WAIT_SECONDS)  # noqa: S311
    return min(max(jittered, asked or 0), _MAX_WAIT_SECONDS)
