"""When a provider may be called: rate limits and a circuit breaker that all workers share.

https://martinfowler.com/bliki/CircuitBreaker.html
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from docwiz_tasks.errors import ExtraMissing
from docwiz_tasks.settings import Settings

if TYPE_CHECKING:
    from limits.storage import Storage

__all__ = ["Hold", "Throttle"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Of what is kept of a provider; TROUBLE as long as anything else may be.
TROUBLE, ASKED, OPEN, FAILURES = "trouble", "asked", "open", "failures"

_ASKED = "asked to wait"
_FAILED = "failed too often in a row"
_LIMITED = "is called as often as its rate limit allows"

# A job waits no longer than this for what it can do without.
ANSWER_SECONDS = 1.0
AWAY_SECONDS = 10.0

_NAMESPACE = "docwiz-tasks"

# Redis tells what is left in whole seconds, rounded, and so that nothing is.
_ROUNDED_SECONDS = 0.5
_LEAST_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a provider may not be called, and for how many seconds yet.

    Args:
        seconds: how long it will last, as far as is known.
        reason: the rest of a sentence that begins with the provider.
    """

    seconds: float
    reason: str


class Throttle:
    """Let a provider be called when what all workers have met with it allows.

    Where that is kept can go away at any time: then providers are called without it.

    Args:
        settings: the limits.
        url: where it is kept, as the library ``limits`` names it; ``memory://`` is this
            process alone.
        options: for the client of a Redis.
    """

    def __init__(
        self, settings: Settings, url: str, options: Mapping[str, Any] | None = None
    ) -> None:
        self.url = url
        self._settings = settings
        self._options = options or {}
        self._storage_of: tuple[int, Storage] | None = None
        self._away_until = 0.0
        self._in_trouble: set[str] = set()

    @property
    def is_shared(self) -> bool:
        """Whether it is kept outside this process."""
        return not self.url.startswith("memory:")

    def turn(self, provider: str) -> Hold | None:
        """Take a turn at a provider, unless something holds it up; that is returned."""
        return self._ask(lambda storage: self._turn(storage, provider))

    def answered(self, provider: str) -> None:
        """Note that a service answered, if only to refuse: what failed before is over."""
        # Nearly always nothing had failed when the call began, and nothing is to be asked.
        if provider in self._in_trouble:
            self._ask(lambda storage: self._recover(storage, provider))

    def failed(self, provider: str, retry_after_seconds: float | None) -> None:
        """Note that a service couldn't answer.

        Args:
            provider: the provider's name.
            retry_after_seconds: how long the service asked to wait, if it said.
        """
        self._ask(lambda storage: self._fail(storage, provider, retry_after_seconds))

    def closed(self, provider: str) -> Hold | None:
        """Return what keeps all workers from a provider now; no turn is taken.

        Raises:
            Exception: as the client does where it can't be asked.
        """
        return _closed(self._storage(), provider)

    def _turn(self, storage: Storage, provider: str) -> Hold | None:
        self._in_trouble.discard(provider)
        if storage.get(_key(provider, TROUBLE)):
            self._in_trouble.add(provider)
            if hold := _closed(storage, provider):
                return hold
            if storage.get(_key(provider, FAILURES)) >= self._settings.breaker_failures:
                # The first to come is the probe; to all others it is open as long again, and
                # so a probe that never ends is followed by another.
                seconds = self._settings.breaker_open_seconds
                if storage.incr(_key(provider, OPEN), seconds) > 1:
                    return _closed(storage, provider) or Hold(_LEAST_SECONDS, _FAILED)
        return self._rate_limited(storage, provider)

    def _rate_limited(self, storage: Storage, provider: str) -> Hold | None:
        rates = self._settings.provider_rate_limits.get(provider)
        if not rates:
            return None
        from limits import RateLimitItemPerSecond
        from limits.strategies import MovingWindowRateLimiter

        limiter = MovingWindowRateLimiter(storage)
        for calls, seconds in sorted(rates, key=lambda rate: rate[1]):
            rate = RateLimitItemPerSecond(calls, seconds, namespace=_NAMESPACE)
            if not limiter.hit(rate, provider):
                free_at = limiter.get_window_stats(rate, provider).reset_time
                left = max(free_at - time.time(), _LEAST_SECONDS)
                return Hold(left, _LIMITED)
        return None

    def _fail(self, storage: Storage, provider: str, retry_after_seconds: float | None) -> None:
        settings = self._settings
        if retry_after_seconds:
            # It works and says when it will again: that is no reason to give up on it.
            if _keep(storage, provider, ASKED, retry_after_seconds):
                logger.warning(
                    "Provider %s asked to wait: no worker calls it for %.0f seconds",
                    provider,
                    retry_after_seconds,
                )
            return
        self._in_trouble.add(provider)
        _keep(storage, provider, TROUBLE, settings.breaker_window_seconds)
        failures = storage.incr(_key(provider, FAILURES), settings.breaker_window_seconds)
        if failures < settings.breaker_failures:
            return
        if _keep(storage, provider, OPEN, settings.breaker_open_seconds):
            logger.warning(
                "Provider %s failed %d times in a row: no worker calls it for %d seconds",
                provider,
                failures,
                settings.breaker_open_seconds,
            )
        # They count until a call is answered: for longer than the next may take to fail.
        seconds = settings.breaker_open_seconds + settings.breaker_window_seconds
        seconds += math.ceil(settings.provider_timeout_seconds)
        _keep(storage, provider, TROUBLE, seconds)
        storage.clear(_key(provider, FAILURES))
        storage.incr(_key(provider, FAILURES), seconds, amount=failures)

    def _recover(self, storage: Storage, provider: str) -> None:
        failures = storage.get(_key(provider, FAILURES))
        storage.clear(_key(provider, FAILURES))
        if failures >= self._settings.breaker_failures:
            storage.clear(_key(provider, OPEN))
            logger.info("Provider %s answers again", provider)

    def _ask(self, question: Callable[[Storage], T]) -> T | None:
        """Return the answer to a question; None when it can't be asked now."""
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = question(self._storage())
        except Exception as error:
            if not self._away_until:
                logger.warning(
                    "Rate limits and breakers of providers are not shared now: %s", _told(error)
                )
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None
        self._away_until = 0.0
        return answer

    def _storage(self) -> Storage:
        # Made when it is used, once in each process: children are forked.
        pid = os.getpid()
        if self._storage_of is None or self._storage_of[0] != pid:
            from limits.storage import storage_from_string

            options = {**self._options, **_bounded(self.url)}
            self._storage_of = pid, cast("Storage", storage_from_string(self.url, **options))
        return self._storage_of[1]


def _key(provider: str, what: str) -> str:
    return f"{_NAMESPACE}/{provider}/{what}"


def _closed(storage: Storage, provider: str) -> Hold | None:
    if left := _left(storage, provider, ASKED):
        return Hold(left, _ASKED)
    if left := _left(storage, provider, OPEN):
        return Hold(left, _FAILED)
    return None


def _left(storage: Storage, provider: str, what: str) -> float:
    """Return for how many seconds something is still kept, 0 if it isn't."""
    key = _key(provider, what)
    if not storage.get(key):
        return 0.0
    return max(storage.get_expiry(key) - time.time(), _LEAST_SECONDS)


def _keep(storage: Storage, provider: str, what: str, seconds: float) -> bool:
    """Keep something for so many seconds at least; say whether it was kept for less."""
    if what != TROUBLE:
        _keep(storage, provider, TROUBLE, seconds)
    if _left(storage, provider, what) > seconds - _ROUNDED_SECONDS:
        return False
    # Two at once may leave the shorter time: the next call is told again.
    storage.clear(_key(provider, what))
    storage.incr(_key(provider, what), math.ceil(seconds))
    return True


def _bounded(url: str) -> dict[str, Any]:
    if not url.startswith("redis"):
        return {}
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def _told(error: Exception) -> str:
    if isinstance(error, ImportError):
        return str(ExtraMissing.for_extra("worker", "Sharing them"))
    return type(error).__name__
