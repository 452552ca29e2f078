"""Whether the broker is there and, if it is Redis, keeps jobs and gives them back in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery import Celery

from docwiz_tasks.celery_app.doctor.bounded import within
from docwiz_tasks.celery_app.doctor.finding import Finding

__all__ = ["broker_findings"]

# Beyond this the sweep, and not the visibility timeout, decides when a lost job is back.
SWEEP_SECONDS = 60


def broker_findings(app: Celery, limit: float) -> Iterator[Finding]:
    """Connect to the broker, and look at a Redis more closely.

    Args:
        app: the host's app.
        limit: how many seconds one of our tasks may take at most.
    """
    try:
        connection = app.connection_for_write()
        address = connection.as_uri()
    except Exception:
        yield Finding("problem", "broker", "there is no transport for broker_url; check it.")
        return
    with connection:
        try:
            policy = within(lambda: _connect(connection))
        except Exception as error:
            reason = str(error) if type(error) is TimeoutError else type(error).__name__
            yield Finding(
                "problem",
                "broker",
                f"{address} can't be reached ({reason}); check broker_url.",
            )
            return
        yield Finding("ok", "broker", f"{address} answers.")
        if connection.transport.driver_type == "redis":
            yield _eviction(policy)
            yield _visibility(app, limit)
            yield _sweep(app)


def _connect(connection: Any) -> str | None:
    """Connect, and return the eviction policy if the broker is a Redis that tells."""
    # No retries: Celery's own would take longer than anybody waits here.
    connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    client = getattr(connection.default_channel, "client", None)
    if connection.transport.driver_type != "redis" or client is None:
        return None
    return _policy(client)


def _policy(client: Any) -> str | None:
    from redis.exceptions import RedisError

    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
    except RedisError:
        policy = None
    if policy is None:
        # Managed services forbid CONFIG, but most of them allow INFO.
        try:
            policy = client.info("memory").get("maxmemory_policy")
        except RedisError:
            return None
    return policy.decode() if isinstance(policy, bytes) else policy


def _eviction(policy: str | None) -> Finding:
    if policy is None:
        return Finding(
            "warning",
            "eviction",
            "this Redis doesn't tell its maxmemory-policy; make sure that it is noeviction.",
        )
    if policy != "noeviction":
        return Finding(
            "problem",
            "eviction",
            f"maxmemory-policy is {policy}: a full Redis drops jobs or results without a word;"
            " set it to noeviction.",
        )
    return Finding("ok", "eviction", "maxmemory-policy is noeviction.")


def _visibility(app: Celery, limit: float) -> Finding:
    from kombu.transport.redis import Channel

    # A little more than the limit: a job that ends at it must still acknowledge.
    advice = f"set visibility_timeout in broker_transport_options to {limit + 60:g}"
    given = app.conf.broker_transport_options.get("visibility_timeout")
    seconds = Channel.visibility_timeout if given is None else given
    if seconds <= limit:
        return Finding(
            "problem",
            "visibility timeout",
            f"{seconds:g} seconds are no more than the hard limit of {limit:g}, so a job that runs"
            f" is given to a second worker; {advice}.",
        )
    if given is None:
        return Finding(
            "warning",
            "visibility timeout",
            f"it is not set, so a job whose machine was lost is back after {seconds:g} seconds;"
            f" {advice}.",
        )
    return Finding("ok", "visibility timeout", f"{seconds:g} seconds.")


def _sweep(app: Celery) -> Finding:
    from kombu.transport.redis import Channel

    options = app.conf.broker_transport_options
    interval = options.get("unacked_restore_interval", _default(Channel, "interval"))
    throttle = options.get("unacked_restore_throttle", _default(Channel, "throttle"))
    seconds = interval * throttle
    if seconds > SWEEP_SECONDS:
        return Finding(
            "warning",
            "lost jobs",
            f"are looked for each {seconds:g} seconds only; set unacked_restore_interval to 10 and"
            " unacked_restore_throttle to 1 in broker_transport_options.",
        )
    lock = options.get("unacked_mutex_expire", Channel.unacked_mutex_expire)
    if lock > SWEEP_SECONDS:
        return Finding(
            "warning",
            "lost jobs",
            f"are not looked for during {lock:g} seconds when a worker dies while it does so; set"
            " unacked_mutex_expire to 30 in broker_transport_options.",
        )
    return Finding("ok", "lost jobs", f"are looked for each {seconds:g} seconds.")


def _default(channel: Any, name: str) -> float:
    # Older versions of kombu have no such option, and the same rhythm.
    found: float = getattr(channel, f"unacked_restore_{name}", 10)
    return found
