"""What a host's operator should know before patients do: findings, each with what to set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from docwiz_tasks.celery_app.doctor.brokers import broker_findings
from docwiz_tasks.celery_app.doctor.cases import case_findings
from docwiz_tasks.celery_app.doctor.configuration import configuration_findings, hard_limit
from docwiz_tasks.celery_app.doctor.finding import Finding, Level
from docwiz_tasks.celery_app.doctor.providers import provider_findings
from docwiz_tasks.celery_app.doctor.results import result_findings
from docwiz_tasks.celery_app.doctor.signing import signing_findings
from docwiz_tasks.celery_app.doctor.stores import records_findings, store_findings
from docwiz_tasks.celery_app.doctor.throttles import throttle_findings
from docwiz_tasks.celery_app.doctor.workers import worker_findings
from docwiz_tasks.errors import DocWizError

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["Finding", "Level", "examine"]


def examine(docwiz: DocWiz) -> Iterator[Finding]:
    """Yield what is well and what isn't with a registered app, each as soon as it is known.

    It connects to the store, the records, the case index, the broker and the result
    backend, each for a bounded time, and leaves nothing behind. Providers are made but not
    called.

    Args:
        docwiz: the app's.
    """
    try:
        settings = docwiz.settings
    except DocWizError as error:
        # The settings aren't known without the plugins, nor what depends on them.
        yield Finding("problem", "plugins", str(error))
        yield from result_findings(docwiz.app)
        yield from broker_findings(docwiz.app, docwiz.given_settings.time_limit_seconds)
        return
    yield from provider_findings(docwiz.plugins, settings)
    yield from signing_findings(settings)
    yield from store_findings(docwiz)
    yield from records_findings(docwiz)
    yield from case_findings(docwiz)
    yield from configuration_findings(docwiz)
    yield from result_findings(docwiz.app)
    of_broker = broker_findings(docwiz.app, hard_limit(docwiz))
    first = next(of_broker)
    yield first
    yield from of_broker
    yield from throttle_findings(docwiz)
    # Workers are asked through the broker.
    if first.level == "ok":
        yield from worker_findings(docwiz)
