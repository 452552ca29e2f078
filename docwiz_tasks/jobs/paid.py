"""A paid call: never made twice, tried again where that may help, dropped when the time is up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from docwiz_tasks.errors import (
    DeadlineExceeded,
    DocWizError,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from docwiz_tasks.jobs.calls import call
from docwiz_tasks.jobs.ledger import Answer, Entry
from docwiz_tasks.jobs.resources import Resources
from docwiz_tasks.jobs.run import Run
from docwiz_tasks.jobs.throttle import Throttle
from docwiz_tasks.settings import Settings

__all__ = ["Order", "PaidCall", "RetryLater", "make"]

A = TypeVar("A", bound=Answer)
Used = TypeVar("Used")

# A service that made no picture may make one the second or third time; each is paid for.
_ATTEMPTS_REFUSED = 3


class RetryLater(Exception):
    """Have the job run again later, so that its worker is free until then.

    Args:
        seconds: how much later.
        error: what failed for now.
    """

    def __init__(self, seconds: float, error: DocWizError) -> None:
        super().__init__(error.code)
        self.seconds = seconds
        self.error = error


@dataclass(frozen=True, slots=True)
class Order(Generic[A]):
    """The two halves of a call to a service that works on it under an id of its own.

    Args:
        place: is given the request and returns the order's id.
        collect: is given the id and the request, and returns the answer.
    """

    place: Callable[..., Awaitable[str]]
    collect: Callable[..., Awaitable[A]]


@dataclass(frozen=True, slots=True)
class PaidCall(Generic[A, Used]):
    """One call of a provider, and what is made of its answer.

    Args:
        name: its name in the job's ledger.
        provider: the provider's name.
        method: the provider's method.
        arguments: returns its arguments for a call of so many seconds.
        input_digest: a fingerprint of what is sent.
        accept: returns an answer as it is kept; raises `ProviderError` for one that can't be.
        use: makes of a kept answer what the job goes on with; raises `ProviderError` for one
            that is of no use: the next try of the job makes the call again.
        order: takes the method's place at a provider that hands out an id.
    """

    name: str
    provider: str
    method: Callable[..., Awaitable[A]]
    arguments: Callable[[float], tuple[Any, ...]]
    input_digest: str
    accept: Callable[[A], A]
    use: Callable[[A], Used]
    order: Order[A] | None = None


async def make(run: Run, paid: PaidCall[A, Used], resources: Resources) -> Used:
    """Use a call's answer: that of an earlier delivery, or else by making the call.

    It is made when the throttle lets it: waiting for that is no attempt.

    A transient failure is tried again with full jitter, after the delay that the
    provider asked for at least: here if that is soon, by a later delivery if not.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Raises:
        RetryLater: the next attempt is too far off to wait for it here.
        ProviderError: it failed for good.
        DeadlineExceeded: the next attempt would come after the deadline.
    """
    answer = cast("A | None", run.ledger.answer(paid.name))
    if answer is None:
        answer = await _bought(run, paid, resources)
    try:
        return await run.aside(paid.use, answer)
    except ProviderError:
        await run.aside(run.ledger.reject, paid.name)
        raise


async def _bought(run: Run, paid: PaidCall[A, Any], resources: Resources) -> A:
    settings, throttle = resources.settings, resources.throttle
    while True:
        run.check()
        await _take_turn(run, paid, settings, throttle)
        entry, order_id = run.ledger.open_order(paid.name) or (None, None)
        if entry is None:
            begin = run.ledger.begin
            entry = await run.aside(begin, paid.name, paid.provider, paid.input_digest)
        try:
            answer = await _noted(_answered(run, paid, entry, order_id, settings), paid, throttle)
            answer = paid.accept(answer)
        except DocWizError as error:
            await _wait(run, entry, _attempts(run, entry, error), error, settings)
        else:
            await run.aside(run.ledger.answered, entry, answer)
            return answer


async def _take_turn(
    run: Run, paid: PaidCall[A, Any], settings: Settings, throttle: Throttle
) -> None:
    waited = 0.0
    while (hold := throttle.turn(paid.provider)) is not None:
        held_up, patience = run.held_up_seconds(), settings.provider_patience_seconds
        error = ProviderUnavailable(
            f"The provider {paid.provider!r} {hold.reason} and may be called again in"
            f" {hold.seconds:.0f} seconds. The job was held up for {held_up:.0f} seconds, of at"
            f" most {patience:.0f} (DOCWIZ_PROVIDER_PATIENCE_SECONDS)."
        )
        if held_up + hold.seconds > patience:
            raise error
        # Spread out, so that what was held up doesn't come back all at once.
        spread = settings.retry_base_seconds + hold.seconds / 2
        seconds = hold.seconds + random.uniform(0, spread)  # noqa: S311
        waited += seconds
        if waited > settings.retry_in_place_seconds or seconds >= run.remaining_seconds():
            run.tell("retry", step=paid.name, error_code=error.code)
            raise RetryLater(seconds, error)
        await asyncio.sleep(seconds)
        run.check()


async def _noted(answering: Awaitable[A], paid: PaidCall[A, Any], throttle: Throttle) -> A:
    """Return an answer, and have the throttle know how the service is."""
    try:
        answer = await answering
    except ProviderUnavailable as error:
        throttle.failed(paid.provider, error.retry_after_seconds)
        raise
    except ProviderError:
        throttle.answered(paid.provider)
        raise
    throttle.answered(paid.provider)
    return answer


async def _answered(
    run: Run, paid: PaidCall[A, Any], entry: Entry, order_id: str | None, settings: Settings
) -> A:
    def seconds() -> float:
        return min(settings.provider_timeout_seconds, run.remaining_seconds())

    async def called(method: Callable[..., Awaitable[Any]], *first: str) -> Any:
        left = seconds()
        return await call(paid.provider, method, left, *first, *paid.arguments(left))

    if paid.order is None:
        return cast("A", await called(paid.method))
    if order_id is None:
        order_id = str(await called(paid.order.place))
        run.ledger.ordered(entry, order_id)
    return cast("A", await called(paid.order.collect, order_id))


def _attempts(run: Run, entry: Entry, error: DocWizError) -> int:
    """Write a failure down and return how often that was tried."""
    if isinstance(error, ProviderUnavailable) and run.ledger.open_order(entry.name):
        # What was ordered is still being made: it is asked for again, not ordered again.
        return run.ledger.put_off(entry, error)
    run.ledger.failed(entry, error)
    return entry.attempt


async def _wait(
    run: Run, entry: Entry, attempt: int, error: DocWizError, settings: Settings
) -> None:
    if not (isinstance(error, ProviderError) and error.retryable):
        raise error
    attempts = settings.provider_attempts
    if isinstance(error, ProviderRefused):
        attempts = min(attempts, _ATTEMPTS_REFUSED)
    if attempt >= attempts:
        raise error
    most = min(settings.retry_max_seconds, settings.retry_base_seconds * 2 ** (attempt - 1))
    asked = getattr(error, "retry_after_seconds", None) or 0.0
    if asked > settings.provider_patience_seconds:
        raise error
    seconds = asked + random.uniform(0, most)  # noqa: S311
    run.tell("retry", step=entry.name, error_code=error.code)
    if seconds > settings.retry_in_place_seconds:
        raise RetryLater(seconds, error)
    if seconds >= run.remaining_seconds():
        raise DeadlineExceeded("The job's time was up before the provider could be tried again.")
    await asyncio.sleep(seconds)
