"""Registering on a host's app."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from celery import Celery

from docwiz_tasks.celery_app.docwiz import DocWiz
from docwiz_tasks.celery_app.queues import add_queues_and_routes
from docwiz_tasks.celery_app.rescue import add_rescue
from docwiz_tasks.celery_app.startup import add_start_check, for_the_terminal
from docwiz_tasks.celery_app.tasks import TASKS, add_tasks
from docwiz_tasks.errors import AlreadyRegistered, AppNotRegistered
from docwiz_tasks.settings import Settings

__all__ = ["register", "registered"]

_registered: WeakKeyDictionary[Celery, DocWiz] = WeakKeyDictionary()


def register(app: Celery, settings: Settings | None = None) -> DocWiz:
    """Give a host's app the four tasks, their queues, routes and limits.

    Its workers check at their start that they can do what they consume; nothing else of
    the app changes.

    It opens no connection, reads no file and starts no thread.

    Args:
        app: the host's app.
        settings: from the environment if None.

    Returns:
        the app's `DocWiz`; the same one when called again.

    Raises:
        SettingsError: a setting isn't allowed.
        AlreadyRegistered: the app has these tasks already, with other settings.
    """
    app = _itself(app)
    known = _registered.get(app)
    if known is not None:
        if settings is not None and settings != known.given_settings:
            raise AlreadyRegistered("This app is registered already, with other settings.")
        return known
    docwiz = DocWiz(app, settings if settings is not None else Settings())
    if taken := [spec.name for spec in TASKS if spec.name in app._tasks]:
        raise AlreadyRegistered(f"This app has tasks with our names already: {', '.join(taken)}.")
    add_queues_and_routes(app, for_the_terminal(docwiz.queues_by_task))
    add_tasks(app, docwiz)
    add_rescue(app, docwiz)
    add_start_check(app, docwiz)
    _registered[app] = docwiz
    return docwiz


def registered(app: Celery) -> DocWiz:
    """Return the `DocWiz` of a registered app.

    Raises:
        AppNotRegistered: the app isn't.
    """
    known = _registered.get(_itself(app))
    if known is None:
        raise AppNotRegistered(
            "This Celery app has no DocWiz tasks: call docwiz_tasks.register(app) where it is made."
        )
    return known


def _itself(app: Celery) -> Celery:
    """Return the app itself where the host holds a proxy to it, such as celery.current_app."""
    found: Celery = getattr(app, "_get_current_object", lambda: app)()
    return found
