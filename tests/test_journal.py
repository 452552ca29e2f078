"""What is known of a job, when what was written may have been lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from docwiz_tasks import GeneratedImage
from docwiz_tasks.jobs.journal import Journal, Step
from docwiz_tasks.jobs.lease import Lease
from docwiz_tasks.jobs.ledger import Ledger
from docwiz_tasks.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path.as_uri())


def cut_short(folder: Path, name: str) -> None:
    """Do to a document what a loss of power can do to what nobody waited for."""
    (folder / "jobs/the-job" / f"{name}.json").write_bytes(b"")


def test_a_step_that_a_loss_of_power_cut_short_is_committed_again(
    store: Store, tmp_path: Path
) -> None:
    journal = Journal(store, "the-job")
    journal.commit("edit", Step({"url": "first"}, 80))
    cut_short(tmp_path, "steps=edit")
    assert journal.steps() == {}
    again = Step({"url": "second"}, 80)
    assert journal.commit("edit", again) == again
    assert journal.steps() == {"edit": again}


def test_a_delivery_that_a_loss_of_power_cut_short_counts_as_dead(
    store: Store, tmp_path: Path
) -> None:
    journal = Journal(store, "the-job")
    lease = Lease(journal, 20)
    assert lease.take(journal.names())
    assert lease.held()
    cut_short(tmp_path, "deliveries=000001")
    assert not lease.held()
    second = lease.take(journal.names())
    assert second is not None
    assert second.number == 2


def test_the_names_of_documents_are_those_that_they_were_written_under(store: Store) -> None:
    journal, other = Journal(store, "the-job"), Journal(store, "another-job")
    other.commit("elsewhere", Step({}, 0))
    for name in ("rhinoplasty.photo", "edit"):
        journal.commit(name, Step({}, 0))
    journal.create("calls/edit/0001", {})
    assert journal.names() == ["calls/edit/0001", "steps/edit", "steps/rhinoplasty.photo"]
    assert journal.names("steps") == ["edit", "rhinoplasty.photo"]
    assert journal.names("calls") == ["edit/0001"]


def test_an_answer_that_is_kept_keeps_its_own_picture_when_another_run_answers_too(
    store: Store,
) -> None:
    ledger = Ledger(Journal(store, "the-job"))
    entry = ledger.begin("edit", "null", "digest")
    first = GeneratedImage(b"\x89PNG\r\n\x1a\nfirst\n\n", "image/png", "one", usage={"tokens": 1})
    ledger.answered(entry, first)
    ledger.answered(entry, GeneratedImage(b"\xff\xd8\xffsecond", "image/jpeg", "two"))
    assert ledger.answer("edit") == first
