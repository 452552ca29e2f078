"""What the deliveries before a run left of its job."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from docwiz_tasks.jobs.journal import Journal, Step
from docwiz_tasks.jobs.lease import Delivery, delivery_name, left_name

__all__ = ["Past"]


class Past:
    """What there is of a job when a delivery takes it: for the first one, next to nothing.

    Args:
        journal: the job's journal.
        delivery: the delivery that holds the job now.
        names: the job's documents, listed just before it took the job.
    """

    def __init__(self, journal: Journal, delivery: Delivery, names: Collection[str]) -> None:
        self._journal = journal
        self._delivery = delivery
        # The one before could still write between the listing and its end.
        self._names = names if delivery.number == 1 else journal.names()

    def began_at(self) -> datetime:
        """Return when the job was first delivered."""
        first = None
        if self._delivery.number > 1:
            first = self._journal.read(delivery_name(1))
        return datetime.fromisoformat(first["at"]) if first else self._delivery.at

    def deaths(self) -> int:
        """Return how many deliveries ended without a word."""
        earlier = range(1, self._delivery.number)
        return sum(left_name(number) not in self._names for number in earlier)

    def saved(self) -> int:
        """Return how many calls of providers the deliveries after the first didn't repeat."""
        between = (self._journal.read(delivery_name(n)) for n in range(2, self._delivery.number))
        return self._delivery.answers + sum(int(found["answers"]) for found in between if found)

    def steps(self) -> dict[str, Step]:
        """Return the committed steps by name."""
        return self._journal.steps() if self._has("steps") else {}

    def has_no_calls(self) -> bool:
        """Say whether nobody but the delivery that holds the job can have called a provider."""
        return self._delivery.number == 1 and not self._has("calls")

    def _has(self, folder: str) -> bool:
        return any(name.startswith(f"{folder}/") for name in self._names)
