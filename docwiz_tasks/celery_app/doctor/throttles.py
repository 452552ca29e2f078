"""Whether workers share what they meet with providers, and what keeps them from one now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kombu.utils.url import maybe_sanitize_url

from docwiz_tasks.celery_app.doctor.bounded import within
from docwiz_tasks.celery_app.doctor.finding import Finding

if TYPE_CHECKING:
    from docwiz_tasks.celery_app.docwiz import DocWiz

__all__ = ["throttle_findings"]


def throttle_findings(docwiz: DocWiz) -> Iterator[Finding]:
    """Look at each provider that the settings name, without taking a turn at it."""
    throttle, settings = docwiz.throttle, docwiz.settings
    providers = dict.fromkeys((settings.ai_provider, settings.image_provider))
    try:
        holds = within(lambda: {name: throttle.closed(name) for name in providers})
    except Exception as error:
        reason = str(error) if type(error) is TimeoutError else type(error).__name__
        yield Finding(
            "warning",
            "throttle",
            f"{maybe_sanitize_url(throttle.url)} can't be asked ({reason}), so each worker learns"
            " for itself when a provider can't be called; check DOCWIZ_THROTTLE_URL.",
        )
        return
    for name, hold in holds.items():
        if hold is not None:
            yield Finding(
                "warning",
                "throttle",
                f"{name} {hold.reason}: no worker calls it for {hold.seconds:.0f} more seconds.",
            )
    if throttle.is_shared:
        address = maybe_sanitize_url(throttle.url)
        yield Finding("ok", "throttle", f"workers share rate limits at {address}.")
    else:
        yield Finding(
            "warning",
            "throttle",
            "each worker learns for itself when a provider can't be called; set"
            " DOCWIZ_THROTTLE_URL to a Redis.",
        )
