"""Who may run a job: its last delivery, as long as that one is alive."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeAlias

from docwiz_tasks.jobs.journal import Document, Journal, now

__all__ = ["Delivery", "Lease", "delivery_name", "left_name"]

Process: TypeAlias = dict[str, str | int]

_DELIVERIES = "deliveries"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a job that took it.

    Args:
        number: which one it is, from 1.
        at: when it took the job.
        answers: how many calls of providers it found answered.
    """

    number: int
    at: datetime
    answers: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The deliveries of one job, of which at most one runs it.

    Each takes the next number, and only one can create it. Its holder leaves a
    heartbeat behind it; one that died is known at once on its own machine, and
    elsewhere by the silence of its heart.

    Args:
        journal: the job's journal.
        seconds: after how long without a heartbeat a holder counts as dead.
    """

    journal: Journal
    seconds: float

    def take(self, names: Collection[str]) -> Delivery | None:
        """Take the job, or return None while another delivery runs it.

        Args:
            names: the job's documents, listed just now.
        """
        last = max((int(name[-6:]) for name in names if name.startswith(_DELIVERIES)), default=0)
        if last and self._alive(last):
            return None
        from docwiz_tasks.jobs.ledger import Ledger

        # Without the ledger each delivery would pay for these again.
        answers = Ledger(self.journal).answers() if last else 0
        document = {"at": now(), "process": _process(os.getpid()), "answers": answers}
        if not self.journal.create(delivery_name(last + 1), document, durable=False):
            return None
        return Delivery(last + 1, _time(document), answers)

    def held(self) -> bool:
        """Say whether somebody runs the job now."""
        last = self.last()
        return bool(last) and self._alive(last)

    def last(self) -> int:
        """Return the number of the last delivery, 0 if there was none."""
        return max(map(int, self.journal.names(_DELIVERIES)), default=0)

    def taken_from(self, number: int) -> bool:
        """Say whether a later delivery than this one has taken the job."""
        return self.journal.exists(delivery_name(number + 1))

    def beat(self, number: int) -> None:
        """Show that a delivery is alive."""
        self.journal.write(f"heartbeats/{number:06}", {"at": now()}, durable=False)

    def leave(self, number: int) -> None:
        """Note that a delivery let the job go of its own will, to be run again later."""
        self.journal.create(left_name(number), {"at": now()}, durable=False)

    def left_at(self) -> datetime | None:
        """Return when the last delivery let the job go, if it did."""
        left = self.journal.read(left_name(self.last()))
        return _time(left) if left else None

    def died(self) -> int:
        """Return the number of the last delivery if it is dead, else 0."""
        last = self.last()
        return 0 if not last or self._alive(last) or self.left_at() is not None else last

    def forgive(self) -> None:
        """Count no delivery so far as a death."""
        for number in range(1, self.last() + 1):
            self.leave(number)

    def _alive(self, number: int) -> bool:
        delivery = self.journal.read(delivery_name(number))
        if delivery is None or self.journal.exists(left_name(number)):
            return False
        if _is_gone(delivery["process"]):
            return False
        heartbeat = self.journal.read(f"heartbeats/{number:06}") or delivery
        return (datetime.now(UTC) - _time(heartbeat)).total_seconds() < self.seconds


def delivery_name(number: int) -> str:
    """Return the name of the document of a delivery."""
    return f"{_DELIVERIES}/{number:06}"


def left_name(number: int) -> str:
    """Return the name of the document that says that a delivery let the job go."""
    return f"left/{number:06}"


def _time(document: Document) -> datetime:
    return datetime.fromisoformat(document["at"])


@cache
def _process(pid: int) -> Process | None:
    """Return what tells this process from all others; read once, and again after a fork."""
    machine, started = _machine(), _started(pid)
    if machine is None or started is None:
        return None
    return {"machine": machine, "pid": pid, "started": started}


def _is_gone(process: Process | None) -> bool:
    """Say whether a process is known to have ended; on another machine nothing is known."""
    if process is None or process["machine"] != _machine():
        return False
    return _started(int(process["pid"])) != process["started"]


@cache
def _machine() -> str | None:
    """Return what tells process ids apart: the boot and the namespace of processes, on Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return None


def _started(pid: int) -> int | None:
    """Return when a process was started, in clock ticks since boot, or None if it has ended.

    See proc_pid_stat(5): the third field is the state, the 22nd the time.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])
