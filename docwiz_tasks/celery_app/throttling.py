"""Where a host's workers share what they meet with providers: the Redis that it has anyway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from celery import Celery

from docwiz_tasks.jobs.throttle import Throttle
from docwiz_tasks.settings import Settings

__all__ = ["throttle_of"]

_PROCESS_ALONE = "memory://"
# As the library names its keys.
_KEYS = "LIMITS"


def throttle_of(app: Celery, settings: Settings) -> Throttle:
    """Return the throttle of an app's providers; nothing is connected yet.

    Args:
        app: the host's app: its broker is taken if that is Redis, or else its result backend.
        settings: these may name another place.
    """
    if settings.throttle_url is not None:
        return Throttle(settings, settings.throttle_url.get_secret_value())
    for url, tls, options in _services(app):
        if (found := _redis_url(url)) is not None:
            prefix = {"key_prefix": f"{options.get('global_keyprefix', '')}{_KEYS}"}
            if not tls:
                return Throttle(settings, found, prefix)
            encrypted = tls if isinstance(tls, Mapping) else {}
            found = found.replace("redis://", "rediss://")
            return Throttle(settings, found, {**prefix, **encrypted})
    return Throttle(settings, _PROCESS_ALONE)


def _services(app: Celery) -> Iterator[tuple[object, Any, Mapping[str, Any]]]:
    """Give broker and result backend: address, TLS options, and those of the transport."""
    conf = app.conf
    yield conf.broker_write_url, conf.broker_use_ssl, conf.broker_transport_options
    options = conf.result_backend_transport_options
    yield app.backend_cls or conf.result_backend, conf.redis_backend_use_ssl, options


def _redis_url(url: object) -> str | None:
    """Return a Celery URL as redis-py reads it; None if it isn't one Redis."""
    first = url[0] if isinstance(url, (list, tuple)) and url else url
    if not isinstance(first, str):
        return None
    address = first.partition(";")[0]
    scheme, _, rest = address.partition("://")
    if scheme == "redis+socket":
        return f"redis+unix://{rest}".replace("virtual_host=", "db=")
    if scheme not in ("redis", "rediss"):
        return None
    return re.sub(r"(?<=ssl_cert_reqs=)CERT_\w+", lambda word: word[0][5:].lower(), address)
