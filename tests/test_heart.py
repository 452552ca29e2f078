"""What keeps running jobs' leases, and stops jobs that were cancelled or taken over."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from functools import partial

import pytest
from clinic import until

from docwiz_tasks import JobCancelled
from docwiz_tasks.jobs.heartbeat import Heart, LeaseLost
from docwiz_tasks.jobs.journal import Journal
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.store import Store, open_store

EVERY = 0.02


@pytest.fixture
def store() -> Store:
    return open_store("memory://")


def taken(store: Store, job_id: str) -> Lease:
    lease = Lease(Journal(store, job_id), 20)
    assert lease.take([])
    return lease


def hearts() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "docwiz-heart"]


def test_one_thread_beats_for_all_runs_and_ends_after_the_last(store: Store) -> None:
    heart, leases = Heart(EVERY), [taken(store, id) for id in ("first", "second")]
    with ExitStack() as runs:
        for lease in leases:
            runs.enter_context(heart.beating(lease, 1, lambda _reason: None))
        for lease in leases:
            until(partial(lease.journal.exists, "heartbeats/000001"), "a beat")
        assert len(hearts()) == 1
    until(lambda: not hearts(), "the thread's end")
    with heart.beating(leases[0], 1, lambda _reason: None):
        assert len(hearts()) == 1, "started again"


def test_a_run_that_is_over_beats_no_more(store: Store) -> None:
    heart, lease = Heart(EVERY), taken(store, "first")
    with heart.beating(lease, 1, lambda _reason: None):
        until(lambda: lease.journal.exists("heartbeats/000001"), "a beat")
    lease.journal.delete("heartbeats/000001")
    until(lambda: not hearts(), "the thread's end")
    assert not lease.journal.exists("heartbeats/000001")


def test_only_the_run_that_has_to_stop_is_interrupted(store: Store) -> None:
    heart, told = Heart(EVERY), dict[str, Exception]()
    with ExitStack() as runs:
        for id in ("cancelled", "lost", "well"):
            lease = taken(store, id)
            runs.enter_context(heart.beating(lease, 1, partial(told.__setitem__, id)))
        Journal(store, "cancelled").cancel()
        Journal(store, "lost").write("deliveries/000002", {})
        until(lambda: len(told) == 2, "the interruptions")
    assert isinstance(told["cancelled"], JobCancelled)
    assert isinstance(told["lost"], LeaseLost)


def test_a_forked_child_has_a_heart_that_beats(store: Store) -> None:
    heart, lease = Heart(EVERY), taken(store, "first")
    with heart.beating(lease, 1, lambda _reason: None):
        child = os.fork()
        if child == 0:
            lease.journal.delete("heartbeats/000001")
            with heart.beating(lease, 1, lambda _reason: None):
                until(lambda: lease.journal.exists("heartbeats/000001"), "a beat", 10)
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
