"""Task names, routes, and settings for an app that is DocWiz's own."""

from __future__ import annotations

from typing import Any

from docwiz_tasks.settings import Settings

__all__ = [
    "COMPARISON",
    "EXPORT",
    "INFOGRAPHIC",
    "VISUALIZATION",
    "WEBHOOK",
    "celery_config",
    "task_routes",
]

VISUALIZATION = "docwiz_tasks.generate_visualization_task"
COMPARISON = "docwiz_tasks.generate_comparison_task"
EXPORT = "docwiz_tasks.generate_export_task"
INFOGRAPHIC = "docwiz_tasks.generate_cost_infographic_task"
# Only where webhooks are to be sent.
WEBHOOK = "docwiz_tasks.deliver_webhook_task"

task_routes: dict[str, dict[str, str]] = {
    VISUALIZATION: {"queue": "visualizations"},
    COMPARISON: {"queue": "visualizations"},
    EXPORT: {"queue": "exports"},
    INFOGRAPHIC: {"queue": "exports"},
}


def celery_config(settings: Settings | None = None) -> dict[str, Any]:
    """Return Celery settings for an app that runs DocWiz tasks and nothing else.

    Args:
        settings: where the limits and the broker come from; the environment if None.
    """
    settings = settings or Settings()
    # Longer than any job may take, so that a job that runs is not sent again, and swept
    # each few seconds, so that one whose machine died comes back soon after.
    # https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html
    # A worker that dies in its sweep leaves its lock, and until that expires, after 300 s
    # by default, no other worker sweeps.
    redis_options = {
        "visibility_timeout": settings.time_limit_seconds + 60,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,
    }
    config: dict[str, Any] = {
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "enable_utc": True,
        "timezone": "UTC",
        "task_track_started": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_time_limit": _whole(settings.time_limit_seconds),
        "task_soft_time_limit": _whole(settings.soft_time_limit_seconds),
        "result_expires": 3600,
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 1000,
        "broker_transport_options": redis_options,
        "broker_connection_retry_on_startup": True,
    }
    if settings.broker_url is not None:
        config["broker_url"] = settings.broker_url.get_secret_value()
    if settings.result_backend is not None:
        config["result_backend"] = settings.result_backend.get_secret_value()
    return config


def _whole(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds
