"""A worker that can't do what it consumes doesn't start."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from celery import Celery, bootsteps

from docwiz_tasks.celery_app.webhooks import add_webhook_task
from docwiz_tasks.errors import DocWizError, PluginError, ProviderError

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["add_start_check", "check_providers", "for_the_terminal"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def add_start_check(app: Celery, docwiz: DocWiz) -> None:
    """Have the workers of `app`, and of no other, check their providers before they start."""

    class ProviderCheck(bootsteps.Step):  # type: ignore[misc]
        # Steps are built before the first of them starts, and so before any fork.
        def __init__(self, worker: Any, **_options: Any) -> None:
            for_the_terminal(check_providers)(docwiz, worker.app.amqp.queues.consume_from)
            add_webhook_task(docwiz)

    app.steps["worker"].add(ProviderCheck)


def check_providers(docwiz: DocWiz, queues: Collection[str]) -> None:
    """Make what jobs from `queues` need, providers and a signature, and throw it away.

    Raises:
        PluginError: no plugin gives a provider, or it can't be made.
        SettingsError: one lacks a setting, such as its key, or nothing can be signed.
        ExtraMissing: one lacks a library.
    """
    from docwiz_tasks.imaging.signing import check_signing

    # Not kept: a client made before the fork would hang or mix answers in the children.
    settings = docwiz.settings
    if settings.visualizations_queue in queues:
        docwiz.plugins.ai_provider(settings)
        # Wrongly set up; one that is down harms no preview.
        with suppress(PluginError, ProviderError):
            docwiz.plugins.case_index(settings)
    if settings.exports_queue in queues:
        docwiz.plugins.image_provider(settings)
        if settings.webhook_url is not None:
            from docwiz_tasks.webhooks.posting import check_installed

            check_installed()
    if {settings.visualizations_queue, settings.exports_queue} & set(queues):
        check_signing(settings)


def for_the_terminal(call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Have Celery's commands show our errors without a traceback.

    Anywhere else, as in an embedded worker or a web server, they stay what they are.
    """

    @wraps(call)
    def called(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        try:
            return call(*args, **options)
        except DocWizError as error:
            # Imported here: a host that never fails need not pay for command lines.
            import click
            from celery.bin.base import CLIContext

            context = click.get_current_context(silent=True)
            if context is None or context.find_object(CLIContext) is None:
                raise
            raise click.ClickException(str(error)) from error

    return called
