"""Who may run a job: its last delivery, as long as that one is alive."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeAlias

from docwiz_tasks.jobs.journal import Document, Journal, now

__all__ = ["Lease"]

Process: TypeAlias = dict[str, str | int]


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

    def take(self) -> int | None:
        """Take the job and return this delivery's number, or None while another runs it."""
        last = self.last()
        if last and self._alive(last):
            return None
        from docwiz_tasks.jobs.ledger import Ledger

        # Without the ledger each delivery would pay for these again.
        answers = Ledger(self.journal).answers() if last else 0
        document = {"at": now(), "process": _this_process(), "answers": answers}
        return last + 1 if self.journal.create(_delivery(last + 1), document) else None

    def held(self) -> bool:
        """Say whether somebody runs the job now."""
        last = self.last()
        return bool(last) and self._alive(last)

    def last(self) -> int:
        """Return the number of the last delivery, 0 if there was none."""
        return max(map(int, self.journal.names("deliveries")), default=0)

    def taken_from(self, number: int) -> bool:
        """Say whether a later delivery than this one has taken the job."""
        return self.journal.read(_delivery(number + 1)) is not None

    def beat(self, number: int) -> None:
        """Show that a delivery is alive."""
        self.journal.write(f"heartbeats/{number:06}", {"at": now()})

    def leave(self, number: int) -> None:
        """Note that a delivery let the job go of its own will, to be run again later."""
        self.journal.create(f"left/{number:06}", {"at": now()})

    def left_at(self) -> datetime | None:
        """Return when the last delivery let the job go, if it did."""
        left = self.journal.read(f"left/{self.last():06}")
        return _time(left) if left else None

    def died(self) -> int:
        """Return the number of the last delivery if it is dead, else 0."""
        last = self.last()
        return 0 if not last or self._alive(last) or self.left_at() is not None else last

    def deaths(self) -> int:
        """Return how many deliveries before the last ended without a word."""
        if self.last() <= 1:
            return 0
        left = {int(name) for name in self.journal.names("left")}
        return sum(number not in left for number in range(1, self.last()))

    def forgive(self) -> None:
        """Count no delivery so far as a death."""
        for number in range(1, self.last() + 1):
            self.leave(number)

    def saved(self) -> int:
        """Return how many calls of providers the deliveries after the first didn't repeat."""
        later = (self.journal.read(_delivery(n)) for n in range(2, self.last() + 1))
        return sum(delivery["answers"] for delivery in later if delivery)

    def began_at(self) -> datetime:
        """Return when the job was first delivered; now, if it never was."""
        first = self.journal.read(_delivery(1))
        return _time(first) if first else datetime.now(UTC)

    def _alive(self, number: int) -> bool:
        delivery = self.journal.read(_delivery(number))
        if delivery is None or self.journal.read(f"left/{number:06}") is not None:
            return False
        if _is_gone(delivery["process"]):
            return False
        heartbeat = self.journal.read(f"heartbeats/{number:06}") or delivery
        return (datetime.now(UTC) - _time(heartbeat)).total_seconds() < self.seconds


def _delivery(number: int) -> str:
    return f"deliveries/{number:06}"


def _time(document: Document) -> datetime:
    return datetime.fromisoformat(document["at"])


def _this_process() -> Process | None:
    machine, started = _machine(), _started(os.getpid())
    if machine is None or started is None:
        return None
    return {"machine": machine, "pid": os.getpid(), "started": started}


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
