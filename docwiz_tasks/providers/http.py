"""HTTP to services: clients that no fork, thread or event loop shares, and their errors as ours."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from json import JSONDecodeError
from os import getpid
from typing import TYPE_CHECKING, Generic, TypeVar

from docwiz_tasks.errors import ProviderUnavailable

if TYPE_CHECKING:
    import httpx

__all__ = [
    "PerThread",
    "async_client",
    "quoted",
    "retry_after",
    "sane_seconds",
    "sync_client",
    "tls_context",
    "transport_errors",
]

T = TypeVar("T")

MAX_QUOTED = 200
MAX_WAIT_SECONDS = 24 * 3600.0

# Keys of Google's and Freepik's, tokens, and signed claims, wherever a service repeats them.
_SECRET = re.compile(
    r"AIza[\w-]+|AQ\.[\w.-]+|FPSX[\w-]+|ya29\.[\w.-]+|eyJ[\w-]+\.[\w.-]+|(?i:bearer)\s+\S+"
)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ufffd]+")


class PerThread(threading.local, Generic[T]):
    """Something made once for each thread of each process.

    A client that was used before a fork gives its answers to the wrong child, and one
    that two threads' event loops share loses them.

    Args:
        make: makes it; its arguments must be hashable.
    """

    def __init__(self, make: Callable[..., T]) -> None:
        self._make = make
        self._pid = getpid()
        self._made: dict[tuple[object, ...], T] = {}

    def __call__(self, *arguments: object) -> T:
        """Return this thread's own."""
        if self._pid != getpid():
            self._pid, self._made = getpid(), {}
        if arguments not in self._made:
            self._made[arguments] = self._make(*arguments)
        return self._made[arguments]


def _async_client() -> httpx.AsyncClient:
    import httpx

    # No connection outlives its request, and so none outlives the event loop of its job.
    limits = httpx.Limits(max_keepalive_connections=0)
    # What is left of the job's time bounds each call as a whole.
    return httpx.AsyncClient(verify=tls_context(), limits=limits, timeout=None)  # noqa: S113


def _sync_client() -> httpx.Client:
    import httpx

    return httpx.Client(verify=tls_context(), limits=httpx.Limits(max_keepalive_connections=0))


async_client: Callable[[], httpx.AsyncClient] = PerThread(_async_client)
sync_client: Callable[[], httpx.Client] = PerThread(_sync_client)


@contextmanager
def transport_errors(service: str) -> Iterator[None]:
    """Tell a connection that failed, and an answer cut short, as `ProviderUnavailable`.

    Args:
        service: its name, for the sentence.
    """
    import httpx

    try:
        yield
    except httpx.TimeoutException:
        raise ProviderUnavailable(f"{service} did not answer in time.") from None
    except httpx.TransportError as error:
        kind = type(error).__name__
        raise ProviderUnavailable(f"The connection to {service} failed: {kind}.") from None
    except (JSONDecodeError, UnicodeDecodeError):
        raise ProviderUnavailable(f"{service} sent an answer that was cut short.") from None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for: a number, or a date.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return sane_seconds(seconds)


def sane_seconds(seconds: float) -> float | None:
    """Return a wait that a service asked for, or None if no service can mean it."""
    return seconds if 0 <= seconds <= MAX_WAIT_SECONDS else None


def quoted(text: object, *, without: str = "") -> str:
    """Return a service's own words, fit for an error: short, on one line, without keys.

    Args:
        text: what the service said.
        without: a key that it may have repeated, of whatever form.
    """
    if not isinstance(text, str):
        return ""
    text = text.replace(without, "[redacted]") if without else text
    plain = _SECRET.sub("[redacted]", _UNPRINTABLE.sub(" ", text)).strip()
    return plain if len(plain) <= MAX_QUOTED else f"{plain[:MAX_QUOTED].rstrip()}…"


@cache
def tls_context() -> ssl.SSLContext:
    """Return the trusted certificates, read once; a fork does them no harm."""
    import httpx

    return httpx.create_ssl_context()
