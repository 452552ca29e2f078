"""What can go wrong, when it shall, and what was received."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Fault", "Received", "Script"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service sends: JSON, or a file's bytes."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that isn't as it should be.

    Args:
        change: makes the answer to send from the right one; None sends the right one.
        delay_seconds: how long to wait before answering.
        cut: send so much of the answer only, as a part of it, and close the connection.
        reset: close the connection without any answer.
        unfinished: with `cut`, announce what was sent as the whole: JSON cut short.
    """

    change: Callable[[Answer], Answer] | None = None
    delay_seconds: float = 0.0
    cut: float | None = None
    reset: bool = False
    unfinished: bool = False


@dataclass(slots=True)
class Received:
    """One request.

    Args:
        service: ``gemini``, ``freepik``, ``google-token`` or ``files``.
        operation: what was asked for, such as ``generateContent``.
        path: the path, with the query.
        headers: the headers, by lower-case name.
        body: the JSON that came with it, if any.
        at: when it came, by the monotonic clock.
        dropped: set when the client closed the connection before it had its answer.
        answered: set when the answer was sent.
    """

    service: str
    operation: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)
    at: float = field(default_factory=time.monotonic, repr=False)
    dropped: threading.Event = field(default_factory=threading.Event, repr=False)
    answered: threading.Event = field(default_factory=threading.Event, repr=False)


class Script:
    """Which of the coming requests meet which fault."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[tuple[str | None, Callable[[Received], bool], Fault]] = []
        self._every = 0
        self._cycle: Iterator[Fault] = iter(())
        self._count = 0

    def plan(self, *faults: Fault, operation: str | None, when: Callable[[Received], bool]) -> None:
        """Have the next requests, of this kind and that `when` says yes to, meet one each."""
        with self._lock:
            self._planned += [(operation, when, fault) for fault in faults]

    def every(self, number: int, faults: Iterable[Fault]) -> None:
        """Have each request of that number meet a fault: these in turn, for ever."""
        with self._lock:
            self._every, self._cycle, self._count = number, itertools.cycle(faults), 0

    def next(self, received: Received) -> Fault:
        """Return what the request that just came meets."""
        with self._lock:
            for at, (operation, when, fault) in enumerate(self._planned):
                if operation in (None, received.operation) and when(received):
                    del self._planned[at]
                    return fault
            self._count += 1
            if self._every and self._count % self._every == 0:
                return next(self._cycle, Fault())
        return Fault()
