"""Our queues and routes on a host's app, beside its own and without its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from celery import Celery

__all__ = ["add_queues_and_routes", "queues_of"]


def add_queues_and_routes(app: Celery, queues_by_task: Callable[[], Mapping[str, str]]) -> None:
    """Have `app` consume and route to our queues.

    Celery builds its queues and routes from the configuration when they are first
    needed, and again when the configuration changes. Ours are added there and not to
    the configuration: whatever the host sets, before or after, stays as it is, its
    routes win, and ``-Q`` still chooses.

    Args:
        app: the host's app.
        queues_by_task: returns the queue's name for each of our tasks; called when needed.
    """
    amqp = app.amqp
    build_queues, build_routes = amqp.Queues, amqp.flush_routes

    def queues_with_ours(*args: Any, **options: Any) -> Any:
        return _with_ours(build_queues(*args, **options), queues_by_task())

    def routes_with_ours() -> None:
        build_routes()
        amqp._rtable = [*amqp._rtable, route]

    def route(name: str, *_args: Any, **_options: Any) -> dict[str, str] | None:
        queue = queues_by_task().get(name)
        return None if queue is None else {"queue": queue}

    amqp.Queues = queues_with_ours
    amqp.flush_routes = routes_with_ours
    if "queues" in vars(amqp):
        _with_ours(amqp.queues, queues_by_task())
    if amqp._rtable is not None:
        routes_with_ours()
    # Built from the routes of before; Celery builds it again when it is needed.
    vars(amqp).pop("router", None)


def queues_of(app: Celery, tasks: Iterable[str]) -> set[str]:
    """Return the queues that the app's routes, the host's before ours, send tasks to."""
    routed = (app.amqp.router.route({}, task).get("queue") for task in tasks)
    return {queue.name for queue in routed if queue is not None}


def _with_ours(queues: Any, queues_by_task: Mapping[str, str]) -> Any:
    for name in dict.fromkeys(queues_by_task.values()):
        # A queue that the host declared under this name stays as the host declared it.
        known = dict.get(queues, name)
        queues.select_add(known if known is not None else queues.new_missing(name))
    return queues
