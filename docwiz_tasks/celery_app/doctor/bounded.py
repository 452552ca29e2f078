"""Calling what may never answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["SECONDS", "within"]

Result = TypeVar("Result")

SECONDS = 5.0


def within(call: Callable[[], Result], seconds: float = SECONDS) -> Result:
    """Return what `call` returns, in a thread of its own that is left behind when it hangs.

    Raises:
        TimeoutError: it had not returned in time.
        Exception: whatever it raises.
    """
    results: list[Result] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:
            errors.append(error)

    # A daemon: clients have timeouts and retries of their own, of minutes or none at all,
    # and the process must be able to end meanwhile.
    thread = threading.Thread(target=run, name="docwiz-doctor", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    return results[0]
