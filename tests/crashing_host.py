"""A host whose worker does what a test has planned for a job: die, wait, or get stuck.

``HOST_PLANS`` is a folder. A file ``<job id>`` in it holds the point where something
happens and what: ``after edit|child`` kills the pool's child there, once;
``…|worker`` the whole worker; ``…|child always`` each time; ``…|stuck`` never comes back
from there, whatever is raised. While there is a file ``<job id>.gate``, that job's calls
of providers don't return. Each call is written to the file ``HOST_CALLS`` when it starts
and when its answer is kept, each event to ``HOST_EVENTS``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from host_app import app, docwiz

from docwiz_tasks import JobEvent, hookimpl
from docwiz_tasks.jobs import paid
from docwiz_tasks.jobs.journal import End, Journal, Step
from docwiz_tasks.jobs.ledger import Answer, Entry, Ledger
from docwiz_tasks.jobs.past import Past
from docwiz_tasks.jobs.run import Run

__all__ = ["app"]

PLANS, CALLS = Path(os.environ["HOST_PLANS"]), Path(os.environ["HOST_CALLS"])

commit, finish, make = Journal.commit, Journal.finish, paid._answered
begin, answered = Ledger.begin, Ledger.answered


def reach(job_id: str, point: str) -> None:
    plan = PLANS / job_id
    try:
        planned, _, what = plan.read_text().partition("|")
    except FileNotFoundError:
        return
    if planned != point:
        return
    if what != "child always":
        plan.unlink()
    if what == "stuck":
        stick()
    if what == "worker":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def stick() -> None:
    while True:
        try:
            time.sleep(60)
        except BaseException as error:
            print(f"stuck, whatever is raised: {type(error).__name__}")


def write(job_id: str, call: str, what: str) -> None:
    with CALLS.open("a") as file:
        file.write(f"{job_id} {call} {what}\n")


def crashing_commit(journal: Journal, name: str, step: Step) -> Step:
    reach(journal.job_id, f"in {name}")
    kept = commit(journal, name, step)
    reach(journal.job_id, f"after {name}")
    return kept


def crashing_finish(journal: Journal, *end: Any) -> End:
    kept = finish(journal, *end)
    reach(journal.job_id, "after the end")
    return kept


def crashing_begin(ledger: Ledger, name: str, *about: str) -> Entry:
    reach(ledger._journal.job_id, f"before call {name}")
    return begin(ledger, name, *about)


def crashing_answered(ledger: Ledger, entry: Entry, answer: Answer) -> None:
    answered(ledger, entry, answer)
    write(ledger._journal.job_id, entry.name, "answered")
    reach(ledger._journal.job_id, f"after call {entry.name}")


async def crashing_make(run: Run, call: paid.PaidCall[Any, Any], *rest: Any) -> Any:
    write(run.job_id, call.name, "started")
    while (PLANS / f"{run.job_id}.gate").exists():
        await asyncio.sleep(0.02)
    answer = await make(run, call, *rest)
    reach(run.job_id, f"during call {call.name}")
    return answer


class Listener:
    @hookimpl
    def docwiz_job_event(self, event: JobEvent) -> None:
        if path := os.environ.get("HOST_EVENTS"):
            with Path(path).open("a") as file:
                file.write(f"{event.job_id} {event.kind} {event.error_code}\n")


docwiz.plugins.manager.register(Listener())
Journal.commit = crashing_commit  # type: ignore[assignment, method-assign]
Journal.finish = crashing_finish  # type: ignore[assignment, method-assign]
Ledger.begin = crashing_begin  # type: ignore[assignment, method-assign]
Ledger.answered = crashing_answered  # type: ignore[assignment, method-assign]
paid._answered = crashing_make  # type: ignore[assignment]
# All files that jobs make are to be the same, byte for byte, whenever they ran.
Past.began_at = lambda _past: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)  # type: ignore[assignment, method-assign]
